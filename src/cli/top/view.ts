/** What the viewer has chosen, and how keys change it. */

export const sortings = ["requests", "p95", "5xx", "in flight", "bytes", "name"] as const;

export type Sorting = (typeof sortings)[number];

export interface View {
  sorting: Sorting;
  /** Services whose name has this in it. */
  filter: string;
  /** The filter is being typed. */
  typing: boolean;
  paused: boolean;
  /** A service; null, or one that is not shown: the first. */
  selected: string | null;
  /** Only this service; null: all. */
  drilled: string | null;
  ended: boolean;
}

export const firstView: View = {
  sorting: "requests",
  filter: "",
  typing: false,
  paused: false,
  selected: null,
  drilled: null,
  ended: false,
};

const escape = "\u001b";

/** `services`: as they are shown. */
export function withKey(view: View, key: string, services: readonly string[]): View {
  if (key === "\u0003") return { ...view, ended: true };
  return view.typing ? typed(view, key) : commanded(view, key, services);
}

function typed(view: View, key: string): View {
  if (key === escape) return { ...view, typing: false, filter: "" };
  if (key === "\r" || key === "\n") return { ...view, typing: false };
  if (key === "\u007f" || key === "\b") return { ...view, filter: view.filter.slice(0, -1) };
  return /^[\u0020-\u007e]$/.test(key) ? { ...view, filter: view.filter + key } : view;
}

function commanded(view: View, key: string, services: readonly string[]): View {
  const selected = Math.max(0, services.indexOf(view.selected ?? ""));
  switch (key) {
    case "q":
      return { ...view, ended: true };
    case "s":
      return {
        ...view,
        sorting: sortings[(sortings.indexOf(view.sorting) + 1) % sortings.length]!,
      };
    case "r":
      return { ...view, sorting: "requests" };
    case "l":
      return { ...view, sorting: "p95" };
    case "e":
      return { ...view, sorting: "5xx" };
    case "f":
      return { ...view, sorting: "in flight" };
    case "b":
      return { ...view, sorting: "bytes" };
    case "n":
      return { ...view, sorting: "name" };
    case "/":
      return { ...view, typing: true, drilled: null };
    case "p":
    case " ":
      return { ...view, paused: !view.paused };
    case "j":
    case "\u001b[B":
      return { ...view, selected: services[selected + 1] ?? view.selected };
    case "k":
    case "\u001b[A":
      return { ...view, selected: services[selected - 1] ?? view.selected };
    case "\r":
    case "\n":
    case "\u001b[C":
      return { ...view, drilled: services[selected] ?? null };
    case escape:
    case "\u001b[D":
    case "\u007f":
      return view.drilled === null ? { ...view, filter: "" } : { ...view, drilled: null };
    default:
      return view;
  }
}

/** The keys in what a terminal sent at once: pasted text, or several quick ones. */
export function keysIn(text: string): string[] {
  // oxlint-disable-next-line no-control-regex
  return text.match(/\u001b[[O][A-D]|[^]/gu)?.map((key) => key.replace("\u001bO", "\u001b[")) ?? [];
}
