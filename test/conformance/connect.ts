/**
 * Runs connectconformance, the conformance tests of gRPC, gRPC-Web and Connect, with the proxy between its
 * client and its reference server: `bun test/conformance/connect.ts`. The binaries are those in PATH or in the
 * folder CONFORMANCE (`go install connectrpc.com/conformance/cmd/{connectconformance,referenceserver}@v1.0.7`);
 * without them nothing is run.
 */
import { join } from "node:path";
import { bunPath, runTool } from "../../scripts/project.ts";
import { tempFolder } from "../support/temp-folder.ts";

const path = [Bun.env["CONFORMANCE"], Bun.env["PATH"]].filter(Boolean).join(":");
const runner = Bun.which("connectconformance", { PATH: path });
const server = Bun.which("referenceserver", { PATH: path });
if (runner === null || server === null) {
  console.log("connectconformance and referenceserver were not found: see this file");
  process.exit(0);
}

/** Client certificates are of the proxy's own choosing, and HTTP/3 is served by another engine. */
const config = `
features:
  versions: [HTTP_VERSION_1, HTTP_VERSION_2]
  protocols: [PROTOCOL_CONNECT, PROTOCOL_GRPC, PROTOCOL_GRPC_WEB]
  codecs: [CODEC_PROTO, CODEC_JSON]
  compressions: [COMPRESSION_IDENTITY, COMPRESSION_GZIP]
  supportsH2c: true
  supportsTls: true
  supportsTlsClientCerts: false
  supportsTrailers: true
  supportsHalfDuplexBidiOverHttp1: true
  supportsConnectGet: true
  supportsMessageReceiveLimit: true
`;

using folder = tempFolder();
await Bun.write(folder.file("config.yaml"), config);
process.exit(
  await runTool([
    runner,
    "--mode=server",
    `--conf=${folder.file("config.yaml")}`,
    "--max-servers=2",
    ...Bun.argv.slice(2),
    "--",
    bunPath,
    join(import.meta.dir, "connect-server.ts"),
    server,
  ]),
);
