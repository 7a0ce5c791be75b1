/** Preloaded by bunfig.toml, because Bun 1.4.5 takes no timeout from there: tests of processes need more than 5 s. */
import { setDefaultTimeout } from "bun:test";

setDefaultTimeout(60_000);
