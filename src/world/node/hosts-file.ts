/**
 * Names of the machine's hosts file, which come before DNS as on any system.
 *
 * The file is read once when opened and again when it has changed, which is
 * looked for at most every `CHECK_EVERY_MS`. A process that may not read files
 * any more goes on with what it knew. `localhost` is always there (RFC 6761
 * §6.3). Source: hosts(5).
 */
import { readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";

export interface HostsFile {
  /** Addresses of `host` in the order of the file; undefined if it does not have that name. */
  addresses(host: string): readonly string[] | undefined;
}

const CHECK_EVERY_MS = 5_000;

/** A hosts file that is larger (some lists of unwanted names are) is not read. */
const MAX_BYTES = 1_048_576;

type Names = ReadonlyMap<string, readonly string[]>;

/** Opens the hosts file at `path`; a file that is missing or unreadable has no names. */
export function openHostsFile(path: string): HostsFile {
  let names: Names = new Map();
  let readOfMs = -1;
  let checkedAtMs = -Infinity;

  function refresh(): void {
    const nowMs = performance.now();
    if (nowMs - checkedAtMs < CHECK_EVERY_MS) return;
    checkedAtMs = nowMs;
    try {
      const { mtimeMs, size } = statSync(path);
      if (mtimeMs === readOfMs || size > MAX_BYTES) return;
      names = parseHosts(readFileSync(path, "utf8"));
      readOfMs = mtimeMs;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") names = new Map();
    }
  }

  refresh();
  return {
    addresses(host) {
      refresh();
      const name = host.toLowerCase().replace(/\.$/, "");
      return names.get(name) ?? (name === "localhost" ? ["127.0.0.1", "::1"] : undefined);
    },
  };
}

/** hosts(5): an address, then names, on each line; `#` begins a comment. */
export function parseHosts(text: string): Names {
  const names = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [address, ...hosts] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (address === undefined || isIP(address) === 0) continue;
    for (const host of hosts) {
      const name = host.toLowerCase();
      names.set(name, [...(names.get(name) ?? []), address]);
    }
  }
  return names;
}
