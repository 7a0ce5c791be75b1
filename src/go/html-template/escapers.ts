/** Makes a value harmless for the place where it stands, with the characters that Go's html/template uses. Pure. */

export type Escaper = (text: string) => string;

/** Stands for a value that would be dangerous or meaningless where it is, as in Go. */
const failsafe = "ZgotmplZ";

const htmlEntities: Readonly<Record<string, string>> = {
  "\0": "\ufffd",
  '"': "&#34;",
  "&": "&amp;",
  "'": "&#39;",
  "+": "&#43;",
  "<": "&lt;",
  ">": "&gt;",
};

const unquotedEntities: Readonly<Record<string, string>> = {
  ...htmlEntities,
  "\0": "&#xfffd;",
  "\t": "&#9;",
  "\n": "&#10;",
  "\v": "&#11;",
  "\f": "&#12;",
  "\r": "&#13;",
  " ": "&#32;",
  "=": "&#61;",
  "`": "&#96;",
};

/** For text and quoted attribute values. */
export function escapeText(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\0"&'+<>]/g, (character) => htmlEntities[character]!);
}

/** For attribute values without quotes. */
export function escapeUnquoted(text: string): string {
  if (text === "") return failsafe;
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\0\t\n\v\f\r "&'+<=>`]/g, (character) => unquotedEntities[character]!);
}

/** What the function `html` does: as `escapeText`, but for the plus sign. */
export function escapeHtml(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\0"&'<>]/g, (character) => htmlEntities[character]!);
}

/** Lets only addresses pass that can't run a script. */
export function filterUrl(text: string): string {
  const protocol = /^([^:/]*):/.exec(text)?.[1];
  return protocol === undefined || /^(?:https?|mailto)$/i.test(protocol) ? text : `#${failsafe}`;
}

/** For an address up to its query: reserved characters and escapes stay. */
export function normalizeUrl(text: string): string {
  return percentEncoded(
    text.replace(/%(?![0-9a-fA-F]{2})/g, "%25"),
    /[^!#$&*+,/:;=?@[\]\-._~%0-9A-Za-z]/gu,
  );
}

/** For a part of a query or fragment. */
export function escapeUrl(text: string): string {
  return percentEncoded(text, /[^\-._~0-9A-Za-z]/gu);
}

/** What the function `urlquery` does. */
export function escapeQuery(text: string): string {
  return percentEncoded(text, /[^\-._~ 0-9A-Za-z]/gu, true).replaceAll(" ", "+");
}

/** What the function `js` does. */
export function escapeScript(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\\'"<>&=\u0000-\u001f]/g, (character) => {
    if (character === "\\" || character === "'" || character === '"') return `\\${character}`;
    return `\\u${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
  });
}

/** Comments are not part of the page. */
export function dropText(): string {
  return "";
}

function percentEncoded(text: string, characters: RegExp, upperCase = false): string {
  return text.replace(characters, (character) => {
    const hex = Buffer.from(character).toString("hex");
    return (upperCase ? hex.toUpperCase() : hex).replace(/../g, "%$&");
  });
}
