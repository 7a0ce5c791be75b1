/**
 * How likely it is that counts differ by chance alone. Exact, because rare failures among few requests are
 * just what approximations by the normal distribution get wrong.
 */

/** Terms that are so much smaller than the sum add nothing to it. */
const negligible = 1e-12;

/** Probability of `successes` or more in `trials`, each of which succeeds with `probability`. */
export function binomialTail(successes: number, trials: number, probability: number): number {
  if (successes <= 0) return 1;
  if (successes > trials || probability <= 0) return 0;
  // From the mean down the tail is most of it: whoever asks looks for rare things.
  if (probability >= 1 || successes <= trials * probability) return 1;
  const ratio = probability / (1 - probability);
  const first =
    logChoose(trials, successes) +
    successes * Math.log(probability) +
    (trials - successes) * Math.log1p(-probability);
  return sumOfTail(first, successes, trials, (k) => ((trials - k) / (k + 1)) * ratio);
}

/**
 * Fisher's exact test, one-sided: the probability that of all who failed in two groups so many or more are
 * in the one, when both fail alike.
 */
export function fisherTail(
  one: { failed: number; total: number },
  other: { failed: number; total: number },
): number {
  const { failed, total } = one;
  const allFailed = failed + other.failed;
  const all = total + other.total;
  if (failed <= 0 || failed * all <= total * allFailed) return 1;
  const first =
    logChoose(total, failed) + logChoose(other.total, other.failed) - logChoose(all, allFailed);
  const last = Math.min(total, allFailed);
  return sumOfTail(
    first,
    failed,
    last,
    (k) => ((total - k) * (allFailed - k)) / ((k + 1) * (other.total - allFailed + k + 1)),
  );
}

/** The sum of a term and those behind it, each of which is the one before it times `ratioAt`. */
function sumOfTail(
  firstLog: number,
  from: number,
  to: number,
  ratioAt: (k: number) => number,
): number {
  let term = 1;
  let sum = 1;
  for (let k = from; k < to; k++) {
    term *= ratioAt(k);
    sum += term;
    if (term < sum * negligible) break;
  }
  return Math.min(1, Math.exp(firstLog) * sum);
}

function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}

/** Stirling's series; below 16 the product itself. */
function logFactorial(n: number): number {
  if (n < 16) {
    let product = 1;
    for (let factor = 2; factor <= n; factor++) product *= factor;
    return Math.log(product);
  }
  return n * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI * n) + 1 / (12 * n) - 1 / (360 * n ** 3);
}
