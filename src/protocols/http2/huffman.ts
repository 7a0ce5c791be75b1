/** Decodes the Huffman code of header fields (RFC 7541 5.2 and appendix B), half a byte at a time. */

/** Bits of the code of each byte, and of the end of the string. The code is canonical: they say it all. */
// prettier-ignore
const codeBits = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];
const endOfString = 256;

/**
 * What half a byte leads to, by state and its four bits: the next state (low byte), the byte that is
 * complete with it (next byte, when `emits` is set), or `invalid`. A state is a node of the code's tree.
 */
const transitions = new Int32Array(256 * 16);
const emits = 1 << 16;
const invalid = -1;
/** States in which a string may end: after less than eight bits that are all ones (RFC 7541 5.2). */
const mayEnd = new Uint8Array(256);

build();

let text = Buffer.allocUnsafeSlow(4_096);

/** The text in latin1, or null when the bytes are no such code. */
export function decodeHuffman(bytes: Buffer, start: number, end: number): string | null {
  // No code is shorter than five bits.
  const most = Math.ceil(((end - start) * 8) / 5);
  if (text.length < most) text = Buffer.allocUnsafeSlow(most * 2);
  const to = text;
  let length = 0;
  let state = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    let step = transitions[(state << 4) | (byte >> 4)]!;
    if (step < 0) return null;
    if ((step & emits) !== 0) to[length++] = step >> 8;
    step = transitions[((step & 0xff) << 4) | (byte & 15)]!;
    if (step < 0) return null;
    if ((step & emits) !== 0) to[length++] = step >> 8;
    state = step & 0xff;
  }
  return mayEnd[state] === 1 ? to.latin1Slice(0, length) : null;
}

function build(): void {
  // The tree: a child is another node, or the complement of a symbol.
  const children: [number, number][] = [[0, 0]];
  const symbols = Array.from(codeBits.keys()).toSorted(
    (a, b) => codeBits[a]! - codeBits[b]! || a - b,
  );
  let code = 0;
  let bits = codeBits[symbols[0]!]!;
  for (const symbol of symbols) {
    code *= 2 ** (codeBits[symbol]! - bits);
    bits = codeBits[symbol]!;
    let node = 0;
    for (let bit = bits - 1; bit > 0; bit--) {
      const side = (code >>> bit) & 1;
      if (children[node]![side] === 0) children[node]![side] = children.push([0, 0]) - 1;
      node = children[node]![side]!;
    }
    children[node]![code & 1] = ~symbol;
    code++;
  }
  for (let state = 0; state < children.length; state++) {
    for (let nibble = 0; nibble < 16; nibble++) {
      transitions[(state << 4) | nibble] = transition(children, state, nibble);
    }
  }
  let node = 0;
  for (let ones = 0; ones < 8; ones++) {
    mayEnd[node] = 1;
    node = children[node]![1];
  }
}

function transition(children: readonly [number, number][], from: number, nibble: number): number {
  let node = from;
  let emitted = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const next = children[node]![((nibble >> bit) & 1) as 0 | 1];
    if (next >= 0) {
      node = next;
      continue;
    }
    if (~next === endOfString) return invalid;
    emitted = emits | (~next << 8);
    node = 0;
  }
  return emitted | node;
}
