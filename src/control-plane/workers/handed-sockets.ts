/**
 * Sockets that whoever started this process has opened for it: sd_listen_fds(3). They outlive the process,
 * so that nobody is refused while it is started again.
 */
import { CommandError } from "../../config/command-error.ts";

/** What systemd sets: for which process, how many descriptors from 3 on, and their names with colons. */
const pidVariable = "LISTEN_PID";
const countVariable = "LISTEN_FDS";
const namesVariable = "LISTEN_FDNAMES";
const firstFd = 3;

export interface HandedSockets {
  http: number | null;
  https: number | null;
}

export const noHandedSockets: HandedSockets = { http: null, https: null };

export interface HandedSocketsContext {
  environment: NodeJS.ProcessEnv;
  pid: number;
  httpPort: number;
  httpsPort: number;
  /** Of a TCP socket that listens; null: it is none. */
  portOf(fd: number): number | null;
}

/** Descriptors that were handed to this process, as it was told. */
export function handedDescriptors(environment: NodeJS.ProcessEnv, pid: number): number[] {
  if (Number(environment[pidVariable]) !== pid) return [];
  const count = Number(environment[countVariable] ?? 0);
  if (!Number.isInteger(count) || count < 0) return [];
  return Array.from({ length: count }, (_, i) => firstFd + i);
}

/**
 * Takes the variables out of the environment: they are meant for nobody else. A socket is that of the port
 * that it is named after, else of the port that it listens on. Throws a CommandError when it is neither.
 */
export function takeHandedSockets(context: HandedSocketsContext): HandedSockets {
  const { environment, pid, portOf } = context;
  const fds = handedDescriptors(environment, pid);
  const names = (environment[namesVariable] ?? "").split(":");
  for (const name of [pidVariable, countVariable, namesVariable]) delete environment[name];
  const sockets = { ...noHandedSockets };
  for (const [index, fd] of fds.entries()) {
    const name = names[index] ?? "";
    const port = portOf(fd);
    const shown = `${countVariable}: socket ${index + 1}${name === "" ? "" : ` (${name})`}`;
    if (port === null) throw new CommandError(`${shown} is no TCP socket that listens`);
    const use = useOf(name, port, context);
    if (use === null) {
      throw new CommandError(
        `${shown} is on port ${port}, which is neither the http port nor the https port: ` +
          "name it http or https (FileDescriptorName=), or set --http-port or --https-port",
      );
    }
    if (sockets[use] !== null) {
      throw new CommandError(`${shown} is a second one for ${use}: the proxy takes one of each`);
    }
    sockets[use] = fd;
  }
  return sockets;
}

function useOf(
  name: string,
  port: number,
  { httpPort, httpsPort }: HandedSocketsContext,
): keyof HandedSockets | null {
  if (name === "http" || name === "https") return name;
  if (port === httpPort) return "http";
  return port === httpsPort ? "https" : null;
}
