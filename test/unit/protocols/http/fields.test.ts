import { describe, expect, test } from "bun:test";
import { fieldNameAt } from "../../../../src/protocols/http/field-names.ts";
import {
  Fields,
  isFieldValue,
  isToken,
  listElements,
  trimBlanks,
} from "../../../../src/protocols/http/fields.ts";

describe("Fields", () => {
  const sample = () => Fields.of(["A", "1"], ["B", "2"], ["a", "3"], ["C", "4"], ["A", "5"]);

  test("looks up by lower-case name", () => {
    const fields = sample();
    expect(fields.has("a")).toBe(true);
    expect(fields.has("d")).toBe(false);
    expect(fields.get("a")).toBe("1");
    expect(fields.get("d")).toBeUndefined();
    expect(fields.all("a")).toEqual(["1", "3", "5"]);
    expect(fields.joined("a")).toBe("1, 3, 5");
    expect(fields.joined("b")).toBe("2");
    expect(fields.joined("d")).toBeUndefined();
  });

  test("set replaces every line of the name in the place of the first", () => {
    const fields = sample();
    fields.set("a", "x");
    expect(fields.names).toEqual(["A", "B", "C"]);
    expect(fields.values).toEqual(["x", "2", "4"]);
    fields.set("New", "y");
    expect(fields.keys).toEqual(["a", "b", "c", "new"]);
  });

  test("delete removes every line of the name", () => {
    const fields = sample();
    fields.delete("a");
    fields.delete("d");
    expect(fields.keys).toEqual(["b", "c"]);
    expect(fields.count).toBe(2);
  });

  test("mapValues changes every line of the name, and nobody vouches for it any more", () => {
    const fields = Fields.checked();
    fields.appendChecked("A", "1", "a");
    fields.appendChecked("B", "2", "b");
    fields.appendChecked("a", "3", "a");
    fields.mapValues("d", (value) => `${value}!`);
    expect(fields.wellFormed).toBe(true);
    fields.mapValues("a", (value) => `${value}!`);
    expect(fields.values).toEqual(["1!", "2", "3!"]);
    expect(fields.wellFormed).toBe(false);
  });

  test("removeWhere removes lines by a rule and by name, and keeps the order", () => {
    const fields = sample();
    fields.removeWhere((key) => key === "b", new Set(["c"]));
    expect(fields.names).toEqual(["A", "a", "A"]);
    expect(fields.values).toEqual(["1", "3", "5"]);
    fields.removeWhere(() => false);
    expect(fields.count).toBe(3);
  });

  test("a copy is independent", () => {
    const fields = sample();
    const copy = fields.copy();
    copy.set("A", "x");
    expect(fields.all("a")).toEqual(["1", "3", "5"]);
    expect(copy.all("a")).toEqual(["x"]);
  });

  test("count as well-formed until somebody else than the parser writes", () => {
    const fields = Fields.checked();
    fields.appendChecked("A", "1", "a");
    expect(fields.wellFormed).toBe(true);
    expect(fields.copy().wellFormed).toBe(true);
    const appended = fields.copy();
    appended.append("B", "2");
    expect(appended.wellFormed).toBe(false);
    expect(appended.copy().wellFormed).toBe(false);
    const changed = fields.copy();
    changed.set("A", "2");
    expect(changed.wellFormed).toBe(false);
    fields.delete("a");
    expect(fields.wellFormed).toBe(true);
    expect(Fields.of(["A", "1"]).wellFormed).toBe(false);
  });
});

describe("field names", () => {
  test.each(["a", "X-Y_z", "!#$%&'*+-.^_`|~09AZaz"])("%s is a token", (name) => {
    expect(isToken(name)).toBe(true);
    expect(fieldNameAt(`..${name}:`, 2, 2 + name.length)).toEqual({
      name,
      key: name.toLowerCase(),
    });
  });

  test.each(["", " ", "a b", "a:", "a\r", "a\n", "ä", "(", "a,b", "a\0", "\x7f"])(
    "%j is not a token",
    (name) => {
      expect(isToken(name)).toBe(false);
      expect(fieldNameAt(`${name}:`, 0, name.length)).toBeUndefined();
    },
  );

  test("names that share a slot, a length or other letter case are told apart", () => {
    const alike = ["X-Requested-With", "Set-Cookie", "etag", "ETag", "Eaag", "x-a1bcd", "x-a2bcd"];
    for (let round = 0; round < 3; round++) {
      for (const name of alike) {
        expect(fieldNameAt(name, 0, name.length)).toEqual({ name, key: name.toLowerCase() });
      }
    }
  });

  test("a name is never taken for a shorter one that it begins with", () => {
    // Among so many endings there are some with the slot of the short name.
    const characters = [..."abcdefghijklmnopqrstuvwxyz"];
    const mistaken: string[] = [];
    for (const first of characters) {
      for (const second of characters) {
        for (const third of characters) {
          const longer = `Host${first}${second}${third}`;
          fieldNameAt("Host", 0, 4);
          if (fieldNameAt(longer, 0, longer.length)?.name !== longer) mistaken.push(longer);
        }
      }
    }
    expect(mistaken).toEqual([]);
  });

  test("long names are parsed like short ones", () => {
    const name = "X-".padEnd(5_000, "a");
    expect(fieldNameAt(name, 0, name.length)?.key).toBe(name.toLowerCase());
    expect(fieldNameAt(`${name} `, 0, name.length + 1)).toBeUndefined();
  });
});

test.each(["", "a b\tc", "\x80\xff", '"quoted"'])("%j is a field value", (value) => {
  expect(isFieldValue(value)).toBe(true);
});

test.each(["\r", "\n", "a\0", "\x1f", "\x7f", "\u010a", "\u2028"])(
  "%j is not a field value",
  (value) => {
    expect(isFieldValue(value)).toBe(false);
  },
);

test("listElements trims, and leaves empty elements out", () => {
  expect(listElements(" a,\tb ,, c d,")).toEqual(["a", "b", "c d"]);
  expect(listElements("")).toEqual([]);
});

test("trimBlanks takes blanks and tabs only", () => {
  expect(trimBlanks(" \ta b\t ")).toBe("a b");
  expect(trimBlanks("\xa0a\xa0")).toBe("\xa0a\xa0");
  expect(trimBlanks(" \t")).toBe("");
});
