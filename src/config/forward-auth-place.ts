/** Whom `--forward-auth` asks: a path of the service itself, one of another service, or an absolute URL. */

export type ForwardAuthPlace =
  | { kind: "own"; path: string }
  | { kind: "service"; name: string; path: string }
  | {
      kind: "url";
      /** TLS. */
      secure: boolean;
      /** Without brackets. */
      host: string;
      port: number;
      /** As the Host field has it. */
      authority: string;
      path: string;
    };

/** Path and query as they go out: visible ASCII, no fragment. `//host` would be read as a host by some. */
const pathPattern = /^\/(?!\/)[!"$-~]*$/;

/** Null when it can't be meant. Paths keep their query. */
export function parseForwardAuth(text: string): ForwardAuthPlace | null {
  if (text.startsWith("/")) return pathPattern.test(text) ? { kind: "own", path: text } : null;
  const service = /^service:([^/]+)(\/.*)$/s.exec(text);
  if (service !== null) {
    const [, name = "", path = ""] = service;
    return pathPattern.test(path) ? { kind: "service", name, path } : null;
  }
  return parseUrl(text);
}

function parseUrl(text: string): ForwardAuthPlace | null {
  if (!/^https?:\/\/[!"$-~]+$/i.test(text) || !URL.canParse(text)) return null;
  const { protocol, hostname, port, host, pathname, search, username, password } = new URL(text);
  // They would be in the state file and in `list` for everybody to read.
  if (username !== "" || password !== "") return null;
  const secure = protocol === "https:";
  return {
    kind: "url",
    secure,
    host: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? (secure ? 443 : 80) : Number(port),
    authority: host,
    path: pathname + search,
  };
}
