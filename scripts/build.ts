/**
 * `bun run build`: compiles the proxy to one executable, dist/kamal-proxy.
 * Options of `bun build` are passed on, for example `--target=bun-linux-x64-musl --outfile=dist/kamal-proxy-musl`.
 */
import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { binaryPath, bunPath, projectFolder, runTool } from "./project.ts";
import { sealExecutable } from "./seal-executable.ts";

const options = process.argv.slice(2);
const outfileOption = options.find((option) => option.startsWith("--outfile="));
const outfile = outfileOption?.slice("--outfile=".length) ?? binaryPath;

const code = await runTool([
  bunPath,
  "build",
  "--compile",
  "--minify",
  "--bytecode",
  // A worker or a client command loads the chunks that it needs, not all that there is.
  "--splitting",
  "--format=esm",
  "--sourcemap=none",
  // The executable must not read settings of the folder it happens to be started in.
  "--no-compile-autoload-dotenv",
  "--no-compile-autoload-bunfig",
  ...(outfileOption === undefined ? [`--outfile=${outfile}`] : []),
  ...options,
  join("src", "main.ts"),
]);

if (code === 0) {
  sealExecutable(resolve(projectFolder, outfile));
  const megabytes = statSync(resolve(projectFolder, outfile)).size / 1e6;
  console.log(`${outfile} (${megabytes.toFixed(0)} MB)`);
}
process.exit(code);
