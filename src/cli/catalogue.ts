/** The names of all commands. */
import type { CliCommand } from "./cli-command.ts";
import type { Group, Leaf } from "./command-tree.ts";

const rollout: Group = {
  kind: "group",
  name: "rollout",
  summary: "Try a new version with a part of the traffic",
  aliases: [],
  entries: [
    leaf("auto", "Raise its share step by step, as long as it does well", async () => {
      return (await import("./commands/rollout-auto.ts")).rolloutAuto;
    }),
    leaf("deploy", "Start the targets of a rollout", async () => {
      return (await import("./commands/rollout-deploy.ts")).rolloutDeploy;
    }),
    leaf("set", "Choose which requests belong to the rollout", async () => {
      return (await import("./commands/rollout-set.ts")).rolloutSet;
    }),
    leaf("stop", "Send all requests to the active targets again", async () => {
      return (await import("./commands/rollout-stop.ts")).rolloutStop;
    }),
  ],
};

const certificatesList = leaf("list", "List the certificates of all services", async () => {
  return (await import("./commands/certificates-list.ts")).certificatesList;
});

const certificates: Group = {
  kind: "group",
  name: "certificates",
  summary: "See, renew and forget certificates",
  aliases: ["certs"],
  fallback: certificatesList,
  entries: [
    certificatesList,
    leaf("renew", "Obtain a certificate anew", async () => {
      return (await import("./commands/certificates-renew.ts")).certificatesRenew;
    }),
    leaf("forget", "Forget a certificate and why it could not be had", async () => {
      return (await import("./commands/certificates-forget.ts")).certificatesForget;
    }),
  ],
};

export const catalogue: Group = {
  kind: "group",
  name: "kamal-proxy",
  summary: "An HTTP proxy that deploys without downtime",
  aliases: [],
  entries: [
    leaf("run", "Run the proxy", async () => (await import("./commands/run.ts")).run),
    leaf("deploy", "Switch a service to new targets", async () => {
      return (await import("./commands/deploy.ts")).deploy;
    }),
    leaf("remove", "Remove a service", async () => (await import("./commands/remove.ts")).remove, [
      "rm",
    ]),
    leaf("pause", "Hold the requests to a service", async () => {
      return (await import("./commands/pause.ts")).pause;
    }),
    leaf("stop", "Answer all requests to a service with an error page", async () => {
      return (await import("./commands/stop.ts")).stop;
    }),
    leaf("resume", "Let a paused or stopped service serve again", async () => {
      return (await import("./commands/resume.ts")).resume;
    }),
    leaf("list", "List all services", async () => (await import("./commands/list.ts")).list, [
      "ls",
    ]),
    leaf("set", "Set options of a service that stay through deploys", async () => {
      return (await import("./commands/set.ts")).set;
    }),
    leaf(
      "unset",
      "Take back what was set",
      async () => (await import("./commands/unset.ts")).unset,
    ),
    leaf("reload", "Read the files of settings again", async () => {
      return (await import("./commands/reload.ts")).reload;
    }),
    leaf("top", "Watch requests, latencies, targets and processes", async () => {
      return (await import("./commands/top.ts")).top;
    }),
    leaf("doctor", "Check the proxy, its services, and what they need", async () => {
      return (await import("./commands/doctor.ts")).doctor;
    }),
    leaf("upgrade", "Put another executable in the place of the running proxy", async () => {
      return (await import("./commands/upgrade.ts")).upgrade;
    }),
    rollout,
    certificates,
    auxiliary("hash-password", "Print the hash of a password for --basic-auth", async () => {
      return (await import("./commands/hash-password.ts")).hashPassword;
    }),
    auxiliary("help", "Show the help of a command", async () => {
      return (await import("./commands/help.ts")).help(catalogue);
    }),
    auxiliary("completion", "Print a shell's completion script", async () => {
      return (await import("./commands/completion.ts")).completion(catalogue);
    }),
    auxiliary("version", "Show the version", async () => {
      return (await import("./commands/version.ts")).version;
    }),
  ],
};

function leaf(
  name: string,
  summary: string,
  load: () => Promise<CliCommand>,
  aliases: readonly string[] = [],
): Leaf {
  return { kind: "command", name, summary, aliases, auxiliary: false, load };
}

function auxiliary(name: string, summary: string, load: () => Promise<CliCommand>): Leaf {
  return { ...leaf(name, summary, load), auxiliary: true };
}
