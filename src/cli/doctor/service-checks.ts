/** Checks of each service: whether it serves, its targets, its names, certificates and redirects. */
import type { ServiceDescription, TargetDescription } from "../../control-plane/socket/protocol.ts";
import { doctorLimits } from "../../config/operator-limits.ts";
import {
  type Check,
  type Facts,
  failure,
  note,
  ok,
  type Outcome,
  ownAddress,
  warning,
} from "./check.ts";
import type { Probes } from "./probes.ts";

const state: Check = {
  name: "service",
  run: ({ services }) =>
    services.map(([name, { state: is, degraded, held_requests: held }]) => {
      if (degraded !== null)
        return failure(
          name,
          degraded,
          "mend what it names; `kamal-proxy list --json` has all details",
        );
      if (is === "stopped")
        return warning(
          name,
          "is stopped: every request is answered 503",
          `kamal-proxy resume ${name}`,
        );
      if (is === "paused")
        return warning(name, `is paused, ${held} requests wait`, `kamal-proxy resume ${name}`);
      return ok(name, "is running");
    }),
};

const targets: Check = {
  name: "target",
  async run({ services, probes }) {
    const looks = services.flatMap(([name, { target_details }]) =>
      target_details.map((target) => targetOutcome(name, target, probes)),
    );
    return await Promise.all(looks);
  },
};

/** What the proxy says of it, and what it answers now: one that is alone is not checked any more. */
async function targetOutcome(
  service: string,
  target: TargetDescription,
  probes: Probes,
): Promise<Outcome> {
  const { target: address, state: is, last_error: error } = target;
  const subject = `${service} ${address}`;
  if (is !== "healthy") {
    return failure(subject, error ?? "was not checked yet", adviceFor(error ?? ""));
  }
  const url = target.health_url === null ? null : URL.parse(target.health_url);
  if (url === null) return ok(subject, "is healthy");
  const answer = await probes.get(
    { address: url.hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(url.port) || 80 },
    { scheme: "http", host: target.health_host, path: url.pathname + url.search },
  );
  if (answer.kind === "fault") {
    return warning(
      subject,
      `counts as healthy, and can't be reached from here: ${answer.reason}`,
      `${adviceFor(answer.reason)} Where this command does not run beside the proxy it says nothing`,
    );
  }
  const { status: code } = answer;
  if (code >= 400) {
    return failure(
      subject,
      `counts as healthy, and answers ${code} on ${url.pathname} now`,
      adviceFor(`answered ${code}`),
    );
  }
  return ok(subject, `is healthy, answers ${code} on ${url.pathname}`);
}

/** By the reasons that docs/troubleshooting.md lists. */
function adviceFor(error: string): string {
  if (error.includes("refused"))
    return "nothing listens there: does the app run, on that port, and not on 127.0.0.1 alone?";
  if (error.includes("does not resolve"))
    return "is the container on the proxy's Docker network (kamal)?";
  if (/answered 40[13]/.test(error))
    return "the app refuses the check's Host: --health-check-host, or let it allow /up";
  if (error.includes("404")) return "the app has no such path: --health-check-path";
  if (/^30\d|answered 30/.test(error))
    return "let the app answer its health check itself, without redirect";
  if (/answered 5/.test(error)) return "the app's own error: see its log";
  if (error.includes("in time"))
    return "the app is slow to answer: see its log, or raise --health-check-timeout";
  return "see docs/troubleshooting.md, reasons of a target";
}

/** Each host of a service that a name server can be asked for. */
function namedHosts({ services }: Facts): [service: string, host: string, ServiceDescription][] {
  return services.flatMap(([name, service]) =>
    service.hosts
      .filter((host) => host !== "" && !host.startsWith("*."))
      .map((host): [string, string, ServiceDescription] => [name, host, service]),
  );
}

function ofEachHost(
  name: string,
  look: (facts: Facts, host: string, service: ServiceDescription) => Promise<Outcome[]>,
): Check {
  return {
    name,
    async run(facts) {
      const hosts = namedHosts(facts);
      return (
        await Promise.all(hosts.map(([, host, service]) => look(facts, host, service)))
      ).flat();
    },
  };
}

const dns = ofEachHost("DNS", async ({ status, probes }, host) => {
  const found = await probes.resolve(host);
  if (found.length === 0)
    return [
      warning(
        host,
        "has no address",
        "add an A or AAAA record, if clients are to find it by this name",
      ),
    ];
  const addresses = found.join(", ");
  const local = probes.localAddresses();
  if (found.some((address) => local.includes(address)))
    return [ok(host, `is ${addresses}, this machine`)];
  return status.in_container
    ? [
        note(
          host,
          `is ${addresses}`,
          "a container does not know its machine's addresses: compare yourself",
        ),
      ]
    : [
        warning(
          host,
          `is ${addresses}, none of this machine's addresses`,
          "right behind a CDN, load balancer or NAT; else change the record",
        ),
      ];
});

