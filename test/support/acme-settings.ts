/** Settings of certificate authorities for tests. */
import type { AcmeSettings } from "../../src/config/acme-settings.ts";
import { acmeProductionDirectory } from "../../src/config/defaults.ts";

/** One directory, without account; empty: the default one. */
export function acmeSettings(directory = "", more: Partial<AcmeSettings> = {}): AcmeSettings {
  return {
    directory,
    authorities: [
      { key: directory, url: directory || acmeProductionDirectory, externalAccount: null },
    ],
    profile: "",
    email: "",
    caFiles: [],
    preflight: null,
    dns: null,
    ...more,
  };
}
