import { describe, expect, test } from "bun:test";
import { firstView, keysIn, type View, withKey } from "../../../../src/cli/top/view.ts";

const services = ["a", "b", "c"];
const after = (keys: string, view: View = firstView): View =>
  keysIn(keys).reduce((each, key) => withKey(each, key, services), view);

describe("keys of top", () => {
  test("that came at once are told apart, also those of arrows", () => {
    expect(keysIn("\u001b[Aq\u001bOBé\r\u001b")).toEqual([
      "\u001b[A",
      "q",
      "\u001b[B",
      "é",
      "\r",
      "\u001b",
    ]);
  });

  test("move within what is shown", () => {
    expect(after("j").selected).toBe("b");
    expect(after("jjj\u001b[B").selected).toBe("c");
    expect(after("jjk").selected).toBe("b");
    expect(after("k").selected).toBeNull();
  });

  test("open the selected service, and go back", () => {
    expect(after("\r").drilled).toBe("a");
    expect(after("j\r").drilled).toBe("b");
    expect(after("j\r\u001b").drilled).toBeNull();
  });

  test("type a filter, in which letters are letters", () => {
    expect(after("/qsp\u007f\r")).toMatchObject({ filter: "qs", typing: false, ended: false });
    expect(after("/x\u001b")).toMatchObject({ filter: "", typing: false });
    expect(after("/x\r\u001b").filter).toBe("");
    expect(after("/\u0003").ended).toBe(true);
  });

  test("sort in turn, pause and end", () => {
    expect(after("s").sorting).toBe("p95");
    expect(after("ssssss").sorting).toBe("requests");
    expect([..."lefbnr"].map((key) => after(key).sorting)).toEqual([
      "p95",
      "5xx",
      "in flight",
      "bytes",
      "name",
      "requests",
    ]);
    expect(after("p").paused).toBe(true);
    expect(after("pp").paused).toBe(false);
    expect(after("q").ended).toBe(true);
  });
});
