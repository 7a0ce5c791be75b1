/** The branches of a `case "$level/$word"` that goes down one level, as bash and zsh have it. */
import type { CompletionLevel } from "./completion-levels.ts";

export function levelCases(levels: readonly CompletionLevel[], indent: string): string {
  return levels
    .filter(({ names }) => names.length > 0)
    .map(({ path, names }) => {
      const patterns = names.map(({ above, name }) => `"${above}/${name}"`).join("|");
      return `${indent}${patterns}) level="${path}" ;;`;
    })
    .join("\n");
}
