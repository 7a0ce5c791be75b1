/**
 * Pebble, the ACME server for tests, with a DNS server that points every name at this machine.
 * Its binaries come from PATH, Go's folder or `go install` into a cache folder.
 */
import { existsSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { createCertificate } from "./certificates.ts";
import { freePorts, releasePorts } from "./free-ports.ts";
import { holdName } from "./held-name.ts";
import { tempFolder, type TempFolder } from "./temp-folder.ts";
import { waitFor } from "./wait-for.ts";

const version = "v2.10.1";
/** Of its modules and their compilation; a registry that hangs must not take the whole run's time. */
const installLimitMs = 120_000;

export interface PebbleOptions {
  /** Where it listens; default: a free port. */
  port?: number;
  /** Where HTTP-01 is validated; default: a port that nobody listens on. */
  httpPort?: number;
  /** Where TLS-ALPN-01 is validated. */
  tlsPort?: number;
  /** Seconds that certificates live. */
  lifetimeSeconds?: number;
  /** MAC keys in base64url by key id; binding is required then. */
  externalAccounts?: Record<string, string>;
  /** Percent of the nonces that are refused; Pebble's own default is 5. */
  nonceRejectPercent?: number;
  /** Percent of authorizations that are reused; default 0. */
  reusePercent?: number;
  blockedNames?: string[];
  /** Beside the default one; of an order that names none it takes any. */
  profiles?: Record<string, { description: string; validityPeriod: number }>;
  /** Address of the name server that it asks in place of its own. */
  dnsServer?: string;
  /** More environment. */
  env?: Record<string, string>;
}

export interface Pebble extends AsyncDisposable {
  readonly directoryUrl: string;
  readonly port: number;
  /** Address of its own name server. */
  readonly dnsServer: string;
  /** Where that one takes records: POST /set-txt, /clear-txt, /set-cname. */
  readonly dnsManagementUrl: string;
  /** PEM bundle that its own certificate can be verified with. */
  readonly caFile: string;
  /** What it wrote so far. */
  readonly log: string;
  /** How often a new order was asked for, and how often it was made. */
  readonly orderRequests: number;
  readonly orders: number;
  /** What it answers when it is asked for the time to renew a certificate (PEM). */
  setRenewalInfo(certificate: string, answer: object): Promise<void>;
  stop(): Promise<void>;
}

interface Binaries {
  pebble: string;
  dns: string;
}

/** Null, with the reason said once, when Pebble can't be had. Throws instead when CI is set. */
export async function findPebble(): Promise<Binaries | null> {
  const reason = await ensureInstalled();
  if (reason === null) return { pebble: locate("pebble")!, dns: locate("pebble-challtestsrv")! };
  if (process.env["CI"]) throw new Error(`Pebble is needed: ${reason}`);
  // eslint-disable-next-line no-console
  console.warn(`tests with Pebble are skipped: ${reason}`);
  return null;
}

export async function startPebble(
  binaries: Binaries,
  options: PebbleOptions = {},
): Promise<Pebble> {
  const pebble = new PebbleProcess(binaries, options);
  try {
    await pebble.ready();
    return pebble;
  } catch (error) {
    await pebble[Symbol.asyncDispose]();
    throw error;
  }
}

class PebbleProcess implements Pebble {
  readonly #folder: TempFolder = tempFolder();
  readonly #ports = freePorts(5);
  readonly port: number;
  readonly dnsServer: string;
  readonly dnsManagementUrl: string;
  readonly #managementPort: number;
  readonly #children: Bun.Subprocess<"ignore", "pipe", "pipe">[] = [];
  log = "";

  constructor({ pebble, dns }: Binaries, options: PebbleOptions) {
    const [port = 0, managementPort = 0, dnsPort = 0, dnsManagementPort = 0, closedPort = 0] =
      this.#ports;
    this.port = options.port ?? port;
    this.#managementPort = managementPort;
    this.dnsServer = `127.0.0.1:${dnsPort}`;
    this.dnsManagementUrl = `http://127.0.0.1:${dnsManagementPort}`;
    this.#writeFiles(this.port, managementPort, closedPort, options);
    this.#spawn([
      dns,
      `-dnsserver=${this.dnsServer}`,
      `-management=127.0.0.1:${dnsManagementPort}`,
      "-defaultIPv6=",
      "-http01=",
      "-https01=",
      "-tlsalpn01=",
      "-doh=",
    ]);
    this.#spawn(
      [
        pebble,
        `-config=${this.#folder.file("config.json")}`,
        `-dnsserver=${options.dnsServer ?? this.dnsServer}`,
      ],
      {
        PEBBLE_VA_NOSLEEP: "1",
        PEBBLE_WFE_NONCEREJECT: String(options.nonceRejectPercent ?? 0),
        PEBBLE_AUTHZREUSE: String(options.reusePercent ?? 0),
        ...options.env,
      },
    );
  }

  get directoryUrl(): string {
    return `https://127.0.0.1:${this.port}/dir`;
  }

  get caFile(): string {
    return this.#folder.file("ca.pem");
  }

  get orderRequests(): number {
    return this.log.split("POST /order-plz ").length - 1;
  }

  get orders(): number {
    return this.log.split("Added order ").length - 1;
  }

  async ready(): Promise<void> {
    await waitFor(async () => {
      if (this.#children.some((child) => child.exitCode !== null)) return true;
      const tls = { ca: await Bun.file(this.caFile).text() };
      return (await fetch(this.directoryUrl, { tls })).ok;
    }, "Pebble to start");
    if (this.#children.some((child) => child.exitCode !== null)) {
      throw new Error(`Pebble ended at its start: ${this.log}`);
    }
  }

  async setRenewalInfo(certificate: string, answer: object): Promise<void> {
    const response = await fetch(`https://127.0.0.1:${this.#managementPort}/set-renewal-info/`, {
      method: "POST",
      body: JSON.stringify({ Certificate: certificate, ARIResponse: JSON.stringify(answer) }),
      tls: { ca: await Bun.file(this.caFile).text() },
    });
    if (!response.ok) throw new Error(`Pebble refused: ${await response.text()}`);
  }

  async stop(): Promise<void> {
    for (const child of this.#children) child.kill("SIGKILL");
    await Promise.all(this.#children.map((child) => child.exited));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    releasePorts(this.#ports);
    this.#folder[Symbol.dispose]();
  }

  #writeFiles(
    port: number,
    managementPort: number,
    closedPort: number,
    options: PebbleOptions,
  ): void {
    const authority = createCertificate(["Test authority"], { isAuthority: true });
    const own = createCertificate(["127.0.0.1", "localhost"], { issuer: authority });
    const write = (name: string, text: string): void => {
      writeFileSync(this.#folder.file(name), text);
    };
    write("ca.pem", authority.certificate);
    write("cert.pem", own.certificate);
    write("key.pem", own.privateKey);
    const accounts = options.externalAccounts;
    write(
      "config.json",
      JSON.stringify({
        pebble: {
          listenAddress: `127.0.0.1:${port}`,
          managementListenAddress: `127.0.0.1:${managementPort}`,
          certificate: this.#folder.file("cert.pem"),
          privateKey: this.#folder.file("key.pem"),
          httpPort: options.httpPort ?? closedPort,
          tlsPort: options.tlsPort ?? closedPort,
          ocspResponderURL: "",
          externalAccountBindingRequired: accounts !== undefined,
          externalAccountMACKeys: accounts ?? {},
          domainBlocklist: options.blockedNames ?? [],
          retryAfter: { authz: 1, order: 1 },
          keyAlgorithm: "ecdsa",
          // Versions before 2.7 know no profiles.
          certificateValidityPeriod: options.lifetimeSeconds ?? 7_776_000,
          profiles: {
            default: {
              description: "for tests",
              validityPeriod: options.lifetimeSeconds ?? 7_776_000,
            },
            ...options.profiles,
          },
        },
      }),
    );
  }

  #spawn(command: string[], env: Record<string, string> = {}): void {
    const child = Bun.spawn(command, {
      env: { ...env, PATH: process.env["PATH"] ?? "" },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    this.#children.push(child);
    for (const stream of [child.stdout, child.stderr]) void this.#collect(stream);
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) this.log += decoder.decode(chunk, { stream: true });
  }
}

let installation: Promise<string | null> | null = null;

/** Why it can't be had, or null. */
function ensureInstalled(): Promise<string | null> {
  installation ??= install();
  return installation;
}

/** Of all test files and runs that need it at the same time one installs it, and the others wait. */
async function install(): Promise<string | null> {
  const first = holdName("pebble");
  using _ = first ?? (await waitFor(() => holdName("pebble"), "Pebble", 2 * installLimitMs));
  if (locate("pebble") !== null && locate("pebble-challtestsrv") !== null) return null;
  if (first === null) return "another test file could not install it";
  const go = Bun.which("go") ?? existing("/usr/local/go/bin/go");
  if (go === null) return "neither pebble and pebble-challtestsrv nor go are installed";
  return installWith(go, installLimitMs);
}

/** Null, or why it failed. */
export async function installWith(go: string, limitMs: number): Promise<string | null> {
  const packages = ["pebble", "pebble-challtestsrv"].map(
    (name) => `github.com/letsencrypt/pebble/v2/cmd/${name}@${version}`,
  );
  const child = Bun.spawn([go, "install", ...packages], {
    cwd: tmpdir(),
    env: { ...process.env, GOBIN: cacheFolder },
    stdout: "ignore",
    stderr: "pipe",
    timeout: limitMs,
    killSignal: "SIGKILL",
  });
  const output = child.stderr.text();
  const code = await child.exited;
  // Its own children may live on with its stderr.
  if (child.signalCode !== null) return `go install took more than ${limitMs / 1_000} s`;
  return code === 0 ? null : `go install failed: ${(await output).trim()}`;
}

const cacheFolder = join(homedir(), ".cache", "kamal-proxy-tests", `pebble-${version}`);

function locate(name: string): string | null {
  const goFolder = process.env["GOPATH"] ?? join(homedir(), "go");
  return (
    existing(join(cacheFolder, name)) ?? existing(join(goFolder, "bin", name)) ?? Bun.which(name)
  );
}

function existing(path: string): string | null {
  return existsSync(path) ? path : null;
}
