/**
 * DNS as plain maps that a test may change at any time.
 *
 * A name that no map has does not exist; a name that only another map has, or
 * has with an empty list, exists without such records. Names are compared
 * without case and without a final dot.
 */
import type { DnsAnswer, MxRecord, Resolver } from "#base/ports/resolver.ts";

/** What the simulated DNS says. Addresses are the names in `pointers`. */
export interface SimZone {
  readonly mx?: Readonly<Record<string, readonly MxRecord[]>>;
  readonly addresses?: Readonly<Record<string, readonly string[]>>;
  readonly pointers?: Readonly<Record<string, readonly string[]>>;
  /** Names for which the servers fail. */
  readonly unavailable?: readonly string[];
}

export class SimResolver implements Resolver {
  readonly #mx: Map<string, readonly MxRecord[]>;
  readonly #addresses: Map<string, readonly string[]>;
  readonly #pointers: Map<string, readonly string[]>;
  readonly #unavailable: Set<string>;

  constructor(zone: SimZone = {}) {
    this.#mx = byName(zone.mx);
    this.#addresses = byName(zone.addresses);
    this.#pointers = byName(zone.pointers);
    this.#unavailable = new Set(zone.unavailable?.map(nameKey));
  }

  /** Replaces the MX records of `domain`; an empty list leaves a name without such records. */
  setMx(domain: string, records: readonly MxRecord[]): void {
    this.#mx.set(nameKey(domain), records);
  }

  setAddresses(host: string, addresses: readonly string[]): void {
    this.#addresses.set(nameKey(host), addresses);
  }

  setPointers(address: string, names: readonly string[]): void {
    this.#pointers.set(nameKey(address), names);
  }

  /** From now on the servers of `name` fail, or answer again. */
  setServers(name: string, state: "failing" | "answering"): void {
    if (state === "failing") this.#unavailable.add(nameKey(name));
    else this.#unavailable.delete(nameKey(name));
  }

  async mx(domain: string): Promise<DnsAnswer<readonly MxRecord[]>> {
    return this.#answer(this.#mx, domain);
  }

  async addresses(host: string): Promise<DnsAnswer<readonly string[]>> {
    if (isAddress(host)) return { kind: "found", value: [host] };
    return this.#answer(this.#addresses, host);
  }

  async pointer(address: string): Promise<DnsAnswer<readonly string[]>> {
    return this.#answer(this.#pointers, address);
  }

  #answer<Value>(
    records: ReadonlyMap<string, readonly Value[]>,
    name: string,
  ): DnsAnswer<readonly Value[]> {
    const key = nameKey(name);
    if (this.#unavailable.has(key)) {
      return { kind: "unavailable", cause: new Error(`No answer for ${name}, as scripted`) };
    }
    const value = records.get(key);
    if (value !== undefined && value.length > 0) return { kind: "found", value };
    const exists = [this.#mx, this.#addresses, this.#pointers].some((map) => map.has(key));
    return { kind: "absent", why: exists ? "no-records" : "no-domain" };
  }
}

function byName<Value>(
  records: Readonly<Record<string, readonly Value[]>> = {},
): Map<string, readonly Value[]> {
  return new Map(Object.entries(records).map(([name, value]) => [nameKey(name), value]));
}

function nameKey(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}

function isAddress(host: string): boolean {
  return host.includes(":") || /^\d+\.\d+\.\d+\.\d+$/.test(host);
}
