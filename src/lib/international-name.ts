/** Host names beyond ASCII, and what stands for them on the wire (UTS 46). */
import { domainToASCII, domainToUnicode } from "node:url";

/** `bücher.example` → `xn--bcher-kva.example`; null: it is no name. */
export function asciiName(name: string): string | null {
  return domainToASCII(name) || null;
}

/** What is shown to people; what can't be shown stays. */
export function unicodeName(name: string): string {
  return domainToUnicode(name) || name;
}
