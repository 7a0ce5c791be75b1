import { characterSearch } from "./character-search.ts";

/**
 * The field section of a message (RFC 9110 5): names as on the wire, in order, duplicates apart.
 * Values are byte strings: one character per byte (latin1), whatever the bytes mean.
 */
export class Fields {
  #wellFormed = false;
  readonly #names: string[] = [];
  readonly #keys: string[] = [];
  readonly #values: string[] = [];
  #head = "";
  readonly #starts: number[] = [];

  static of(...pairs: [name: string, value: string][]): Fields {
    const fields = new Fields();
    for (const [name, value] of pairs) fields.append(name, value);
    return fields;
  }

  /** For the strict parser alone: everything in it was checked, character by character. `head`: as in `head`. */
  static checked(head = ""): Fields {
    const fields = new Fields();
    fields.#wellFormed = true;
    fields.#head = head;
    return fields;
  }

  /** As on the wire. */
  get names(): readonly string[] {
    return this.#names;
  }

  /** The same names in lower case; all look-ups go by these. */
  get keys(): readonly string[] {
    return this.#keys;
  }

  get values(): readonly string[] {
    return this.#values;
  }

  /** The text of HTTP/1.1 that the lines were read from; empty: there was none. */
  get head(): string {
    return this.#head;
  }

  /** Where each line begins in `head`, as `name: value` with CRLF behind it; -1: it is not there so. */
  get starts(): readonly number[] {
    return this.#starts;
  }

  get count(): number {
    return this.#keys.length;
  }

  /**
   * Every name is a token and no value holds a forbidden character, because only the strict parser
   * wrote here. What others set is checked when it is serialised.
   */
  get wellFormed(): boolean {
    return this.#wellFormed;
  }

  /** Adds one line; `key` is the name in lower case, when the caller has it. */
  append(name: string, value: string, key: string = name.toLowerCase()): void {
    this.#wellFormed = false;
    this.appendChecked(name, value, key);
  }

  /** The same for a name and a value that were checked already. `start`: as in `starts`. */
  appendChecked(name: string, value: string, key: string, start = -1): void {
    this.#names.push(name);
    this.#keys.push(key);
    this.#values.push(value);
    this.#starts.push(start);
  }

  has(key: string): boolean {
    return this.#keys.includes(key);
  }

  /** The first value, or undefined. */
  get(key: string): string | undefined {
    const index = this.#keys.indexOf(key);
    return index < 0 ? undefined : this.#values[index];
  }

  all(key: string): string[] {
    const found: string[] = [];
    for (let i = 0; i < this.#keys.length; i++) {
      if (this.#keys[i] === key) found.push(this.#values[i]!);
    }
    return found;
  }

  /** All values joined as one list (RFC 9110 5.3), or undefined when there is none. */
  joined(key: string): string | undefined {
    const first = this.#keys.indexOf(key);
    if (first < 0) return undefined;
    if (this.#keys.indexOf(key, first + 1) < 0) return this.#values[first];
    return this.all(key).join(", ");
  }

  /** Replaces every line of that name by one, in the place of the first. */
  set(name: string, value: string, key: string = name.toLowerCase()): void {
    const first = this.#keys.indexOf(key);
    if (first < 0) {
      this.append(name, value, key);
      return;
    }
    this.#wellFormed = false;
    this.#replaceAt(first, value);
    let next = this.#keys.indexOf(key, first + 1);
    while (next >= 0) {
      this.#removeAt(next);
      next = this.#keys.indexOf(key, next);
    }
  }

  /** As `set`, for a name and a value that were checked already. */
  setChecked(name: string, value: string, key: string): void {
    const wasWellFormed = this.#wellFormed;
    this.set(name, value, key);
    this.#wellFormed = wasWellFormed;
  }

  /** The value of one line, by its number, when the new one was checked. */
  replaceChecked(index: number, value: string): void {
    this.#replaceAt(index, value);
  }

  /** Changes the value of every line of that name. */
  mapValues(key: string, change: (value: string) => string): void {
    for (let i = 0; i < this.#keys.length; i++) {
      if (this.#keys[i] !== key) continue;
      this.#wellFormed = false;
      this.#replaceAt(i, change(this.#values[i]!));
    }
  }

  /** Removes the lines whose name in lower case matches, or is one of `others`, in one pass. */
  removeWhere(matches: (key: string) => boolean, others: ReadonlySet<string> | null = null): void {
    let kept = 0;
    for (let i = 0; i < this.#keys.length; i++) {
      const key = this.#keys[i]!;
      if (matches(key) || (others !== null && others.has(key))) continue;
      if (kept !== i) {
        this.#names[kept] = this.#names[i]!;
        this.#keys[kept] = key;
        this.#values[kept] = this.#values[i]!;
        this.#starts[kept] = this.#starts[i]!;
      }
      kept++;
    }
    this.#names.length = kept;
    this.#keys.length = kept;
    this.#values.length = kept;
    this.#starts.length = kept;
  }

  delete(key: string): void {
    let index = this.#keys.indexOf(key);
    while (index >= 0) {
      this.#removeAt(index);
      index = this.#keys.indexOf(key, index);
    }
  }

  copy(): Fields {
    const fields = new Fields();
    for (let i = 0; i < this.#keys.length; i++) {
      fields.appendChecked(this.#names[i]!, this.#values[i]!, this.#keys[i]!, this.#starts[i]);
    }
    fields.#head = this.#head;
    fields.#wellFormed = this.#wellFormed;
    return fields;
  }

  #replaceAt(index: number, value: string): void {
    this.#values[index] = value;
    this.#starts[index] = -1;
  }

  #removeAt(index: number): void {
    this.#names.splice(index, 1);
    this.#keys.splice(index, 1);
    this.#values.splice(index, 1);
    this.#starts.splice(index, 1);
  }
}

const tokenPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** RFC 9110 5.6.2. */
export function isToken(text: string): boolean {
  return tokenPattern.test(text);
}

const isForbiddenInValue = characterSearch(
  // oxlint-disable-next-line no-control-regex
  /[\0-\x08\x0a-\x1f\x7f\u0100-\uffff]/,
  // oxlint-disable-next-line no-control-regex
  /[^\t\x20-\x7e\x80-\xff]/,
);

/** No control character but HTAB, and nothing that is not one byte (RFC 9110 5.5). */
export function isFieldValue(text: string): boolean {
  return !isForbiddenInValue(text);
}

/** The elements of a comma-separated list (RFC 9110 5.6.1), trimmed, empty ones left out. */
export function listElements(value: string): string[] {
  const elements: string[] = [];
  for (const part of value.split(",")) {
    const element = trimBlanks(part);
    if (element !== "") elements.push(element);
  }
  return elements;
}

/** Whether a list has more elements, empty ones counted; without splitting one that is far too long. */
export function hasMoreElements(value: string, max: number): boolean {
  if (value.length <= max) return false;
  let comma = -1;
  for (let count = 0; count < max; count++) {
    comma = value.indexOf(",", comma + 1);
    if (comma < 0) return false;
  }
  return true;
}

/** Without the optional blanks (SP, HTAB) around it (RFC 9110 5.6.3). */
export function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

/** SP or HTAB. */
export function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
