/** `1y;includeSubDomains;preload` → the value of Strict-Transport-Security (RFC 6797 6.1). */

const unitSeconds: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3_600,
  d: 86_400,
  w: 604_800,
  y: 31_536_000,
};
const ageSyntax = /^(\d{1,9})([smhdwy]?)$/;
const directives = ["includeSubDomains", "preload"];
/** What the list that browsers are shipped with asks for. */
const minPreloadSeconds = 31_536_000;

/** Of text without faults. */
export function hstsValue(text: string): string {
  const [age = "", ...rest] = text.split(";").map((part) => part.trim());
  return [`max-age=${seconds(age)}`, ...rest].join("; ");
}

export function hstsFault(text: string): string | undefined {
  if (text === "") return undefined;
  const [age = "", ...rest] = text.split(";").map((part) => part.trim());
  if (!ageSyntax.test(age)) return "must begin with an age such as 1y, 180d or 3600";
  if (rest.some((part, index) => !directives.includes(part) || rest.indexOf(part) !== index)) {
    return `may have ${directives.join(" and ")} behind the age`;
  }
  const listed = rest.includes("preload");
  return listed && !(rest.includes("includeSubDomains") && seconds(age) >= minPreloadSeconds)
    ? "preload needs includeSubDomains and an age of 1y or more"
    : undefined;
}

function seconds(age: string): number {
  const [, count, unit] = ageSyntax.exec(age)!;
  return Number(count) * (unitSeconds[unit!] ?? 1);
}
