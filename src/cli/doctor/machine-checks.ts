/** Checks of what is around the proxy: who has its ports, the clock, its image, and what Kamal expects. */
import { doctorLimits } from "../../config/operator-limits.ts";
import type { ProxyStatus } from "../../control-plane/socket/status-protocol.ts";
import { type Check, failure, note, ok, type Outcome, timeOf, warning } from "./check.ts";
import type { Listener, Probes } from "./probes.ts";

/** Ports that others hold: a part of the connections goes to them. */
const owners: Check = {
  name: "port owner",
  run({ status, probes }) {
    const ports = [
      ["http", status.http_port],
      ["https", status.https_port],
      ["metrics", status.metrics_port],
      ["status", status.status_port],
    ] as const;
    const ours = new Set(status.processes.map(({ pid }) => pid));
    return ports
      .filter(([, port]) => port !== 0)
      .flatMap(([name, port]) => ownerOf(`${name} ${port}`, probes.listeners(port), ours));
  },
};

function ownerOf(subject: string, listeners: Listener[], ours: ReadonlySet<number>): Outcome[] {
  const others = listeners.filter(({ pid }) => pid !== null && !ours.has(pid));
  if (others.length > 0) {
    const names = others.map(listenerText).join(", ");
    return [
      failure(
        subject,
        `${names} listens there, too`,
        "end it: a part of the connections goes there",
      ),
    ];
  }
  if (listeners.length === 0) {
    return [note(subject, "nobody listens there from here", "run doctor where the proxy runs")];
  }
  if (listeners.every(({ pid }) => pid === null)) {
    return [
      note(subject, "another user's process listens there", "run doctor as the proxy's user"),
    ];
  }
  return [ok(subject, "is the proxy's alone")];
}

function listenerText({ pid, name }: Listener): string {
  return pid === null ? "a process of another user" : `${name ?? "a process"} (${pid})`;
}

/** For a proxy that does not answer: who has the ports that it would have. */
export function strangersOn(
  ports: readonly number[],
  probes: Pick<Probes, "listeners">,
): Outcome[] {
  return ports.flatMap((port) =>
    probes
      .listeners(port)
      .map((listener) =>
        failure(
          String(port),
          `${listenerText(listener)} listens there`,
          "unless that is the proxy, it could not start: end it, or give the proxy another port",
        ),
      ),
  );
}

const clock: Check = {
  name: "clock",
  async run({ status, services, probes, nowMs }) {
    const isAutomatic = services.some(([, { certificates }]) =>
      certificates.some(({ source }) => source !== "file"),
    );
    const authority = URL.parse(status.acme_directory);
    const shown = timeOf(nowMs);
    if (!isAutomatic || authority === null) return [ok("", `says ${shown}`)];
    const scheme = authority.protocol === "http:" ? "http" : "https";
    const port = Number(authority.port) || (scheme === "http" ? 80 : 443);
    const answer = await probes.get(
      { address: authority.hostname, port },
      { scheme, host: authority.host, path: authority.pathname },
    );
    if (answer.kind === "fault") {
      return [
        warning(
          authority.host,
          `the certificate authority can't be reached: ${answer.reason}`,
          "let the proxy reach it, HTTPS_PROXY if need be: certificates can't be renewed",
        ),
      ];
    }
    return [skewOutcome(authority.host, answer.dateMs, nowMs, shown)];
  },
};

function skewOutcome(host: string, dateMs: number | null, nowMs: number, shown: string): Outcome {
  if (dateMs === null) return ok("", `says ${shown}`);
  const skewMs = nowMs - dateMs;
  const seconds = Math.round(Math.abs(skewMs) / 1_000);
  if (Math.abs(skewMs) <= doctorLimits.maxClockSkewMs) {
    return ok("", `agrees with that of ${host} to ${seconds} s`);
  }
  const text = `is ${seconds} s ${skewMs > 0 ? "ahead of" : "behind"} that of ${host}`;
  return failure("", text, "synchronize it (timedatectl set-ntp true): certificates depend on it");
}

const image: Check = {
  name: "image",
  run({ status: { image_version: version, version: running } }) {
    if (version === "") return [];
    if (version === running) return [ok("", `is of ${version}, which runs`)];
    return [
      note(
        "",
        `is of ${version}, ${running} runs in it`,
        "a new container runs the image's again: name the new version in deploy.yml",
      ),
    ];
  },
};

/** What can be seen of it from inside. */
const kamal: Check = {
  name: "container",
  async run({ status, probes }) {
    if (!status.in_container) return [];
    return [networkOutcome(status), await nameOutcome(probes)];
  },
};

function networkOutcome({ docker_dns: isNamed }: ProxyStatus): Outcome {
  if (isNamed) return ok("network", "is one in which containers have names");
  return warning(
    "network",
    "has no names of containers",
    "put the proxy and its apps into one network of their own (Kamal's is called kamal): Docker's default one has no names",
  );
}

async function nameOutcome(probes: Probes): Promise<Outcome> {
  const found = await probes.resolve("kamal-proxy");
  const local = probes.localAddresses();
  if (found.some((address) => local.includes(address))) {
    return ok("name", "is kamal-proxy, as Kamal expects");
  }
  return note(
    "name",
    found.length === 0 ? "is not kamal-proxy" : "another container is called kamal-proxy",
    "Kamal runs its commands in the container of that name",
  );
}

export const machineChecks: readonly Check[] = [owners, clock, image, kamal];
