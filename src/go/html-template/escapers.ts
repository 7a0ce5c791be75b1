/** Makes a value harmless in text and in quoted attributes, with the characters that Go uses. */

const entities: Readonly<Record<string, string>> = {
  "\0": "\ufffd",
  '"': "&#34;",
  "&": "&amp;",
  "'": "&#39;",
  "+": "&#43;",
  "<": "&lt;",
  ">": "&gt;",
};

/** What html/template does of itself. */
export function escapeText(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\0"&'+<>]/g, (character) => entities[character]!);
}

/** What the function `html` does: the same, but for the plus sign. */
export function escapeHtml(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\0"&'<>]/g, (character) => entities[character]!);
}
