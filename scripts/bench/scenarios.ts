/** What is measured. Each scenario gets freshly started subjects. */
import type { LoadPlan } from "./wrk.ts";
import { megabyte } from "./upstream.ts";

interface ScenarioBase {
  name: string;
  title: string;
  serviceCount: number;
  buffered: boolean;
  /** Subjects that have no such mode. */
  without: string[];
}

export interface LoadScenario extends ScenarioBase {
  kind: "load";
  load: Omit<LoadPlan, "hosts">;
}

export interface SlowPeerScenario extends ScenarioBase {
  kind: "slow-peer";
  direction: "download" | "upload";
}

export type Scenario = LoadScenario | SlowPeerScenario;

const plain = { serviceCount: 1, buffered: false, without: [] };
const get = { path: "/", uploadBytes: 0, closeConnections: false };

export const scenarios: Scenario[] = [
  {
    ...plain,
    kind: "load",
    name: "plain-64",
    title: "HTTP/1.1, 31 bytes, 64 connections",
    load: { ...get, connections: 64 },
  },
  {
    ...plain,
    kind: "load",
    name: "plain-512",
    title: "HTTP/1.1, 31 bytes, 512 connections",
    load: { ...get, connections: 512 },
  },
  {
    ...plain,
    kind: "load",
    name: "new-connections",
    title: "a new connection for each request, 64 at once",
    load: { ...get, connections: 64, closeConnections: true },
  },
  {
    ...plain,
    kind: "load",
    name: "response-1mb",
    title: "responses of 1 MB, 16 connections",
    load: { ...get, connections: 16, path: "/1mb" },
  },
  {
    ...plain,
    kind: "load",
    name: "upload-1mb",
    title: "uploads of 1 MB, 16 connections",
    load: { ...get, connections: 16, path: "/upload", uploadBytes: megabyte },
  },
  {
    ...plain,
    kind: "load",
    name: "services-100",
    title: "100 services asked in turn, 64 connections",
    serviceCount: 100,
    load: { ...get, connections: 64 },
  },
  {
    ...plain,
    kind: "load",
    name: "buffered-64",
    title: "requests and responses buffered (Kamal's default), 31 bytes, 64 connections",
    buffered: true,
    without: ["haproxy"],
    load: { ...get, connections: 64 },
  },
  {
    ...plain,
    kind: "slow-peer",
    name: "slow-download",
    title: "200 MB to a client that does not read",
    direction: "download",
  },
  {
    ...plain,
    kind: "slow-peer",
    name: "slow-upload",
    title: "200 MB to an app that does not read",
    direction: "upload",
  },
];
