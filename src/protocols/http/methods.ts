/** What methods promise (RFC 9110 9.2). */

/** Idempotent ones, which may be sent twice (RFC 9110 9.2.2). */
export function isRepeatable(method: string): boolean {
  switch (method) {
    case "GET":
    case "HEAD":
    case "OPTIONS":
    case "TRACE":
    case "PUT":
    case "DELETE":
      return true;
    default:
      return false;
  }
}
