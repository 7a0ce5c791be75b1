/** The address of a socket of the file system, as the system's calls take it (`sockaddr_un`). */

const unix = 1;
/** Of the path, with the zero byte behind it. */
const maxPathBytes = 108;

/** An @ at the beginning stands for a zero byte: a name that is no file. Throws when it is too long. */
export function unixName(path: string): Buffer {
  const isAbstract = path.startsWith("@");
  const bytes = Buffer.from(isAbstract ? `\0${path.slice(1)}` : `${path}\0`);
  if (bytes.length > maxPathBytes) {
    throw Object.assign(new Error("the path is too long"), { code: "ENAMETOOLONG" });
  }
  const name = Buffer.alloc(2 + bytes.length);
  name.writeUInt16LE(unix, 0);
  name.set(bytes, 2);
  return name;
}
