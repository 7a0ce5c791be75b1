/** What every storage of certificates promises, and what only a shared one does, at a real Redis. */
import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import type { SharedStoreSettings } from "../../src/config/shared-store-settings.ts";
import type { CertificateStorage } from "../../src/control-plane/certificates/storage/certificate-storage.ts";
import { FolderStorage } from "../../src/control-plane/certificates/storage/folder-storage.ts";
import { sharedStorage } from "../../src/control-plane/certificates/storage/shared-storage.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { RecordingLogger } from "../support/recording-logger.ts";
import { redisPath, RedisServer } from "../support/redis-server.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { waitFor, within } from "../support/wait-for.ts";

const never = new AbortController().signal;
const secret = randomBytes(32);

interface Made extends AsyncDisposable {
  storage: CertificateStorage;
  /** Another proxy's view of the same. */
  other: CertificateStorage;
}

function atRedis(
  server: RedisServer,
  folder: string,
  settings: Partial<SharedStoreSettings> = {},
  logger = new RecordingLogger(),
): ReturnType<typeof sharedStorage> {
  return sharedStorage(
    { url: server.url, secret, caFile: "", prefix: "kp:", ...settings },
    { clock: systemClock, logger, copyFolder: folder },
  );
}

const makers: Record<string, () => Promise<Made>> = {
  async folder() {
    const folder = tempFolder();
    const storage = new FolderStorage(folder.path);
    return {
      storage,
      other: storage,
      async [Symbol.asyncDispose]() {
        folder[Symbol.dispose]();
      },
    };
  },
  async redis() {
    const folder = tempFolder();
    const server = await RedisServer.start("geheim");
    return {
      storage: atRedis(server, folder.file("a")),
      other: atRedis(server, folder.file("b")),
      async [Symbol.asyncDispose]() {
        await server[Symbol.asyncDispose]();
        folder[Symbol.dispose]();
      },
    };
  },
};

describe.each(Object.keys(makers).filter((name) => name !== "redis" || redisPath !== null))(
  "certificates in a store (%s)",
  (name) => {
    test("are read as they were written, listed by prefix, and deleted", async () => {
      await using made = await makers[name]!();
      const { storage, other } = made;
      expect(await storage.read("dir/app.example.com")).toBeNull();
      const value = Buffer.from([0, 255, 10, 200]);
      await storage.write("dir/app.example.com", value);
      await storage.write("dir/*.example.com", Buffer.from("wild"));
      await storage.write("other/x", Buffer.from("x"));
      expect(await other.read("dir/app.example.com")).toEqual(value);
      expect((await storage.list("dir/")).toSorted()).toEqual([
        "dir/*.example.com",
        "dir/app.example.com",
      ]);
      await storage.delete("dir/app.example.com");
      await storage.delete("dir/app.example.com");
      expect(await other.read("dir/app.example.com")).toBeNull();
    });

    test("are locked by one at a time, also by those that give up", async () => {
      await using made = await makers[name]!();
      const { storage, other } = made;
      const first = await storage.lock("a", never);
      const impatient = new AbortController();
      const given = other.lock("a", impatient.signal);
      impatient.abort(new Error("given up"));
      await expect(given).rejects.toThrow("given up");
      let isTaken = false;
      const second = other.lock("a", never).then((lock) => {
        isTaken = true;
        return lock;
      });
      await using elsewhere = await other.lock("b", never);
      void elsewhere;
      expect(isTaken).toBe(false);
      await storage.write("guarded", Buffer.from("1"), first);
      await first[Symbol.asyncDispose]();
      await using lock = await within(second, "the lock");
      expect(lock.fence).toBeGreaterThan(first.fence);
    });
  },
);

