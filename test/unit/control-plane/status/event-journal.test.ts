import { describe, expect, test } from "bun:test";
import { maxJournalEvents } from "../../../../src/config/operator-limits.ts";
import { EventJournal } from "../../../../src/control-plane/status/event-journal.ts";

function setUp() {
  let nowMs = 1_000;
  const journal = new EventJournal(() => nowMs);
  return { journal, pass: (ms: number) => void (nowMs += ms) };
}

const note = (text: string) => {
  return { kind: "health", outcome: "bad", service: "web", text } as const;
};

describe("the journal", () => {
  test("has the newest events in their order, and no more than it may", () => {
    const { journal, pass } = setUp();
    for (let i = 0; i < maxJournalEvents + 5; i++) {
      journal.note(note(`event ${i}`));
      pass(10);
    }
    expect(journal.events).toHaveLength(maxJournalEvents);
    expect(journal.events[0]).toMatchObject({ id: 6, at_ms: 1_050, text: "event 5" });
  });

  test("tells how something ended that took its time, and of each change", () => {
    const { journal, pass } = setUp();
    let changes = 0;
    journal.onChange = () => void changes++;
    const end = journal.begin({ kind: "deploy", service: "web", text: "Deploying" });
    expect(journal.events).toMatchObject([
      { outcome: "running", text: "Deploying", took_ms: null },
    ]);
    journal.note(note("meanwhile"));
    pass(250);
    end({ outcome: "good", text: "Deployed" });
    expect(journal.events).toMatchObject([
      { id: 1, at_ms: 1_000, outcome: "good", text: "Deployed", took_ms: 250 },
      { id: 2, text: "meanwhile", took_ms: null },
    ]);
    expect(changes).toBe(3);
  });

  test("goes on with the numbers of the executable before", () => {
    const { journal } = setUp();
    const before = setUp().journal;
    for (const text of ["a", "b"]) before.note(note(text));
    journal.takeOver(before.events);
    journal.note(note("c"));
    expect(journal.events.map(({ id, text }) => `${id} ${text}`)).toEqual(["1 a", "2 b", "3 c"]);
  });

  test("survives the end of something that it has forgotten", () => {
    const { journal } = setUp();
    const end = journal.begin({ kind: "deploy", service: "web", text: "Deploying" });
    for (let i = 0; i < maxJournalEvents; i++) journal.note(note("more"));
    end({ outcome: "bad", text: "Deploy failed" });
    expect(journal.events.every(({ text }) => text === "more")).toBe(true);
  });
});
