/**
 * Writes container images as one archive in the OCI image layout, without a container engine. One
 * image alone gets the index of `docker save` as well, so that every version of Docker can load it.
 */
import type { Platform } from "./platform.ts";
import { tarArchive, type TarEntry } from "./tar-archive.ts";

export interface ImageConfig {
  User: string;
  ExposedPorts: Record<string, object>;
  Env: string[];
  Cmd: string[];
  WorkingDir: string;
  Labels: Record<string, string>;
}

export interface Image {
  platform: Platform;
  layers: TarEntry[][];
  config: ImageConfig;
}

export interface ArchiveOptions {
  /** `name:tag` */
  reference: string;
  /** Seconds since 1970: the time of everything in the archive. */
  createdAt: number;
  compressionLevel: CompressionLevel;
}

/** 1 to 12. */
export type CompressionLevel = NonNullable<Bun.LibdeflateCompressionOptions["level"]>;

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: { architecture: string; os: string };
  annotations?: Record<string, string>;
}

const types = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
};

export function ociArchive(images: readonly Image[], options: ArchiveOptions): Buffer {
  const blobs = new Blobs();
  const written = images.map((image) => writeImage(image, options, blobs));
  const [only] = written;
  const single = written.length === 1 ? only : undefined;
  const root =
    single?.manifest ??
    blobs.addJson(types.index, {
      schemaVersion: 2,
      mediaType: types.index,
      manifests: written.map(({ manifest }) => manifest),
    });
  const tag = options.reference.slice(options.reference.lastIndexOf(":") + 1);
  const index = {
    schemaVersion: 2,
    mediaType: types.index,
    manifests: [
      {
        ...root,
        annotations: {
          "io.containerd.image.name": fullReference(options.reference),
          "org.opencontainers.image.ref.name": tag,
        },
      },
    ],
  };
  const files = [
    ...blobs.entries(),
    jsonFile("index.json", index),
    ...(single === undefined
      ? []
      : [jsonFile("manifest.json", [{ ...single.dockerIndex, RepoTags: [options.reference] }])]),
    jsonFile("oci-layout", { imageLayoutVersion: "1.0.0" }),
  ];
  return tarArchive(files, options.createdAt);
}

function writeImage(image: Image, { createdAt, compressionLevel }: ArchiveOptions, blobs: Blobs) {
  const created = new Date(createdAt * 1_000).toISOString();
  const layers = image.layers.map((entries) => {
    const archive = tarArchive(entries, createdAt);
    const packed = Bun.gzipSync(archive, { library: "libdeflate", level: compressionLevel });
    return { diffId: digestOf(archive), descriptor: blobs.add(types.layer, packed) };
  });
  const { imageArch } = image.platform;
  const config = blobs.addJson(types.config, {
    created,
    architecture: imageArch,
    os: "linux",
    config: image.config,
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(() => ({ created, created_by: "scripts/image.ts" })),
  });
  const manifest = blobs.addJson(types.manifest, {
    schemaVersion: 2,
    mediaType: types.manifest,
    config,
    layers: layers.map(({ descriptor }) => descriptor),
  });
  return {
    manifest: { ...manifest, platform: { architecture: imageArch, os: "linux" } },
    dockerIndex: {
      Config: blobPath(config.digest),
      Layers: layers.map(({ descriptor }) => blobPath(descriptor.digest)),
    },
  };
}

/** Content by its digest. */
class Blobs {
  readonly #content = new Map<string, Uint8Array>();

  add(mediaType: string, content: Uint8Array): Descriptor {
    const digest = digestOf(content);
    this.#content.set(digest, content);
    return { mediaType, digest, size: content.length };
  }

  addJson(mediaType: string, value: unknown): Descriptor {
    return this.add(mediaType, Buffer.from(JSON.stringify(value)));
  }

  entries(): TarEntry[] {
    const files = [...this.#content]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([digest, content]) => archiveFile(blobPath(digest), content));
    return [archiveFolder("blobs"), archiveFolder("blobs/sha256"), ...files];
  }
}

function digestOf(content: Uint8Array): string {
  return `sha256:${new Bun.CryptoHasher("sha256").update(content).digest("hex")}`;
}

function blobPath(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}

/** Short names belong to Docker's default registry. */
function fullReference(reference: string): string {
  const [first = "", ...rest] = reference.split("/");
  if (rest.length > 0 && /[.:]|^localhost$/.test(first)) return reference;
  return `docker.io/${rest.length === 0 ? "library/" : ""}${reference}`;
}

function jsonFile(path: string, value: unknown): TarEntry {
  return archiveFile(path, Buffer.from(JSON.stringify(value)));
}

function archiveFile(path: string, content: Uint8Array): TarEntry {
  return { path, type: "file", mode: 0o644, uid: 0, gid: 0, content };
}

function archiveFolder(path: string): TarEntry {
  return { path, type: "folder", mode: 0o755, uid: 0, gid: 0, content: new Uint8Array() };
}
