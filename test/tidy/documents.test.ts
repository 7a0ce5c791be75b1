import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { catalogue } from "../../src/cli/catalogue.ts";
import { imageConfig } from "../../scripts/image/proxy-image.ts";
import { forwardingKeys } from "../../src/protocols/http/forwarding-keys.ts";
import { errorCodes } from "../../src/data-plane/proxy/answers/failure.ts";
import { completionLevels } from "../../src/cli/completion/completion-levels.ts";
import { CommandError } from "../../src/config/command-error.ts";
import { runLine, words } from "../support/command-line.ts";
import { projectFolder } from "./source-files.ts";
import manifest from "../../package.json" with { type: "json" };

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

  test("names every field that only proxies in front may send", () => {
    const text = read("docs/configuration.md").toLowerCase();
    expect(forwardingKeys.filter((key) => !text.includes(`\`${key}\``))).toEqual([]);
  });

  test("examples name the version of the package", () => {
    const examples = /(?:kamal-proxy[:-]|image_version |version: )v(\d+\.\d+\.\d+)/g;
    const pages = ["docs/drop-in.md", "docs/outside-kamal.md", "Dockerfile"];
    const found = pages.flatMap((page) => [...read(page).matchAll(examples)]);
    expect(found.length).toBeGreaterThan(8);
    expect(found.filter(([, version]) => version !== manifest.version)).toEqual([]);
  });

  test("examples are commands that are understood", async () => {
    const pages = ["README.md", ...new Bun.Glob("docs/*.md").scanSync({ cwd: projectFolder })];
    const lines = pages.flatMap((page) => exampleLines(read(page)));
    expect(lines.length).toBeGreaterThan(50);
    for (const line of lines) {
      const { exitCode, sent, stderr } = await runLine(words(line.replaceAll('"', "'")).slice(1), {
        secret: "secret",
        reply: (command) => {
          throw new CommandError(`${command.command} was sent`);
        },
      });
      expect(sent !== undefined || exitCode === 0, `${line}: ${stderr}`).toBe(true);
    }
  });

  test("links lead to files that exist", () => {
    const patterns = ["*.md", "docs/*.md"].map((pattern) => new Bun.Glob(pattern));
    const pages = patterns.flatMap((glob) => [...glob.scanSync({ cwd: projectFolder })]);
    expect(pages.length).toBeGreaterThan(5);
    for (const page of pages) expect(brokenLinks(page, read(page)), page).toEqual([]);
  });

  test("of the code name what is there", () => {
    for (const page of ["ARCHITECTURE.md", "CONTRIBUTING.md"]) {
      expect(missingNames(read(page)), page).toEqual([]);
    }
  });
});

/** `kamal-proxy …` in the blocks of commands of a page. */
function exampleLines(text: string): string[] {
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block]) => block!);
  const lines = blocks.flatMap((block) => block.replaceAll("\\\n", " ").split("\n"));
  return lines.flatMap((line) => {
    const found = /^\s*(?:docker exec kamal-proxy )?(kamal-proxy [a-z][^|]*)/.exec(line);
    // Comments, and what looks at the machine itself.
    const command = found?.[1]?.replace(/\s+#.*/, "").trim();
    if (command === undefined || /^kamal-proxy (?:doctor|top)/.test(command)) return [];
    return [command.replace("$2b$10$…", `$2b$10$${"a".repeat(53)}`)];
  });
}

/** Links to places in the project where nothing is. */
function brokenLinks(page: string, text: string): string[] {
  const links = [...text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(([, link]) => link!);
  return links.filter((link) => {
    return !/^https?:/.test(link) && !existsSync(join(projectFolder, page, "..", link));
  });
}

const projectPaths = [
  ...new Bun.Glob("{src,test,scripts,docs,.ci,.github}/**/*").scanSync({
    cwd: projectFolder,
    dot: true,
    onlyFiles: false,
  }),
].map((path) => `/${path}`);

/** Paths in code quotes that no path of the project ends with, even without its extension. */
function missingNames(text: string): string[] {
  const named = [...text.matchAll(/`((?:[a-z0-9.-]+\/)+[a-z0-9.-]*)`/g)].map(([, path]) => path!);
  return named.filter((name) => {
    // What a build makes, and the folders of the project themselves.
    if (name.startsWith("dist/") || existsSync(join(projectFolder, name))) return false;
    const path = `/${name.replace(/\/$/, "")}`;
    return !projectPaths.some((each) => each.endsWith(path) || each.endsWith(`${path}.ts`));
  });
}

test("workflows, the Dockerfile and the pages call scripts that are there", () => {
  const workflows = [
    ...new Bun.Glob(".github/workflows/*.yml").scanSync({ cwd: projectFolder, dot: true }),
  ];
  expect(workflows.length).toBeGreaterThan(1);
  for (const page of [...workflows, "Dockerfile", "README.md", "CONTRIBUTING.md"]) {
    const called = [...read(page).matchAll(/npm run ([a-z-]+)/g)].map(([, script]) => script!);
    expect(
      called.filter((script) => !(script in manifest.scripts)),
      page,
    ).toEqual([]);
  }
});

describe("the rules of the documents", () => {
  test("find links and names that lead nowhere", () => {
    expect(brokenLinks("docs/a.md", "[a](drop-in.md) [b](../README.md#x) [c](none.md)")).toEqual([
      "none.md",
    ]);
    const text = "`lib/clock` `src/main.ts` `proxy/` `test/tidy` `lib/clocks` `proxy/none.ts` a/b";
    expect(missingNames(text)).toEqual(["lib/clocks", "proxy/none.ts"]);
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

  test("has a paragraph for each error code, and for no other", () => {
    const codes = [...page.matchAll(/^\*\*`([a-z-]+)`\*\* \(\d{3}/gm)].map(([, code]) => code!);
    expect(codes.toSorted()).toEqual([...errorCodes].toSorted());
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
