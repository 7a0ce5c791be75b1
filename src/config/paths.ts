/** Where the control socket and the saved data are, by the environment alone. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The control socket: `KAMAL_PROXY_SOCKET`, else in the runtime folder of the user. */
export function socketPath(environment: Environment): string {
  const given = environment["KAMAL_PROXY_SOCKET"];
  if (given) return given;
  return join(environment["XDG_RUNTIME_DIR"] || temporaryFolder(environment), "kamal-proxy.sock");
}

/** Folder of the state file and the certificates. `XDG_CONFIG_HOME` does not count. */
export function dataFolder(environment: Environment): string {
  const home = environment["HOME"] || temporaryFolder(environment);
  return join(home, ".config/kamal-proxy");
}

/**
 * Files of settings: where Kamal mounts the folders that it has for apps, unless another folder is named. None
 * stands in for a home that is missing: in the temporary folder anybody may put files.
 */
export function settingsFolder(environment: Environment): string | undefined {
  const home = environment["HOME"];
  return environment["KAMAL_PROXY_APPS_CONFIG"] || (home ? join(home, ".apps-config") : undefined);
}

/** Where an app says which settings it wants, when it may. */
export const appSettingsPath = "/.well-known/kamal-proxy.json";

/** Stands in for a data folder that cannot be made. */
export function temporaryFolder(environment: Environment): string {
  return environment["TMPDIR"] || "/tmp";
}

export function statePath(folder: string): string {
  return join(folder, "kamal-proxy.state");
}

export function certificateFolder(folder: string): string {
  return join(folder, "certs");
}

function join(folder: string, name: string): string {
  return `${folder.replace(/\/+$/, "")}/${name}`;
}

/** Tells that the proxy serves, and with a service's name in between whether that is served. */
export const proxyHealthPath = "/.kamal-proxy/health";
export const serviceHealthPaths = { prefix: "/.kamal-proxy/", suffix: "/health" } as const;
