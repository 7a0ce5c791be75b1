import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { catalogue } from "../../../src/cli/catalogue.ts";
import { imageConfig } from "../../../scripts/image/proxy-image.ts";
import { completionLevels } from "../../../src/cli/completion/completion-levels.ts";
import { runLine } from "../../support/command-line.ts";
import manifest from "../../../package.json" with { type: "json" };

const projectFolder = join(import.meta.dir, "..", "..", "..");
const read = (path: string) => readFileSync(join(projectFolder, path), "utf8");

describe("documentation", () => {
  test("names every flag of every command", async () => {
    const text = read("docs/configuration.md");
    for (const { path, flags } of await completionLevels(catalogue)) {
      for (const { name } of flags) {
        if (name === "help" || name === "version") continue;
        expect(text, `${path} --${name}`).toContain(`\`--${name}`);
      }
    }
  });

  test("names every environment variable that the help of `run` names", async () => {
    const text = read("docs/configuration.md");
    const { stdout } = await runLine(["run", "--help"]);
    const variables = stdout.match(/\bKAMAL_PROXY_[A-Z_]+/g) ?? [];
    expect(variables.length).toBeGreaterThan(8);
    for (const variable of variables) {
      // The first five are given without their prefix.
      const short = variable.replace("KAMAL_PROXY_", "`");
      expect(text.includes(variable) || text.includes(short), variable).toBe(true);
    }
  });

  test("examples name the version of the package", () => {
    const examples = /(?:kamal-proxy[:-]|image_version |version: )v(\d+\.\d+\.\d+)/g;
    const pages = ["docs/drop-in.md", "docs/outside-kamal.md", "Dockerfile"];
    const found = pages.flatMap((page) => [...read(page).matchAll(examples)]);
    expect(found.length).toBeGreaterThan(8);
    expect(found.filter(([, version]) => version !== manifest.version)).toEqual([]);
  });

  test("links lead to files that exist", async () => {
    for (const page of new Bun.Glob("{*,docs/*}.md").scanSync({ cwd: projectFolder })) {
      for (const [, link = ""] of read(page).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
        if (/^https?:/.test(link)) continue;
        const path = join(page, "..", link);
        expect(await Bun.file(join(projectFolder, path)).exists(), `${page}: ${link}`).toBe(true);
      }
    }
  });
});

/** The fixed part of each text that such a call begins with. */
async function textsIn(call: RegExp): Promise<string[]> {
  const texts = new Set<string>();
  for await (const path of new Bun.Glob("src/**/*.ts").scan({ cwd: projectFolder })) {
    for (const [, , text = ""] of read(path).matchAll(call)) {
      const parts = text
        .split(/\$\{[^}]*\}|\\n/)
        .map((part) => part.replace(/^[\W_]+|[\s:("]+$/g, ""));
      texts.add(parts.toSorted((a, b) => b.length - a.length)[0]!);
    }
  }
  return [...texts];
}

describe("troubleshooting page", () => {
  const page = read("docs/troubleshooting.md");

  test("has every error of a command", async () => {
    const texts = await textsIn(/new CommandError\(\s*(["`])((?:\\.|(?!\1)[^])*)\1/g);
    expect(texts.length).toBeGreaterThan(25);
    expect(texts.filter((text) => !page.includes(text))).toEqual([]);
  });

  test("has every warning and error of the log", async () => {
    const texts = await textsIn(/\.(?:warn|error)\(\s*(["`])((?:\\.|(?!\1)[^])*)\1/g);
    expect(texts).toContain("Unable to save state");
    expect(texts.filter((text) => !page.includes(text))).toEqual([]);
  });
});

describe("Dockerfile", () => {
  test("gives the image the same configuration as `bun run image` does", () => {
    const dockerfile = read("Dockerfile");
    const { User, ExposedPorts, Cmd, Labels } = imageConfig();
    for (const [name, value] of Object.entries(Labels)) {
      expect(dockerfile).toContain(`${name}="${value}"`);
    }
    expect(dockerfile).toContain(`\nUSER ${User}\n`);
    const ports = Object.keys(ExposedPorts).map((port) => port.replace("/tcp", ""));
    expect(dockerfile).toContain(`\nEXPOSE ${ports.join(" ")}\n`);
    expect(dockerfile).toContain(`\nCMD ${JSON.stringify(Cmd).replace(",", ", ")}\n`);
    expect(dockerfile).not.toContain("ENTRYPOINT");
  });
});
