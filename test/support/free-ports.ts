/** Ports that nobody listens on, for servers that can't be asked to choose one themselves. */

/** Another process may take one before it is used: whoever starts a server with it tries again then. */
export function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () =>
    Bun.listen({ hostname: "0.0.0.0", port: 0, socket: { data() {} } }),
  );
  const ports = listeners.map((listener) => listener.port);
  for (const listener of listeners) listener.stop(true);
  return ports;
}
