/**
 * Runs h2spec, the conformance tests of HTTP/2, against a port on this machine:
 * `bun test/conformance/h2spec.ts 8443 -t -k` over TLS, `bun test/conformance/h2spec.ts 8080` in plain. The binary
 * is that of H2SPEC, or the one in PATH (`go install github.com/summerwind/h2spec/cmd/h2spec@latest`); without it
 * nothing is run. In plain, 3.5/2 (a preface that is none) fails by its nature: on a port that serves HTTP/1.1
 * as well, those bytes are answered by HTTP/1.1, with 400.
 */
import { runTool } from "../../scripts/project.ts";

const [port, ...more] = Bun.argv.slice(2);
if (port === undefined || !/^\d+$/.test(port)) {
  console.error("usage: bun test/conformance/h2spec.ts PORT [h2spec options]");
  process.exit(2);
}
const binary = Bun.env["H2SPEC"] ?? Bun.which("h2spec");
if (binary === null) {
  console.log("h2spec was not found: set H2SPEC or put it into PATH");
  process.exit(0);
}
// Strict, two seconds for each test.
process.exit(await runTool([binary, "-h", "127.0.0.1", "-p", port, "-S", "-o", "2", ...more]));
