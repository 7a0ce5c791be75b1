/** What stands in a list of addresses: an address, a CIDR block, or `@` and the path of a file of both. */
import { CidrFault, CidrList } from "../lib/cidr.ts";

export function addressEntryFault(entry: string): string | undefined {
  const path = listedFile(entry);
  if (path !== null) return absolutePathFault(path);
  const list = CidrList.parse([entry]);
  return list instanceof CidrFault ? list.message : undefined;
}

/** The proxy, which reads the file, has another working directory than whoever gives the command. */
export function absolutePathFault(path: string): string | undefined {
  return path.startsWith("/") ? undefined : "the path of the file must begin with /";
}

/** The path of the file that an entry stands for; null when it is an address itself. */
export function listedFile(entry: string): string | null {
  return entry.startsWith("@") ? entry.slice(1) : null;
}

/** The entries of a file, one a line; `#` begins a comment. */
export function addressLines(text: string): string[] {
  const lines = text.split("\n").map((line) => line.replace(/#.*/s, "").trim());
  return lines.filter((line) => line !== "");
}

export function addressFileFault(text: string): string | undefined {
  const list = CidrList.parse(addressLines(text));
  return list instanceof CidrFault ? list.message : undefined;
}
