import { describe, expect, test } from "bun:test";
import {
  fileLayer,
  strayTables,
} from "../../../../src/control-plane/settings-layers/file-layer.ts";
import { SettingsFile } from "../../../../src/control-plane/settings-layers/settings-file.ts";

function toml(text: string, path = "/apps/app/proxy.toml"): SettingsFile {
  return SettingsFile.parse(path, text);
}

describe("file of settings", () => {
  const values = {
    "target-timeout": 10_000,
    "buffer-requests": true,
    "buffer-memory": 4_096,
    "log-request-header": ["A", "B,C"],
    "error-pages": "/pages",
  };

  test.each([
    [
      "toml",
      '#:schema x\n[app-web]\ntarget-timeout = "10s"\nbuffer-requests = true\nbuffer-memory = 4_096\n' +
        'log-request-header = [\n  "A",\n  "B,C",\n]\nerror-pages = "/pages"\n',
    ],
    [
      "yml",
      "app-web:\n  target-timeout: 10s\n  buffer-requests: true\n  buffer-memory: 4096\n" +
        "  log-request-header:\n    - A\n    - B,C\n  error-pages: /pages\n",
    ],
    [
      "json",
      '{"$schema": "x", "app-web": {"target-timeout": "10s", "buffer-requests": true, ' +
        '"buffer-memory": 4096, "log-request-header": ["A", "B,C"], "error-pages": "/pages"}}',
    ],
  ])("%s has keys that are flags", (format, text) => {
    const file = SettingsFile.parse(`/apps/app/proxy.${format}`, text);
    expect(fileLayer([file], "app-web")).toEqual(values);
    expect(fileLayer([file], "app-web-staging")).toEqual({});
  });

  test("a list may be one text", () => {
    expect(fileLayer([toml('[web]\nhost = "a.test"\n')], "web")).toEqual({ host: ["a.test"] });
  });

  test("a pattern stands for several services, and counts less than a name", () => {
    const file = toml(
      '[app-web]\ntarget-timeout = "1s"\n[app-*] # all\ntarget-timeout = "2s"\nbuffer-requests = true\n',
    );
    expect(fileLayer([file], "app-web")).toEqual({
      "target-timeout": 1_000,
      "buffer-requests": true,
    });
    expect(fileLayer([file], "app-api")).toEqual({
      "target-timeout": 2_000,
      "buffer-requests": true,
    });
    expect(fileLayer([file], "my-app-web")).toEqual({});
  });

  test("an empty one says nothing", () => {
    expect(fileLayer([toml(""), SettingsFile.parse("/apps/a/proxy.yml", "")], "web")).toEqual({});
  });

  test("two that say something of one service are both named", () => {
    const files = [
      toml("[app-*]\n", "/apps/app/proxy.toml"),
      SettingsFile.parse("/apps/other/proxy.json", '{"app-web": {}}'),
    ];
    expect(() => fileLayer(files, "app-web")).toThrow(
      'two files have settings of "app-web": /apps/app/proxy.toml and /apps/other/proxy.json',
    );
    expect(fileLayer(files, "app-api")).toEqual({});
  });

  test.each([
    ["rate-limt = 3", '"rate-limt" is no setting of a service'],
    ["target = 3", '"target" is no setting of a service'],
    ["__proto__ = 3", '"__proto__" is no setting of a service'],
    ["tls = 1", '"tls" must be true or false'],
    ["buffer-memory = 1.5", '"buffer-memory" must be a whole number'],
    ["target-timeout = 30", '"target-timeout" must be a duration such as "30s"'],
    ['target-timeout = "soon"', '"target-timeout" must be a duration such as "30s"'],
    ["error-pages = []", '"error-pages" must be a text'],
    ["host = [1]", '"host" must be a list of texts'],
    ['target-protocol = "h3"', '"target-protocol" "h3": must be auto or h1 or h2c'],
    ['deny-ip = ["::1", "x"]', '"deny-ip" "x": '],
    ["sub.tls = true", '"sub" is no setting of a service'],
    ["[web.sub]", '"sub" is no setting of a service'],
  ])("%s is refused with file, line and key", (line, reason) => {
    const file = toml(
      `# tls and host\n[other]\ntls = true\n\n[web]\nbuffer-requests = true\n${line}\n`,
    );
    expect(() => fileLayer([file], "web")).toThrow(`/apps/app/proxy.toml, line 7: ${reason}`);
    // What is wrong with one service is no matter of another.
    expect(fileLayer([file], "other")).toEqual({ tls: true });
  });

  test("a place is found in every format", () => {
    const yaml = SettingsFile.parse("/a/proxy.yml", "x:\n  tls: true\nweb:\n  # tls\n  'tls': 1\n");
    expect(() => fileLayer([yaml], "web")).toThrow('/a/proxy.yml, line 5: "tls" must be');
    const json = SettingsFile.parse(
      "/a/proxy.json",
      '{\n "x": {"tls": true},\n "web": {"tls": 1}}',
    );
    expect(() => fileLayer([json], "web")).toThrow('/a/proxy.json, line 3: "tls" must be');
  });

  test.each([
    ["toml", "[web]\ntls = true\nhost = [\n  'a',\n]\ntls = = 1\n[b]\n", ", line 6: "],
    ["toml", "[web\n", ", line 1: "],
    ["yml", "web:\n  tls: true\n  host: [a\nb: 1\n", ", line 3: "],
    ["json", "{", ": "],
  ])("%s that is none fails with its place", (format, text, place) => {
    const path = `/apps/app/proxy.${format}`;
    expect(() => SettingsFile.parse(path, text)).toThrow(`${path}${place}`);
  });

  test.each([
    ["toml", "tls = true\n", ", line 1: tls must be a table of settings"],
    ["json", "[1]", ": has no tables named after services"],
    ["yml", "web: []\n", ", line 1: web must be a table of settings"],
  ])("%s without tables is refused", (format, text, fault) => {
    const path = `/apps/app/proxy.${format}`;
    expect(() => SettingsFile.parse(path, text)).toThrow(`${path}${fault}`);
  });

  test("names that no service has are found", () => {
    const file = toml("[app-web]\n[app-wbe]\n[app-*]\n[db-*]\n");
    expect(strayTables([file], ["app-web"])).toEqual([
      '/apps/app/proxy.toml, line 2: there is no service "app-wbe"',
      '/apps/app/proxy.toml, line 4: there is no service "db-*"',
    ]);
  });
});
