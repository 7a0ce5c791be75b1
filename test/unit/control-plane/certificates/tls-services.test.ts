import { expect, test } from "bun:test";
import {
  isOrderable,
  sourceOf,
  TlsServices,
} from "../../../../src/control-plane/certificates/tls-services.ts";
import type { ServiceOptions } from "../../../../src/config/options.ts";
import type { ServiceSnapshot } from "../../../../src/seam/snapshot.ts";
import { serviceSnapshot } from "../../../support/service-snapshots.ts";

function tls(name: string, hosts: string[], more: Partial<ServiceOptions> = {}): ServiceSnapshot {
  return serviceSnapshot(name, { options: { hosts, tlsEnabled: true, ...more } });
}

test("tls-services find the exact host first, then one label's wildcard, then the catch-all", () => {
  const services = new TlsServices([
    tls("exact", ["a.w.test"]),
    tls("wildcard", ["*.w.test"]),
    tls("any", [""]),
  ]);
  const found = ["a.w.test", "b.w.test", "w.test", "y.x.w.test"].map(
    (name) => services.lookup(name)?.name,
  );
  expect(found).toEqual(["exact", "wildcard", "any", "any"]);
});

test("tls-services know no service of a name without TLS, even if it is the catch-all", () => {
  const services = new TlsServices([
    serviceSnapshot("plain", { options: { hosts: ["plain.test"] } }),
    serviceSnapshot("any", { options: { hosts: [""] } }),
  ]);
  expect(services.lookup("plain.test")).toBeNull();
  expect(services.lookup("other.test")).toBeNull();
});

test("tls-services do not fall back when a host is listed below a path alone", () => {
  const services = new TlsServices([
    tls("api", ["app.test"], { pathPrefixes: ["/api"] }),
    tls("any", [""]),
  ]);
  expect(services.lookup("app.test")).toBeNull();
});

test("tls-services take the root service of a host, whatever the order", () => {
  const api = tls("api", ["app.test"], { pathPrefixes: ["/api"] });
  const root = tls("root", ["app.test"]);
  expect(new TlsServices([api, root]).lookup("app.test")?.name).toBe("root");
  expect(new TlsServices([root, api]).lookup("app.test")?.name).toBe("root");
});

test("tls-services choose the same stand-in in any order, never a catch-all or one without TLS", () => {
  const services = [
    tls("c", ["c.test"]),
    tls("b", ["b.test"]),
    tls("0", [""], { tlsOnDemandUrl: "/ok" }),
    serviceSnapshot("a", { options: { hosts: ["a.test"] } }),
  ];
  expect(new TlsServices(services).withoutName?.name).toBe("b");
  expect(new TlsServices(services.toReversed()).withoutName?.name).toBe("b");
  expect(new TlsServices([]).withoutName).toBeNull();
});

test("a service's certificates come from files, on demand or automatically", () => {
  const files = { tlsCertificatePath: "/c.pem", tlsPrivateKeyPath: "/k.pem" };
  expect(sourceOf(tls("a", ["a.test"], files))).toBe("file");
  expect(sourceOf(tls("a", [""], { tlsOnDemandUrl: "/ok" }))).toBe("on-demand");
  expect(sourceOf(tls("a", ["a.test"]))).toBe("acme");
});

test("names that an authority can't issue for are not orderable", () => {
  expect(["app.test", "a-b.c-d.test", "xn--bcher-kva.test", "1.test"].every(isOrderable)).toBe(
    true,
  );
  const refused = [
    "",
    "localhost",
    "10.0.0.1",
    "*.w.test",
    "a_b.test",
    "a..test",
    ".test",
    "../x.test",
  ];
  expect(
    [...refused, "-a.test", "a-.test", "a.test/b", `${"a".repeat(64)}.test`].some(isOrderable),
  ).toBe(false);
});
