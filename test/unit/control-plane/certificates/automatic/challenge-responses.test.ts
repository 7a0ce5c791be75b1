import { expect, test } from "bun:test";
import { ChallengeResponses } from "../../../../../src/control-plane/certificates/automatic/challenge-responses.ts";
import { FolderStorage } from "../../../../../src/control-plane/certificates/storage/folder-storage.ts";
import { createCertificate } from "../../../../support/certificates.ts";
import { ManualClock } from "../../../../support/manual-clock.ts";
import { tempFolder } from "../../../../support/temp-folder.ts";

test("a damaged answer in the shared storage hides no other", async () => {
  using folder = tempFolder();
  const shared = new FolderStorage(folder.path);
  const { certificate, privateKey } = createCertificate(["b.test"]);
  await shared.write("challenges/tls/a.test", Buffer.from("nonsense"));
  await shared.write("challenges/tls/b.test", Buffer.from(privateKey + certificate));
  await shared.write("challenges/tls/c.test", Buffer.from(certificate));
  const challenges = new ChallengeResponses({
    clock: new ManualClock(),
    shared,
    changed: async () => {},
  });
  await challenges.reload();
  expect([...challenges.certificates.keys()]).toEqual(["b.test"]);
});
