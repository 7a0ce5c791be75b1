/** Status codes and their names (RFC 9110 15). */

/** The connection is not for such a request, but another one may be (RFC 9110 15.5.20). */
export const misdirectedStatus = 421;

const reasons: Record<number, string> = {
  100: "Continue",
  101: "Switching Protocols",
  102: "Processing",
  103: "Early Hints",
  200: "OK",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  413: "Content Too Large",
  417: "Expectation Failed",
  [misdirectedStatus]: "Misdirected Request",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  499: "Client Closed Request",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};

export function reasonPhrase(status: number): string {
  return reasons[status] ?? `Status ${status}`;
}

/** A response of this status has no body whatever its fields say (RFC 9112 6.3). */
export function isBodyless(status: number): boolean {
  return status < 200 || status === 204 || status === 304;
}
