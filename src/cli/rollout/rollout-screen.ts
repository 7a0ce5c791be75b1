/** Shows how a rollout goes on: a line for each step that has passed, and on a terminal a picture below them. */
import type { RolloutProgress } from "../../control-plane/socket/rollout-protocol.ts";
import { printableText } from "../../lib/printable-text.ts";
import type { CliContext } from "../context.ts";
import { type Paint, painter } from "../top/text-cells.ts";
import { passedLine, rolloutPicture } from "./rollout-picture.ts";

const eraseBelow = "\u001b[J";

export class RolloutScreen {
  readonly #service: string;
  readonly #context: CliContext;
  readonly #paint: Paint;
  #last: RolloutProgress | null = null;
  /** Steps of which a line was written. */
  #told = 0;
  /** Lines of the picture that is on the screen. */
  #shown = 0;
  #written: Promise<void> = Promise.resolve();

  constructor(service: string, context: CliContext) {
    this.#service = printableText(service);
    this.#context = context;
    this.#paint = painter(context.screen !== null && !context.environment["NO_COLOR"]);
  }

  show(progress: RolloutProgress): void {
    this.#last = progress;
    const { screen } = this.#context;
    const lines = progress.passed.slice(this.#told).map(passedLine);
    this.#told = progress.passed.length;
    const isOver = progress.passed.some(
      (step) => step.percentage === progress.steps[progress.step],
    );
    const picture =
      screen === null || isOver
        ? []
        : rolloutPicture(this.#service, progress, screen.columns - 1, this.#paint);
    this.#replace([...lines, ...picture]);
    this.#shown = picture.length;
  }

  /** What has come of it, behind the lines of the steps. */
  end(): void {
    const last = this.#last;
    if (last === null) return;
    this.#replace([
      last.promotes
        ? "promoted: the new targets serve all requests"
        : `complete: it stays at ${last.steps.at(-1)}%`,
    ]);
  }

  /** The lines of the steps stay. Resolves when all is written. */
  async close(): Promise<void> {
    this.#replace([]);
    await this.#written;
  }

  #replace(lines: readonly string[]): void {
    const erase = this.#shown === 0 ? "" : `\u001b[${this.#shown}A\r${eraseBelow}`;
    this.#shown = 0;
    const text = erase + lines.map((line) => `${line}\n`).join("");
    if (text !== "") this.#written = this.#written.then(() => this.#context.write(text));
  }
}
