/** What is measured. Each scenario gets freshly started subjects. */
import type { LoadPlan } from "./wrk.ts";
import { megabyte } from "./upstream.ts";

interface ScenarioBase {
  /** Unary calls of gRPC; the app is another one. */
  grpc?: true;
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

/** The same load with one, two, four … workers (or processors of Go), up to the cores of the machine. */
export interface ScalingScenario extends ScenarioBase {
  kind: "scaling";
  load: Omit<LoadPlan, "hosts">;
}

export interface SlowPeerScenario extends ScenarioBase {
  kind: "slow-peer";
  direction: "download" | "upload";
}

/** One service is asked while another is deployed. */
export interface DeployNeighbourScenario extends ScenarioBase {
  kind: "deploy-neighbour";
  load: Omit<LoadPlan, "hosts">;
}

export type Scenario = LoadScenario | ScalingScenario | SlowPeerScenario | DeployNeighbourScenario;

const plain = { serviceCount: 1, buffered: false, without: [] };
const get = {
  path: "/",
  uploadBytes: 0,
  fields: [],
  closeConnections: false,
  streams: 1,
  tls: false,
};
const tls = { ...get, tls: true };
const grpcFields = ["content-type: application/grpc", "te: trailers"];

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
    name: "response-20mb",
    title: "responses of 20 MB, 4 connections",
    load: { ...get, connections: 4, path: "/20mb" },
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
    kind: "load",
    name: "tls-64",
    title: "HTTP/1.1 over TLS, 31 bytes, 64 connections",
    load: { ...tls, connections: 64 },
  },
  {
    ...plain,
    kind: "load",
    name: "tls-h2",
    title: "HTTP/2, 31 bytes, 16 connections with 16 streams each",
    load: { ...tls, connections: 16, streams: 16 },
  },
  {
    ...plain,
    kind: "load",
    name: "h2-response-20mb",
    title: "HTTP/2, responses of 20 MB, 2 connections with 2 streams each",
    load: { ...tls, connections: 2, streams: 2, path: "/20mb" },
  },
  {
    ...plain,
    kind: "load",
    name: "h2-upload-1mb",
    title: "HTTP/2, uploads of 1 MB, 4 connections with 4 streams each",
    load: { ...tls, connections: 4, streams: 4, path: "/upload", uploadBytes: megabyte },
  },
  {
    ...plain,
    kind: "load",
    grpc: true,
    name: "grpc-unary",
    title: "gRPC, unary calls of 31 bytes, 16 connections with 16 streams each",
    // It speaks HTTP/1.1 to targets.
    without: ["original"],
    load: { ...tls, connections: 16, streams: 16, uploadBytes: 36, fields: grpcFields },
  },
  {
    ...plain,
    kind: "load",
    name: "tls-handshakes",
    title: "a new TLS connection for each request (ECDSA), 64 at once",
    load: { ...tls, connections: 64, closeConnections: true },
  },
  {
    ...plain,
    kind: "scaling",
    name: "scaling",
    title: "HTTP/1.1, 31 bytes, 64 connections, with 1, 2, 4 … workers up to the cores",
    without: ["nginx", "haproxy"],
    load: { ...get, connections: 64 },
  },
  {
    ...plain,
    kind: "deploy-neighbour",
    name: "deploy-neighbour",
    title: "a service with 16 connections while another is redeployed all the time",
    serviceCount: 2,
    without: ["nginx", "haproxy"],
    load: { ...get, connections: 16 },
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