describe.skipIf(redisPath === null)("a store at Redis (Debian's package redis-server)", () => {
  test("holds nothing that can be read without the key", async () => {
    using folder = tempFolder();
    await using server = await RedisServer.start();
    await atRedis(server, folder.file("a")).write("dir/app", Buffer.from("PRIVATE KEY"));
    const { "kp:dir/app": stored = "" } = Object.fromEntries(await server.dump());
    expect(Buffer.from(stored, "base64").toString("latin1")).not.toContain("PRIVATE");
    const wrong = atRedis(server, folder.file("b"), { secret: randomBytes(32) });
    expect(await wrong.read("dir/app")).toBeNull();
    expect(wrong.outage).toContain("KAMAL_PROXY_CERTIFICATE_STORE_KEY is another one");
    // A value that was moved to another name is not taken for that name's.
    await server.send("COPY", "kp:dir/app", "kp:dir/moved");
    expect(await atRedis(server, folder.file("e")).read("dir/moved")).toBeNull();
  });

  test("tells others of what is written", async () => {
    using folder = tempFolder();
    await using server = await RedisServer.start();
    let changes = 0;
    const reader = atRedis(server, folder.file("a"));
    await reader.write("dir/first", Buffer.from("1"));
    using watching = reader.watch(async () => void changes++);
    void watching;
    const writer = atRedis(server, folder.file("b"));
    await waitFor(async () => {
      await writer.write("dir/more", Buffer.from("2"));
      return changes > 0;
    }, "the change");
  });

  test("writes nothing for one whose lock has ended", async () => {
    using folder = tempFolder();
    await using server = await RedisServer.start();
    const asleep = atRedis(server, folder.file("a"));
    await using lock = await asleep.lock("order", never);
    await server.send("DEL", "kp:locks/order");
    await using next = await atRedis(server, folder.file("b")).lock("order", never);
    expect(next.fence).toBeGreaterThan(lock.fence);
    await expect(asleep.write("dir/app", Buffer.from("late"), lock)).rejects.toThrow(
      "the lock order was lost",
    );
    expect(await asleep.read("dir/app")).toBeNull();
  });

  test("that is down serves what was read before, orders nothing, and is used again when it is back", async () => {
    using folder = tempFolder();
    await using server = await RedisServer.start();
    const logger = new RecordingLogger();
    const storage = atRedis(server, folder.file("a"), {}, logger);
    await storage.write("dir/app", Buffer.from("certificate"));
    await server.save();
    await server.stop();
    expect((await storage.read("dir/app"))?.toString()).toBe("certificate");
    await expect(storage.lock("order", never)).rejects.toThrow(/certificate store redis:\/\/127/);
    await expect(storage.write("dir/app", Buffer.from("new"))).rejects.toThrow(/certificate store/);
    expect(logger.find("Certificate store can't be used")?.level).toBe("error");
    await server.startAgain();
    await waitFor(async () => {
      await storage.read("dir/app");
      return storage.outage === null;
    }, "the store");
    expect(logger.find("Certificate store answers again")).toBeDefined();
    await using lock = await storage.lock("order", never);
    await storage.write("dir/app", Buffer.from("new"), lock);
  });

  test.each([
    ["a wrong password", (url: string) => url.replace("geheim", "falsch"), "user, password"],
    ["nobody there", () => "redis://127.0.0.1:1", "127.0.0.1:1"],
  ])("says what is wrong with %s, and shows no password", async (_, change, text) => {
    using folder = tempFolder();
    await using server = await RedisServer.start("geheim");
    const storage = atRedis(server, folder.file("a"), { url: change(server.url) });
    await expect(storage.write("x", Buffer.from("1"))).rejects.toThrow(text);
    expect(storage.outage).not.toContain("geheim");
    expect(storage.outage).not.toContain("falsch");
  });

  test.each([
    ["another key", secret, randomBytes(32), "KAMAL_PROXY_CERTIFICATE_STORE_KEY is another one"],
    ["a key where others have none", null, secret, "KEY may be plain elsewhere"],
    ["no key where others have one", secret, null, "KEY is plain, but what is there is encrypted"],
  ])("is left alone by a proxy with %s", async (_, ours, theirs, text) => {
    using folder = tempFolder();
    await using server = await RedisServer.start();
    const storage = atRedis(server, folder.file("a"), { secret: ours });
    await storage.write("dir/app", Buffer.from("certificate"));
    const before = await server.dump();
    const logger = new RecordingLogger();
    const stranger = atRedis(server, folder.file("b"), { secret: theirs }, logger);
    expect(await stranger.read("dir/app")).toBeNull();
    expect(await stranger.read("dir/other")).toBeNull();
    const attempts = [
      () => stranger.lock("dir/other", never),
      () => stranger.write("dir/other", Buffer.from("x")),
      () => stranger.delete("dir/app"),
      () => stranger.list("dir/"),
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toThrow(text);
    expect(await server.dump()).toEqual(before);
    // One outage, which is told once.
    expect(logger.messages()).toEqual(["Certificate store can't be used"]);
    expect((await storage.read("dir/app"))?.toString()).toBe("certificate");
    // Emptied, it is whose it is next.
    await server.send("FLUSHALL");
    await stranger.write("dir/other", Buffer.from("x"));
    await expect(storage.write("dir/app", Buffer.from("y"))).rejects.toThrow(/KEY/);
  });

  test("that may not be written says so in the server's own words", async () => {
    using folder = tempFolder();
    await using server = await RedisServer.start();
    await server.send("CONFIG", "SET", "maxmemory", "1");
    const storage = atRedis(server, folder.file("a"));
    await expect(storage.write("x", Buffer.from("1"))).rejects.toThrow(/OOM/);
  });
});
