/** Configured text in the form in which requests carry it: one character per byte of its UTF-8. */

export function byteString(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}
