/** `kamal-proxy top` */
import { CommandError } from "../../config/command-error.ts";
import { topLimits } from "../../config/operator-limits.ts";
import { messageOf } from "../../lib/error-text.ts";
import { cliCommand, send } from "../cli-command.ts";
import type { CliContext } from "../context.ts";
import { frame, type Picture, shownServices } from "../top/frame.ts";
import type { Keyboard } from "../top/keyboard.ts";
import { type Paint, painter } from "../top/text-cells.ts";
import { TrafficHistory } from "../top/traffic-history.ts";
import { firstView, withKey } from "../top/view.ts";

const enterScreen = "\u001b[?1049h\u001b[?25l";
const leaveScreen = "\u001b[?25h\u001b[?1049l";
const home = "\u001b[H";
const eraseRight = "\u001b[K";
const eraseBelow = "\u001b[J";

export const top = cliCommand({
  path: "top",
  summary: "Shows requests, latencies, targets and processes as they are now.",
  notes:
    "Keys: s sorts, as do r by requests, l by latency, e by errors, f by requests in flight, b by bytes and\n" +
    "n by name; / filters by name, j and k or arrows move, Enter opens a service, Esc goes back, p pauses,\n" +
    "q quits.\n",
  positionals: "none",
  flags: () => ({
    once: {
      kind: "switch",
      fallback: false,
      help: "Print one picture of the next second, and end",
    },
  }),
  async run({ values, context }) {
    const paint = painter(context.screen !== null && !context.environment["NO_COLOR"]);
    const picture = await firstPicture(context);
    if (values.once) {
      await context.wait(topLimits.intervalMs);
      await look(context, picture);
      const size = { columns: context.screen?.columns ?? 80, rows: Number.POSITIVE_INFINITY };
      const lines = frame(picture, size, paint).map((line) => `${line.trimEnd()}\n`);
      await context.write(lines.join(""));
      return 0;
    }
    const keyboard = context.screen === null ? null : await context.openKeyboard();
    if (keyboard === null) {
      throw new CommandError("top needs a terminal; --once prints one picture");
    }
    try {
      await context.write(enterScreen);
      await live(context, picture, keyboard, paint);
    } finally {
      keyboard.close();
      await context.write(leaveScreen);
    }
    return 0;
  },
});

async function firstPicture(context: CliContext): Promise<Picture> {
  const picture: Picture = {
    ...(await ask(context)),
    history: new TrafficHistory(),
    view: firstView,
    fault: null,
  };
  picture.history.add(picture.status);
  return picture;
}

async function live(
  context: CliContext,
  picture: Picture,
  keyboard: Keyboard,
  paint: Paint,
): Promise<void> {
  let dueMs = context.wallMs() + topLimits.intervalMs;
  for (;;) {
    await context.write(screenText(frame(picture, context.screen!, paint)));
    let key = await keyboard.next(Math.max(0, dueMs - context.wallMs()));
    // All that have come: a look may take long.
    while (key !== null && !picture.view.ended) {
      picture.view = withKey(picture.view, key, shownServices(picture));
      key = await keyboard.next(0);
    }
    if (picture.view.ended) return;
    // A machine's clock that jumps costs one picture too many, or one interval.
    const restMs = dueMs - context.wallMs();
    if (restMs > 0 && restMs <= topLimits.intervalMs) continue;
    if (!picture.view.paused) await look(context, picture);
    dueMs = context.wallMs() + topLimits.intervalMs;
  }
}

/** A proxy that has gone may come back: what was seen last stays on the screen. */
async function look(context: CliContext, picture: Picture): Promise<void> {
  try {
    Object.assign(picture, await ask(context), { fault: null });
    picture.history.add(picture.status);
  } catch (error) {
    picture.fault = messageOf(error);
  }
}

async function ask(context: CliContext): Promise<Pick<Picture, "status" | "services" | "nowMs">> {
  const [{ status }, { services = {} }] = await Promise.all([
    send(context, { command: "status" }),
    send(context, { command: "list" }),
  ]);
  return { status: status!, services, nowMs: context.wallMs() };
}

/** In raw mode a line feed alone does not go back to the left. */
function screenText(lines: readonly string[]): string {
  return `${home}${lines.map((line) => line + eraseRight).join("\r\n")}${eraseBelow}`;
}
