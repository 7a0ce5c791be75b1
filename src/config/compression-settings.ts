/** Settings of responses that are sent in fewer bytes. */
import { negativeFault, type SettingTable } from "./setting.ts";

export const contentCodings = ["zstd", "br", "gzip"] as const;

/** A content coding by its name in HTTP (RFC 9110 8.4.1, 8878, 7932). */
export type ContentCoding = (typeof contentCodings)[number];

/** `type/subtype`, or all subtypes of a type (`text/*`), or all with a suffix (`application/*+json`). */
const mediaTypePattern = /^[a-z0-9!#$&^_.+-]+\/([a-z0-9!#$&^_.+-]+|\*(\+[a-z0-9.-]+)?)$/;

/** What becomes smaller. Pictures, films, archives and WOFF fonts are compressed already. */
const compressibleTypes = [
  "text/*",
  "application/json",
  "application/*+json",
  "application/xml",
  "application/*+xml",
  "application/javascript",
  "application/x-javascript",
  "application/x-ndjson",
  "application/wasm",
  "application/vnd.ms-fontobject",
  "font/ttf",
  "font/otf",
  "image/svg+xml",
  "image/bmp",
  "image/vnd.microsoft.icon",
  "image/x-icon",
];

const lowerCase = (words: string[]): string[] => words.map((word) => word.trim().toLowerCase());

export const compressionSettings = {
  compress: {
    kind: "list",
    flag: "compress",
    stateKey: "compress",
    own: true,
    fallback: [],
    example: ["zstd", "br", "gzip"],
    normalize: lowerCase,
    fault: (word) =>
      (contentCodings as readonly string[]).includes(word.trim().toLowerCase())
        ? undefined
        : "must be zstd, br or gzip",
    help: "Compress responses for clients that accept it: zstd, br, gzip, the preferred one first (repeatable)",
  },
  compressMinLength: {
    kind: "bytes",
    flag: "compress-min-length",
    stateKey: "compress_min_length",
    own: true,
    fallback: 1024,
    fault: negativeFault,
    help: "Responses that are known to be smaller are not compressed",
  },
  compressTypes: {
    kind: "list",
    flag: "compress-type",
    stateKey: "compress_types",
    own: true,
    fallback: compressibleTypes,
    normalize: lowerCase,
    fault: (word) =>
      mediaTypePattern.test(word.trim().toLowerCase())
        ? undefined
        : "must be a media type such as text/html, text/* or application/*+json",
    help: "Media types that --compress compresses (repeatable)",
  },
} as const satisfies SettingTable;
