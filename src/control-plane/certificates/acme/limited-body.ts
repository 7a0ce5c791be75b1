/** Reads the body of a response of which only so much is wanted. */

/** The rest is not read. */
export async function readText(response: Response, maxBytes: number): Promise<string> {
  const { body } = response;
  if (body === null) return "";
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = body.getReader();
  while (length < maxBytes) {
    const { value, done } = await reader.read();
    if (done) break;
    chunks.push(value);
    length += value.length;
  }
  if (length >= maxBytes) await reader.cancel();
  return Buffer.concat(chunks).toString("utf8", 0, maxBytes);
}
