/** Files of the system that only the proxy under test sees in another form. */

/** For `launcher`: runs a command with `file` in the place of `path`. */
export function mountedOver(path: string, file: string): string[] {
  const script = 'mount --bind "$0" "$1" && shift && exec "$@"';
  return ["unshare", "--mount", "sh", "-c", script, file, path];
}

/** Whether this process may do that. */
export function mayMount(path: string): boolean {
  try {
    const command = [...mountedOver(path, path), "true"];
    return Bun.spawnSync(command, { stdout: "ignore", stderr: "ignore" }).success;
  } catch {
    return false;
  }
}
