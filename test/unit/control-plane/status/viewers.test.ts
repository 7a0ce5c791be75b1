import { describe, expect, test } from "bun:test";
import { statusLimits } from "../../../../src/config/operator-limits.ts";
import { eventText, Viewers } from "../../../../src/control-plane/status/viewers.ts";

describe("viewers", () => {
  test("are told what they get at first, and then what is new", async () => {
    const viewers = new Viewers();
    const reader = viewers
      .join([eventText("state", JSON.stringify({ text: "a\nb" }))])!
      .getReader();
    viewers.tell(eventText("tick", "1"));
    const read = async () => Buffer.from((await reader.read()).value!).toString();
    expect(await read()).toBe('event: state\ndata: {"text":"a\\nb"}\n\n');
    expect(await read()).toBe("event: tick\ndata: 1\n\n");
    await reader.cancel();
    expect(viewers.size).toBe(0);
  });

  test("are dropped when they leave too much unread, and only they", async () => {
    const viewers = new Viewers();
    const slow = viewers.join([])!.getReader();
    const prompt = viewers.join([])!.getReader();
    const message = "x".repeat(1_024 * 1_024);
    const most = statusLimits.maxUnreadBytes / message.length;
    for (let i = 0; i < most; i++) {
      viewers.tell(message);
      await prompt.read();
    }
    expect(viewers.size).toBe(2);
    viewers.tell(message);
    expect(viewers.size).toBe(1);
    expect((await prompt.read()).value).toHaveLength(message.length);
    expect(slow.read()).rejects.toThrow("does not read");
  });

  test("are no more than there is room for, and end with the page", async () => {
    const viewers = new Viewers();
    const streams = Array.from({ length: statusLimits.maxViewers }, () => viewers.join([]));
    expect(streams).not.toContain(null);
    expect(viewers.join([])).toBe(null);
    viewers.close();
    expect(await streams[0]!.getReader().read()).toMatchObject({ done: true });
    expect(viewers.size).toBe(0);
  });
});
