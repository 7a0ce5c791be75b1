/** Names that one process of this machine holds at a time: how test runs beside each other share things. */

/**
 * Null while another process holds the name, or another part of this one. It is free again when it is
 * disposed of, and when its holder ends. Only Linux has such names: elsewhere everybody gets them.
 */
export function holdName(name: string): Disposable | null {
  if (process.platform !== "linux") return { [Symbol.dispose]() {} };
  try {
    const listener = Bun.listen({ unix: `\0kamal-proxy-tests/${name}`, socket: { data() {} } });
    listener.unref();
    return { [Symbol.dispose]: () => listener.stop(true) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return null;
    throw error;
  }
}
