/**
 * How many sessions each source has. A source is an IPv4 address or an IPv6 /64,
 * which one customer usually has whole. UNIX-domain peers are not counted.
 */
import type { Endpoint } from "#base/endpoint.ts";

export class SourceCounts {
  readonly #counts = new Map<string, number>();

  /** Counts one more from `remote`, unless it has `max` already. */
  enter(remote: Endpoint, max: number): boolean {
    if (remote.kind === "unix") return true;
    const source = sourceOf(remote.host);
    const count = this.#counts.get(source) ?? 0;
    if (count >= max) return false;
    this.#counts.set(source, count + 1);
    return true;
  }

  leave(remote: Endpoint): void {
    if (remote.kind === "unix") return;
    const source = sourceOf(remote.host);
    const count = this.#counts.get(source) ?? 0;
    if (count <= 1) this.#counts.delete(source);
    else this.#counts.set(source, count - 1);
  }
}

/** The key of an address's source: the address itself, or the first four groups of an IPv6 one. */
function sourceOf(address: string): string {
  if (!address.includes(":") || address.includes(".")) return address;
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const end = tail === "" ? [] : tail.split(":");
    while (groups.length + end.length < 8) groups.push("0");
    groups.push(...end);
  }
  return groups.slice(0, 4).join(":");
}