const certificate = ofEachHost("certificate", async ({ status, probes, nowMs }, host, service) => {
  if (!service.tls) return [];
  const served = await probes.handshake(
    { address: ownAddress(status), port: status.https_port },
    host,
  );
  if (served.kind === "fault") {
    const listed = service.certificates.find(({ name }) => name === host);
    const known = listed?.error ?? listed?.preflight ?? null;
    return [
      failure(
        host,
        known ?? `handshake failed: ${served.reason}`,
        "see `kamal-proxy certificates`; ports 80 and 443 must reach this proxy",
      ),
    ];
  }
  if (!served.coversName)
    return [
      failure(
        host,
        `the certificate that is served has another name (${served.issuer})`,
        "give a certificate that covers it",
      ),
    ];
  const days = Math.floor((served.expiresMs - nowMs) / 86_400_000);
  if (days < 0)
    return [
      failure(
        host,
        `expired ${-days} days ago`,
        "see `kamal-proxy certificates` for why it was not renewed",
      ),
    ];
  if (days < doctorLimits.minCertificateDays) {
    return [
      warning(
        host,
        `expires in ${days} days`,
        "see `kamal-proxy certificates`: it should be renewed by now",
      ),
    ];
  }
  if (served.distrust !== null) {
    return [
      warning(
        host,
        `not trusted by this machine: ${served.distrust}`,
        "right for the origin certificate of a CDN; browsers would refuse it",
      ),
    ];
  }
  return [ok(host, `by ${served.issuer}, ${days} days left`)];
});

/** Through whoever is in front of this proxy, as clients come. */
const fronts = ofEachHost("in front", async ({ probes }, host, service) => {
  if (!service.tls) return [];
  const local = probes.localAddresses();
  const [address] = (await probes.resolve(host)).filter((each) => !local.includes(each));
  if (address === undefined) return [];
  const path = service.paths[0] ?? "/";
  const answer = await probes.get({ address, port: 443 }, { scheme: "https", host, path });
  if (answer.kind === "fault") {
    return [note(host, `${address} does not answer here: ${answer.reason}`)];
  }
  const { location, status: code } = answer;
  if (location !== null && isLoop(location, host, path)) {
    return [
      failure(
        host,
        `by way of ${address}, https redirects to ${location}: a loop ("too many redirects")`,
        "what is in front ends TLS and speaks http to this proxy, which sends it back to https: let it use https (Cloudflare: Full (strict)), or --tls-redirect=false",
      ),
    ];
  }
  return [ok(host, `by way of ${address}: ${code}`)];
});

const redirects = ofEachHost("redirect", async ({ status, probes }, host, service) => {
  if (!service.tls) return [];
  const address = ownAddress(status);
  const path = service.paths[0] ?? "/";
  const [plain, secure] = await Promise.all([
    probes.get({ address, port: status.http_port }, { scheme: "http", host, path }),
    probes.get({ address, port: status.https_port }, { scheme: "https", host, path }),
  ]);
  const outcomes: Outcome[] = [];
  if (secure.kind === "answer" && secure.location !== null && isLoop(secure.location, host, path)) {
    outcomes.push(
      failure(
        host,
        `https redirects to ${secure.location}: a loop`,
        "the app does not see that TLS ends here: let it trust X-Forwarded-Proto (assume_ssl of Rails)",
      ),
    );
  }
  if (plain.kind === "answer" && plain.location?.startsWith("https://") === true) {
    outcomes.push(
      note(
        host,
        "http goes to https",
        'with "too many redirects" behind a CDN: let it use https towards this proxy, or --tls-redirect=false',
      ),
    );
  } else if (plain.kind === "answer") {
    outcomes.push(note(host, `http is served as it is (${plain.status})`));
  }
  return outcomes;
});

/** To plain HTTP, from where the proxy sends it back, or to itself. */
function isLoop(location: string, host: string, path: string): boolean {
  const target = URL.parse(location, `https://${host}${path}`);
  if (target === null || target.hostname !== host) return false;
  return target.protocol === "http:" || target.pathname === path;
}

export const serviceChecks: readonly Check[] = [
  state,
  targets,
  dns,
  certificate,
  redirects,
  fronts,
];
