/**
 * Compares our header compression with an independent one, Python's `hpack` (apt install python3-h2):
 * `bun test/conformance/hpack.ts [rounds]`. Random heads are written by one side and read by the other, with
 * table sizes that change and with Huffman coding; random bytes must be read alike, or refused by both.
 */
import { HpackDecoder } from "../../src/protocols/http2/hpack-decoder.ts";
import { HpackEncoder } from "../../src/protocols/http2/hpack-encoder.ts";
import { decodeBlock, encodeBlock, type Field } from "../support/header-blocks.ts";

const rounds = Number(Bun.argv[2] ?? 2_000);
/** Reads a line a command: `new`, `size N`, `encode HEX`, `decode HEX`; fields are lists of hex. */
const script = `
import sys, json
try:
    from hpack import Encoder, Decoder
except ImportError:
    print("missing", flush=True); sys.exit(0)
print("ready", flush=True)
for line in sys.stdin:
    what, _, rest = line.strip().partition(" ")
    if what == "new":
        encoder, decoder = Encoder(), Decoder(); decoder.max_header_list_size = 1 << 30; print("ok", flush=True)
    elif what == "size":
        encoder.header_table_size = int(rest); print("ok", flush=True)
    elif what == "encode":
        fields = [(bytes.fromhex(n), bytes.fromhex(v)) for n, v in json.loads(rest)]
        print(encoder.encode(fields).hex(), flush=True)
    else:
        try:
            fields = decoder.decode(bytes.fromhex(rest), raw=True)
            print(json.dumps([[n.hex(), v.hex()] for n, v in fields]), flush=True)
        except Exception as error:
            print("refused", flush=True)
`;
const python = Bun.spawn(["/usr/bin/python3", "-c", script], { stdin: "pipe", stdout: "pipe" });
const lines = (async function* () {
  let rest = "";
  for await (const chunk of python.stdout) {
    rest += new TextDecoder().decode(chunk);
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
      yield rest.slice(0, end);
      rest = rest.slice(end + 1);
    }
  }
})();

async function ask(command: string): Promise<string> {
  python.stdin.write(`${command}\n`);
  await python.stdin.flush();
  return (await lines.next()).value as string;
}

if ((await lines.next()).value !== "ready") {
  console.log("Python's hpack was not found");
  process.exit(0);
}

const hex = (text: string): string => Buffer.from(text, "latin1").toString("hex");
const text = (bytes: string): string => Buffer.from(bytes, "hex").toString("latin1");
const random = (below: number): number => Math.floor(Math.random() * below);
const names = ["content-type", "server", "date", "set-cookie", "x-a", "x-long", "cookie", "etag"];
const values = ["", "text/html", "gzip, deflate", "a=1", "v".repeat(300), "caf\xe9"];

function randomHead(): Field[] {
  return Array.from({ length: random(12) }, (): Field => {
    const isKnown = random(3) > 0;
    const bytes = Array.from({ length: random(40) }, () => String.fromCharCode(random(256)));
    return [
      names[random(names.length)]!,
      isKnown ? values[random(values.length)]! : bytes.join(""),
    ];
  });
}

let compared = 0;
for (let round = 0; round < rounds; round++) {
  await ask("new");
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder();
  for (let head = 0; head < 5; head++) {
    if (random(4) === 0) {
      const size = [0, 100, 4_096][random(3)]!;
      encoder.peerTableBytes = size;
      await ask(`size ${size}`);
    }
    const fields = randomHead();
    const theirs = await ask(`encode ${JSON.stringify(fields.map((field) => field.map(hex)))}`);
    check(fields, decodeBlock(decoder, Buffer.from(theirs, "hex")));
    const seen = await ask(`decode ${encodeBlock(encoder, fields).toString("hex")}`);
    check(
      fields,
      (JSON.parse(seen) as Field[]).map(([name, value]) => [text(name), text(value)]),
    );
  }
  // Bytes that nobody has written.
  await ask("new");
  const noise = Buffer.from(Array.from({ length: 1 + random(30) }, () => random(256)));
  const ours = decodeBlock(new HpackDecoder(), noise);
  const seen = await ask(`decode ${noise.toString("hex")}`);
  if ((typeof ours === "string") !== (seen === "refused")) {
    console.log(`differs: ${noise.toString("hex")}: ${JSON.stringify(ours)}, they: ${seen}`);
  }
  compared += 11;
}
python.kill();
console.log(`${compared} blocks compared`);

function check(wanted: readonly Field[], found: unknown): void {
  if (Bun.deepEquals(wanted, found)) return;
  console.log(`differs: ${JSON.stringify(wanted)}: ${JSON.stringify(found)}`);
  process.exit(1);
}
