/** An error as one line for a log. */

export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  const inner = cause instanceof Error && cause.message !== "" ? cause.message : undefined;
  if (inner === undefined || error.message.includes(inner)) return error.message;
  return `${error.message}: ${inner}`;
}
