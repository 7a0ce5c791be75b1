import { describe, expect, test } from "bun:test";
import { bunDependency, runtimeDependencies } from "../../../scripts/release/dependencies.ts";
import { sbom } from "../../../scripts/release/sbom.ts";
import {
  imageLicenses,
  thirdPartyLicenses,
} from "../../../scripts/release/third-party-licenses.ts";
import manifest from "../../../package.json" with { type: "json" };

interface Bill {
  components: { name: string; version: string; purl: string; hashes?: { content: string }[] }[];
  dependencies: { ref: string; dependsOn: string[] }[];
}

const names = () => runtimeDependencies().map(({ name }) => name);

describe("runtime dependencies", () => {
  test("are the project's own and what they need, and nothing of development", () => {
    expect(names()).toEqual(expect.arrayContaining(Object.keys(manifest.dependencies)));
    expect(names()).toContain("node-forge");
    expect(names()).not.toContain("fast-check");
    expect(names()).not.toContain("oxlint");
    const direct = runtimeDependencies().filter((dependency) => dependency.direct);
    expect(direct.map(({ name }) => name)).toEqual(Object.keys(manifest.dependencies).toSorted());
  });

  test("have the versions of the lock file", () => {
    for (const { name, version, direct } of runtimeDependencies()) {
      if (!direct) continue;
      expect(version).toBe(manifest.dependencies[name as keyof typeof manifest.dependencies]);
    }
    expect(bunDependency().version).toBe(manifest.devDependencies.bun);
  });
});

describe("third-party licenses", () => {
  test("hold a text for each dependency and for the runtime", () => {
    const text = thirdPartyLicenses();
    for (const { name, version } of runtimeDependencies())
      expect(text).toContain(`${name} ${version} (`);
    expect(text).toContain(`Bun ${bunDependency().version}`);
    expect(text).toContain("JavaScriptCore");
    expect(text).not.toMatch(/^License: /m);
  });

  test("of an image say whose C library is in it", () => {
    expect(imageLicenses("the notice\n")).toEndWith("the notice\n");
    expect(imageLicenses("")).toContain("LGPL-2.1-or-later");
  });
});

describe("bill of materials", () => {
  test("lists each dependency once, with its hash, and refers to nothing else", () => {
    const bill = sbom(manifest) as Bill;
    const urls = bill.components.map(({ purl }) => purl);
    expect(new Set(urls).size).toBe(urls.length);
    expect(urls).toContain(`pkg:npm/valibot@${manifest.dependencies.valibot}`);
    expect(urls).toContain(`pkg:npm/bun@${manifest.devDependencies.bun}`);
    for (const { hashes } of bill.components) {
      expect(hashes?.[0]?.content).toMatch(/^[0-9a-f]{128}$/);
    }
    const known = new Set([...urls, `pkg:npm/kamal-proxy@${manifest.version}`]);
    for (const { ref, dependsOn } of bill.dependencies) {
      for (const url of [ref, ...dependsOn]) expect(known).toContain(url);
    }
  });

  test("of the same lock file is the same", () => {
    expect(JSON.stringify(sbom(manifest))).toBe(JSON.stringify(sbom(manifest)));
  });
});
