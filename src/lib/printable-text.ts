/** Text of others on a terminal: nothing in it may steer the terminal or turn the reading around. */

// eslint-disable-next-line no-control-regex
const steering = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** With such characters as `\\x1b` or `\\u202e`. */
export function printableText(text: string): string {
  return text.replaceAll(steering, (character) => {
    const code = character.charCodeAt(0);
    return code > 0xff ? `\\u${code.toString(16)}` : `\\x${code.toString(16).padStart(2, "0")}`;
  });
}
