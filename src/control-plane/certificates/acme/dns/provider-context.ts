/** What a DNS provider is made with: credentials from variables or files, and how to send requests. */
import { CommandError } from "../../../../config/command-error.ts";
import type { Environment } from "../../../../config/paths.ts";
import { messageOf } from "../../../../lib/error-text.ts";
import type { Clock } from "../../../../lib/clock.ts";
import type { Fetch } from "../acme-http.ts";

export interface ProviderContextSettings {
  provider: string;
  environment: Environment;
  /** Text of a file that a variable names. */
  readFile(path: string): string;
  http: { fetch: Fetch; clock: Clock };
}

export class ProviderContext {
  readonly #settings: ProviderContextSettings;

  constructor(settings: ProviderContextSettings) {
    this.#settings = settings;
  }

  get http(): { fetch: Fetch; clock: Clock } {
    return this.#settings.http;
  }

  /** The variable, or the file that the same with `_FILE` names. Throws a CommandError when it is missing, or both are set. */
  secret(variable: string): string {
    const { environment, readFile } = this.#settings;
    const path = environment[`${variable}_FILE`]?.trim() ?? "";
    if (path === "") return this.setting(variable);
    if (this.setting(variable, "") !== "") {
      throw new CommandError(
        `${variable} and ${variable}_FILE are both set: leave one of them out`,
      );
    }
    const text = readText(readFile, `${variable}_FILE`, path);
    if (text === "") throw new CommandError(`${variable}_FILE: ${path} is empty`);
    return text;
  }

  /** Throws a CommandError when it is missing and there is no fallback. */
  setting(variable: string, fallback?: string): string {
    const value = this.#settings.environment[variable]?.trim() ?? "";
    if (value !== "") return value;
    if (fallback !== undefined) return fallback;
    throw new CommandError(
      `KAMAL_PROXY_ACME_DNS names ${this.#settings.provider}, which needs ${variable}`,
    );
  }

  url(variable: string): string {
    const value = this.setting(variable);
    if (/^https?:$/.test(URL.canParse(value) ? new URL(value).protocol : "")) return value;
    throw new CommandError(`${variable} must be an http or https URL, not ${value}`);
  }
}

function readText(readFile: (path: string) => string, variable: string, path: string): string {
  try {
    return readFile(path).trim();
  } catch (error) {
    throw new CommandError(`${variable}: ${path} can't be read: ${messageOf(error)}`);
  }
}
