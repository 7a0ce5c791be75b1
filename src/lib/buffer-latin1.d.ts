/** Methods that Node and Bun buffers have, but their types do not name; they skip the encoding look-up. */
interface Buffer {
  latin1Slice(start: number, end: number): string;
  latin1Write(text: string, offset: number): number;
}
