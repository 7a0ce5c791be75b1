/** Checks of the proxy as a whole. */
import { doctorLimits } from "../../config/operator-limits.ts";
import { type Check, failure, note, ok, type Outcome, ownAddress, warning } from "./check.ts";

const version: Check = {
  name: "version",
  run: ({ status, version: ours }) =>
    status.version === ours
      ? [ok("", `${ours} runs`)]
      : [
          warning(
            "",
            `${status.version} runs, this command is ${ours}`,
            "restart the proxy to run the new one",
          ),
        ],
};

const ports: Check = {
  name: "port",
  async run({ status, probes }) {
    const place = { address: ownAddress(status), port: status.http_port };
    const answer = await probes.get(place, { scheme: "http", host: "doctor.invalid", path: "/" });
    const subject = `http ${status.http_port}`;
    if (answer.kind === "fault") {
      return [
        failure(
          subject,
          answer.reason,
          "the workers do not accept: see `worker` below, and the log",
        ),
      ];
    }
    return [ok(subject, "accepts and answers")];
  },
};

const workers: Check = {
  name: "worker",
  run: ({ status }) =>
    status.processes.flatMap(({ worker, pid, state, restarts }): Outcome[] => {
      if (worker === null) return [];
      const subject = String(worker);
      if (state !== "serving") {
        return [
          failure(
            subject,
            `is ${state}, replaced ${restarts} times`,
            "see `Unable to start worker` or `Worker died` in the log",
          ),
        ];
      }
      return restarts > 0
        ? [
            warning(
              subject,
              `serves as ${pid}, replaced ${restarts} times`,
              "see `Worker died` in the log; SIGKILL is mostly a lack of memory",
            ),
          ]
        : [ok(subject, `serves as process ${pid}`)];
    }),
};

const stateFolder: Check = {
  name: "data folder",
  run({ status }) {
    const { data_path: path, data_path_error: fault } = status;
    if (fault !== null) {
      return [
        failure(
          "",
          `${path}: ${fault}`,
          "make it writable for the proxy's user: a restart would forget every deploy",
        ),
      ];
    }
    if (status.in_container && !status.data_is_mounted) {
      return [
        warning(
          "",
          `${path} is inside the container`,
          "mount a volume there, as Kamal does: a new container would forget every deploy",
        ),
      ];
    }
    return [ok("", `${path} can be written`)];
  },
};

const disk: Check = {
  name: "disk",
  run({ status }) {
    const { disk_free_bytes: free } = status;
    if (free === null) return [];
    const text = `${Math.floor(free / 2 ** 20)} MB free`;
    return free < doctorLimits.minFreeDiskBytes
      ? [failure("", text, "make room: state, certificates and large buffered bodies need it")]
      : [ok("", text)];
  },
};

const descriptors: Check = {
  name: "open files",
  run({ status }) {
    const { max_open_files: limit } = status;
    if (limit === null) return [];
    return limit < doctorLimits.minOpenFiles
      ? [
          warning(
            "",
            `limit ${limit}`,
            "raise it: LimitNOFILE of systemd, --ulimit nofile= of Docker; each connection needs one, each proxied one two",
          ),
        ]
      : [ok("", `limit ${limit}`)];
  },
};

const acceptQueue: Check = {
  name: "accept queue",
  run({ status }) {
    const { accept_queue: length } = status;
    if (length === null) return [];
    return length < doctorLimits.minAcceptQueue
      ? [
          warning(
            "",
            `net.core.somaxconn is ${length}`,
            "raise it (sysctl -w net.core.somaxconn=4096): bursts of new connections wait a second",
          ),
        ]
      : [ok("", `net.core.somaxconn is ${length}`)];
  },
};

const forwarded: Check = {
  name: "forwarded headers",
  run({ status, services }) {
    const { trusted_proxies: trusted } = status;
    if (trusted !== null) return [ok("", `believed of ${trusted.join(", ") || "nobody"}`)];
    return services
      .filter(
        ([, { options }]) =>
          options["forward_headers"] === true || targetOption(options, "forward_headers") === true,
      )
      .map(([name]) =>
        note(
          name,
          "believes X-Forwarded-For of every client",
          "name the load balancers by --trusted-proxies, if clients can reach the proxy without them",
        ),
      );
  },
};

function targetOption(options: Record<string, unknown>, key: string): unknown {
  const nested = options["target_options"];
  return typeof nested === "object" && nested !== null
    ? (nested as Record<string, unknown>)[key]
    : undefined;
}

export const proxyChecks: readonly Check[] = [
  version,
  ports,
  workers,
  stateFolder,
  disk,
  descriptors,
  acceptQueue,
  forwarded,
];
