/**
 * Elements of the page. Texts are set as texts: what an app or a client has named can't become markup, and nothing
 * in it turns the reading around.
 */
import { printableText } from "../lib/printable-text.ts";

type Attributes = Readonly<Record<string, string | number | boolean>>;

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  setAttributes(made, attributes);
  made.append(...readable(children));
  return made;
}

export function drawing<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): SVGElementTagNameMap[K] {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  setAttributes(made, attributes);
  made.append(...readable(children));
  return made;
}

function readable(children: readonly (Node | string)[]): (Node | string)[] {
  return children.map((child) => (typeof child === "string" ? printableText(child) : child));
}

export function setAttributes(target: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    const text = value === true ? "" : value === false ? null : String(value);
    if (text === null) target.removeAttribute(name);
    else if (target.getAttribute(name) !== text) target.setAttribute(name, text);
  }
}

/** Touches nothing that is the same: what is selected stays so, and nobody reads it out again. */
export function setText(target: Element, words: string): void {
  const text = printableText(words);
  if (target.textContent !== text) target.textContent = text;
}

export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

/** Makes the children of `parent` those of the items, in their order; known ones stay, with their focus. */
export function keepChildren<Item>(
  parent: Element,
  items: readonly Item[],
  keyOf: (item: Item) => string,
  make: (item: Item) => HTMLElement,
  update: (child: HTMLElement, item: Item) => void,
): void {
  const known = new Map<string, HTMLElement>();
  for (const child of parent.children as HTMLCollectionOf<HTMLElement>) {
    known.set(child.dataset["key"] ?? "", child);
  }
  let place: Element | null = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let child = known.get(key);
    known.delete(key);
    if (child === undefined) {
      child = make(item);
      child.dataset["key"] = key;
    }
    update(child, item);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  for (const child of known.values()) child.remove();
}

/** Rows of a table, by the texts and elements of their cells; the first cell names its row. */
export function keepRows<Item>(
  body: Element,
  items: readonly Item[],
  keyOf: (item: Item) => string,
  cellsOf: (item: Item) => (string | Node)[],
  numbers: readonly number[] = [],
): void {
  keepChildren(
    body,
    items,
    keyOf,
    () => element("tr"),
    (row, item) => {
      const cells = cellsOf(item);
      for (const [index, cell] of cells.entries()) {
        let place = row.children[index];
        if (place === undefined) {
          place = index === 0 ? element("th", { scope: "row" }) : element("td");
          if (numbers.includes(index)) place.className = "number";
          row.append(place);
        }
        if (typeof cell === "string") setText(place, cell);
        else if (!place.firstChild?.isEqualNode(cell)) place.replaceChildren(cell);
      }
    },
  );
}

export type BadgeOutcome = "good" | "bad" | "warn" | "info" | "running";

/** A word with its sign and colour; the sign tells the same as the colour does. */
export function badge(outcome: BadgeOutcome, text: string): HTMLElement {
  return element("span", { class: "badge", "data-outcome": outcome }, text);
}
