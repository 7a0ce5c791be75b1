/** A container image as an archive holds it, with every digest checked on the way. */
import { readFileSync } from "node:fs";
import { readTar, type ReadEntry } from "./tar-reader.ts";

export interface ImageArchive {
  architecture: string;
  reference: string;
  created: string;
  config: {
    User: string;
    ExposedPorts: Record<string, object>;
    Env: string[];
    Entrypoint?: string[];
    Cmd: string[];
    WorkingDir: string;
    Labels: Record<string, string>;
  };
  /** Unpacked. */
  layers: Buffer<ArrayBuffer>[];
  /** Of all layers together, as a container sees them. */
  entries: Map<string, ReadEntry>;
  files: ReadEntry[];
}

interface Descriptor {
  digest: string;
  size: number;
  annotations?: Record<string, string>;
}

export function readImageArchive(path: string): ImageArchive {
  const files = readTar(readFileSync(path));
  const contents = new Map(files.map((file) => [file.path, file.content]));
  const json = <T>(name: string): T => {
    const content = contents.get(name);
    if (content === undefined) throw new Error(`${name} is missing in the archive`);
    return JSON.parse(content.toString()) as T;
  };
  const blob = ({ digest, size }: Descriptor): Buffer<ArrayBuffer> => {
    const content = contents.get(`blobs/${digest.replace(":", "/")}`);
    if (content === undefined) throw new Error(`${digest} is missing in the archive`);
    if (content.length !== size || sha256(content) !== digest) {
      throw new Error(`${digest} has other content`);
    }
    return content;
  };

  const [root] = json<{ manifests: Descriptor[] }>("index.json").manifests;
  const manifest = JSON.parse(blob(root!).toString()) as {
    config: Descriptor;
    layers: Descriptor[];
  };
  const config = JSON.parse(blob(manifest.config).toString()) as {
    architecture: string;
    created: string;
    config: ImageArchive["config"];
    rootfs: { diff_ids: string[] };
  };
  const layers = manifest.layers.map((layer, index) => {
    const unpacked = Buffer.from(Bun.gunzipSync(blob(layer)));
    if (sha256(unpacked) !== config.rootfs.diff_ids[index]) {
      throw new Error(`layer ${index} is not the one of the configuration`);
    }
    return unpacked;
  });
  checkDockerIndex(json("manifest.json"), manifest);
  return {
    architecture: config.architecture,
    reference: root!.annotations?.["io.containerd.image.name"] ?? "",
    created: config.created,
    config: config.config,
    layers,
    entries: new Map(layers.flatMap((layer) => readTar(layer)).map((entry) => [entry.path, entry])),
    files,
  };
}

/** Old versions of `docker load` read this index instead. */
function checkDockerIndex(
  index: { Config: string; Layers: string[] }[],
  manifest: { config: Descriptor; layers: Descriptor[] },
): void {
  const path = ({ digest }: Descriptor) => `blobs/${digest.replace(":", "/")}`;
  const [image] = index;
  const same =
    index.length === 1 &&
    image!.Config === path(manifest.config) &&
    image!.Layers.join() === manifest.layers.map(path).join();
  if (!same) throw new Error("manifest.json names another image than index.json");
}

function sha256(content: Uint8Array): string {
  return `sha256:${new Bun.CryptoHasher("sha256").update(content).digest("hex")}`;
}
