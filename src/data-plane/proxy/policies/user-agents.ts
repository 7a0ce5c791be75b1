/** Turns clients away by what they say they are: `--deny-user-agent`, `--deny-crawlers`. */
import { maxUserAgentBytes } from "../../../config/access-limits.ts";
import { byteString } from "../../services/byte-string.ts";
import aiCrawlers from "./ai-crawlers.txt" with { type: "text" };
import type { Policy, PolicyFactory } from "./policy.ts";

/** By the word of `--deny-crawlers`. */
const crawlerLists: Readonly<Record<string, string>> = { ai: aiCrawlers };

export const userAgents: PolicyFactory = ({ options }, { answers }): Policy | null => {
  const { denyUserAgents, denyCrawlers } = options;
  const patterns = [
    ...denyUserAgents,
    ...denyCrawlers.flatMap((word) => crawlerNames(crawlerLists[word] ?? "")),
  ].map(textPattern);
  if (patterns.length === 0) return null;
  return {
    logName: "user-agent",
    onRequest(request) {
      const { fields } = request.exchange.request;
      const said = fields.all("user-agent").join(", ").slice(0, maxUserAgentBytes).toLowerCase();
      if (!patterns.some((pattern) => occursIn(said, pattern))) return "pass";
      answers.page(request, "user-agent-refused");
      return "answered";
    },
  };
};

/** One a line; `#` begins a comment. */
function crawlerNames(list: string): string[] {
  return list.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

/** Its pieces, in lower case, between which anything may stand. */
function textPattern(pattern: string): readonly string[] {
  return byteString(pattern)
    .toLowerCase()
    .split("*")
    .filter((piece) => piece !== "");
}

/** In their order, anywhere. Each piece is looked for once, from where the one before was found. */
function occursIn(text: string, pieces: readonly string[]): boolean {
  let from = 0;
  for (const piece of pieces) {
    const at = text.indexOf(piece, from);
    if (at < 0) return false;
    from = at + piece.length;
  }
  return true;
}
