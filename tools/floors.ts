/**
 * The floors of `src/`, lowest first: a file imports from its own folder or from
 * folders earlier in this list. `reachesOutside` marks the folders that may use what
 * reaches outside the process (sockets, files, time, randomness, other programs);
 * `packages` says which third-party package belongs to which folder.
 */
export interface Floor {
  readonly folder: string;
  readonly reachesOutside?: true;
  readonly packages?: readonly string[];
}

export const FLOORS: readonly Floor[] = [
  { folder: "base" },
  { folder: "base/ports" },
  { folder: "base/time" },
  { folder: "protocols/mail" },
  { folder: "protocols/sasl" },
  { folder: "protocols/oauth" },
  { folder: "protocols/proxy" },
  { folder: "protocols/smtp" },
  { folder: "protocols/sts" },
  { folder: "protocols/tlsrpt" },
  { folder: "protocols/sender-records" },
  { folder: "protocols/dsn" },
  { folder: "protocols/tls" },
  { folder: "protocols/ocsp" },
  { folder: "model" },
  { folder: "model/config" },
  { folder: "model/ipc" },
  { folder: "model/opensmtpd" },
  { folder: "policy/tables", packages: ["re2js"] },
  { folder: "policy/expand" },
  { folder: "policy/ruleset" },
  { folder: "policy/tls" },
  { folder: "policy/transport" },
  { folder: "policy/check" },
  { folder: "engine/observe" },
  { folder: "engine/spool" },
  { folder: "engine/trace" },
  { folder: "engine/bounce" },
  { folder: "engine/scheduler" },
  { folder: "engine/sleepers" },
  { folder: "engine/queue" },
  { folder: "engine/auth" },
  { folder: "engine/staples" },
  { folder: "engine/sts" },
  { folder: "engine/tls-reports" },
  { folder: "engine/server" },
  { folder: "engine/client" },
  { folder: "engine/enqueue" },
  { folder: "engine/relay" },
  { folder: "engine/delivery" },
  { folder: "engine/explain" },
  { folder: "engine/doctor" },
  { folder: "world/sim", reachesOutside: true },
  { folder: "world/node", reachesOutside: true, packages: ["koffi"] },
  { folder: "world/node/tls", reachesOutside: true },
  { folder: "world/node/dns", reachesOutside: true, packages: ["dns-packet"] },
  { folder: "processes", reachesOutside: true },
  { folder: "programs", reachesOutside: true },
];

/** Folders that only tests import: the ports in memory. */
export const TEST_ONLY_FOLDERS: readonly string[] = ["world/sim"];

/** What every floor may take from Node's modules, as it computes and reaches nothing; "*" is all. */
export const PURE_NODE_MODULES: Readonly<Record<string, "*" | readonly string[]>> = {
  "node:buffer": ["Buffer", "isUtf8", "isAscii"],
  "node:crypto": [
    "createCipheriv",
    "createDecipheriv",
    "createHash",
    "createHmac",
    "hash",
    "hkdfSync",
    "pbkdf2Sync",
    "timingSafeEqual",
  ],
  "node:net": ["isIP", "isIPv4", "isIPv6", "BlockList"],
  "node:path/posix": "*",
  "node:url": ["domainToASCII", "domainToUnicode"],
  "node:util": "*",
  "node:v8": ["serialize", "deserialize"],
  "node:zlib": [
    "constants",
    "crc32",
    "gunzipSync",
    "gzipSync",
    "zstdCompressSync",
    "zstdDecompressSync",
  ],
};

/** Packages that tools may import. */
export const TOOL_PACKAGES: readonly string[] = ["esbuild"];

/** Packages that tests may import, wherever they are. */
export const TEST_PACKAGES: readonly string[] = [
  "fast-check",
  "mailparser",
  "marked",
  "nodemailer",
  "yaml",
];
