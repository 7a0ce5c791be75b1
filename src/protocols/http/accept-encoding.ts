/** Which of several content codings a client wants (RFC 9110 12.5.3). */
import { listElements, trimBlanks } from "./fields.ts";

/** Elements that are looked at: browsers send four. */
const maxElements = 20;

/**
 * The one with the highest quality; among equals the first of `offered`, by which the server prefers. Null:
 * none is accepted, or the client would rather have the content as it is. Malformed elements count as absent.
 */
export function acceptedCoding<Coding extends string>(
  accepted: string | undefined,
  offered: readonly Coding[],
): Coding | null {
  if (accepted === undefined) return null;
  const qualities = new Map<string, number>();
  for (const element of listElements(accepted).slice(0, maxElements)) {
    const [name = "", ...parameters] = element.split(";").map(trimBlanks);
    const quality = qualityOf(parameters);
    if (quality !== null) qualities.set(name.toLowerCase().replace(/^x-(?=gzip$)/, ""), quality);
  }
  const asItIs = qualities.get("identity") ?? 0;
  let best: Coding | null = null;
  let bestQuality = 0;
  for (const coding of offered) {
    const quality = qualities.get(coding) ?? qualities.get("*") ?? 0;
    if (quality > bestQuality && quality >= asItIs) {
      best = coding;
      bestQuality = quality;
    }
  }
  return best;
}

/** RFC 9110 12.4.2: from 0 to 1 with three digits; null when it is malformed. */
function qualityOf(parameters: readonly string[]): number | null {
  const weight = parameters.find((parameter) => /^q=/i.test(parameter));
  if (weight === undefined) return 1;
  return /^q=(0(\.\d{0,3})?|1(\.0{0,3})?)$/i.test(weight) ? Number(weight.slice(2)) : null;
}
