/**
 * Splits the arguments of one command into flags and positionals, strictly and in the manner of
 * Go's pflag: both mix in any order, `--` ends the flags, nothing may be abbreviated.
 */
import { CommandError } from "../../config/command-error.ts";
import { goQuote, goQuoteRune } from "../../go/quote.ts";
import { kinds, type KindValue } from "../../config/kinds.ts";
import { mapTable } from "../../config/setting.ts";
import { type Flag, type FlagTable, type FlagValues, helpFlag } from "./flags.ts";

export interface ParsedFlags<T extends FlagTable> {
  values: FlagValues<T>;
  /** Names of the flags that were given, with whatever value. */
  given: ReadonlySet<string>;
  positionals: string[];
  help: boolean;
}

/** Throws a `CommandError` at the first argument that is wrong. */
export function parseFlags<T extends FlagTable>(table: T, args: readonly string[]): ParsedFlags<T> {
  const parser = new FlagParser({ ...table, ...helpFlag });
  parser.parse(args);
  return {
    values: parser.valuesOf(table),
    given: parser.given,
    positionals: parser.positionals,
    help: parser.value("help") === true,
  };
}

class FlagParser {
  readonly given = new Set<string>();
  readonly positionals: string[] = [];
  readonly #table: FlagTable;
  readonly #values = new Map<string, KindValue>();

  constructor(table: FlagTable) {
    this.#table = table;
  }

  parse(args: readonly string[]): void {
    let index = 0;
    const next = (): string | undefined => args[index++];
    for (let arg = next(); arg !== undefined; arg = next()) {
      if (arg === "--") {
        this.positionals.push(...args.slice(index));
        return;
      }
      if (arg.startsWith("--")) this.#parseLong(arg, next);
      else if (arg.startsWith("-") && arg.length > 1) this.#parseShort(arg);
      else this.positionals.push(arg);
    }
  }

  value(name: string): Readonly<KindValue> | undefined {
    return this.#values.get(name) ?? this.#table[name]?.fallback;
  }

  valuesOf<T extends FlagTable>(table: T): FlagValues<T> {
    return mapTable(table, (_flag, name) => this.value(name));
  }

  #parseLong(arg: string, next: () => string | undefined): void {
    const body = arg.slice(2);
    if (body.startsWith("-") || body.startsWith("=")) {
      throw new CommandError(`bad flag syntax: ${arg}`);
    }
    const equals = body.indexOf("=");
    const name = equals < 0 ? body : body.slice(0, equals);
    const flag = Object.hasOwn(this.#table, name) ? this.#table[name] : undefined;
    if (flag === undefined) throw unknownFlag(name);
    let text: string | undefined;
    if (equals >= 0) text = body.slice(equals + 1);
    else text = flag.kind === "switch" ? "true" : next();
    if (text === undefined) throw new CommandError(`flag needs an argument: --${name}`);
    this.#set(name, flag, text);
  }

  /** Shorthands are booleans only and may stand together: `-hh`, `-h=false`. */
  #parseShort(arg: string): void {
    let letters = arg.slice(1);
    while (letters !== "") {
      const letter = letters[0]!;
      const entry = Object.entries(this.#table).find(([, flag]) => flag.shorthand === letter);
      if (entry === undefined) {
        throw new CommandError(
          `unknown shorthand flag: ${goQuoteRune(firstByte(letter))} in -${letters}`,
        );
      }
      const [name, flag] = entry;
      if (letters.length > 2 && letters[1] === "=") {
        this.#set(name, flag, letters.slice(2));
        return;
      }
      this.#set(name, flag, "true");
      letters = letters.slice(1);
    }
  }

  #set(name: string, flag: Flag, text: string): void {
    const parsed = kinds[flag.kind].parse(text);
    if ("error" in parsed) throw invalidArgument(name, flag, text, parsed.error);
    const earlier = this.#values.get(name);
    if (Array.isArray(earlier) && Array.isArray(parsed.value)) {
      this.#values.set(name, [...earlier, ...parsed.value]);
    } else {
      this.#values.set(name, parsed.value);
    }
    this.given.add(name);
  }
}

/** Of newer kamal-proxy (basecamp/kamal-proxy#228), where it stops and starts containers. */
const dockerFlags = ["idle-timeout", "idle-wake-timeout", "docker-socket"];

function unknownFlag(name: string): CommandError {
  return new CommandError(
    dockerFlags.includes(name)
      ? `--${name} is not supported: stopping idle containers needs the Docker socket, which is root on the host; take idle out of deploy.yml`
      : `unknown flag: --${name}`,
  );
}

function invalidArgument(name: string, flag: Flag, text: string, reason: string): CommandError {
  const shown = flag.shorthand === undefined ? `--${name}` : `-${flag.shorthand}, --${name}`;
  return new CommandError(`invalid argument ${goQuote(text)} for "${shown}" flag: ${reason}`);
}

/** pflag names the first byte of a letter, so `é` is reported as `Ã`. */
function firstByte(letter: string): string {
  return letter < "\u0080" ? letter : "\u00c3";
}
