/**
 * Loaded before every test: properties try the same examples in each run, so that a red run can be
 * repeated. `FAST_CHECK_SEED=random` looks for new ones, `FAST_CHECK_SEED=<number>` repeats theirs.
 */
import fc from "fast-check";

const wanted = process.env["FAST_CHECK_SEED"] ?? "20261126";

export const propertySeed =
  wanted === "random" ? Math.floor(Math.random() * 2 ** 31) : Number(wanted);

fc.configureGlobal({ seed: propertySeed });
