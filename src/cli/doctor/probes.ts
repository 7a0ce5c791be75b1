/** How `doctor` looks at the proxy from outside: like a client, from the machine that it runs on. */

export interface Probes {
  /** Addresses of the name; empty when it has none. */
  resolve(host: string): Promise<string[]>;
  /** Of the interfaces of this machine, or of this container. */
  localAddresses(): string[];
  handshake(place: ProbePlace, serverName: string): Promise<ServedCertificate | ProbeFault>;
  /** GET, without following redirects. */
  get(place: ProbePlace, request: ProbeRequest): Promise<ProbeAnswer | ProbeFault>;
  /** Who listens on a TCP port of this machine, or of this container. */
  listeners(port: number): Listener[];
}

export interface ProbePlace {
  address: string;
  port: number;
}

/** Of another user there is neither name nor process. */
export interface Listener {
  pid: number | null;
  name: string | null;
}

export interface ProbeRequest {
  scheme: "http" | "https";
  host: string;
  /** With its query. */
  path: string;
}

export interface ProbeAnswer {
  kind: "answer";
  status: number;
  location: string | null;
  /** The proxy's own reason; null when the app has answered. */
  errorCode: string | null;
  /** The clock of who has answered, milliseconds since 1970; null: it does not say. */
  dateMs: number | null;
}

export interface ServedCertificate {
  kind: "certificate";
  issuer: string;
  expiresMs: number;
  coversName: boolean;
  /** Why this machine does not trust it; null when it does. */
  distrust: string | null;
}

export interface ProbeFault {
  kind: "fault";
  reason: string;
}
