/** Checks of a whole command line, in the order in which they are reported. */
import { CommandError } from "../../config/command-error.ts";
import { goQuote } from "../../go/quote.ts";

/** `service`, `name`, `shell`: exactly one; `service-or-none`, `file`: one at most; `none`: an error names the first one; `any`: ignored. */
export type PositionalRule =
  "service" | "service-or-none" | "name" | "shell" | "file" | "none" | "any";

export interface FlagRules {
  required?: readonly string[];
  /** All or none of them. */
  together?: readonly string[];
  /** At least one of them. */
  oneOf?: readonly string[];
}

export function checkPositionals(
  rule: PositionalRule,
  positionals: readonly string[],
  commandPath: string,
): void {
  const [first] = positionals;
  if (rule === "service-or-none" || rule === "file") {
    if (positionals.length <= 1) return;
    throw new CommandError(`accepts at most 1 arg(s), received ${positionals.length}`);
  }
  if (rule !== "none" && rule !== "any" && positionals.length !== 1) {
    throw new CommandError(`accepts 1 arg(s), received ${positionals.length}`);
  }
  if (rule === "none" && first !== undefined) {
    throw new CommandError(`unknown command ${goQuote(first)} for ${goQuote(commandPath)}`);
  }
}

export function checkFlagRules(rules: FlagRules, given: ReadonlySet<string>): void {
  const missing = (names: readonly string[]): string[] =>
    names.filter((name) => !given.has(name)).toSorted();

  const { required = [], together = [], oneOf = [] } = rules;
  const unset = missing(required);
  if (unset.length > 0) throw new CommandError(`required flag(s) "${unset.join('", "')}" not set`);

  const apart = missing(together);
  if (apart.length > 0 && apart.length < together.length) {
    throw new CommandError(
      `if any flags in the group [${together.join(" ")}] are set they must all be set; ` +
        `missing [${apart.join(" ")}]`,
    );
  }
  if (oneOf.length > 0 && missing(oneOf).length === oneOf.length) {
    throw new CommandError(
      `at least one of the flags in the group [${oneOf.join(" ")}] is required`,
    );
  }
}
