/**
 * DNS as plain maps that a test may change at any time.
 *
 * A name that no map has does not exist; a name that only another map has, or
 * has with an empty list, exists without such records. Names are compared
 * without case and without a final dot.
 */
import type { DnsAnswer, MxRecord, Resolver, TlsaRecord } from "#base/ports/resolver.ts";

/** What the simulated DNS says. Addresses are the names in `pointers`. */
export interface SimZone {
  readonly mx?: Readonly<Record<string, readonly MxRecord[]>>;
  readonly addresses?: Readonly<Record<string, readonly string[]>>;
  readonly pointers?: Readonly<Record<string, readonly string[]>>;
  /** One step, for CNAME questions and for `addresses`, whose owner they lead to. */
  readonly aliases?: Readonly<Record<string, string>>;
  readonly tlsa?: Readonly<Record<string, readonly TlsaRecord[]>>;
  readonly texts?: Readonly<Record<string, readonly string[]>>;
  /** Names in signed zones, and `*.` of all below a name. */
  readonly signed?: readonly string[];
  /** Names for which the servers fail. */
  readonly unavailable?: readonly string[];
}

export class SimResolver implements Resolver {
  readonly #mx: Map<string, readonly MxRecord[]>;
  readonly #addresses: Map<string, readonly string[]>;
  readonly #pointers: Map<string, readonly string[]>;
  readonly #aliases: ReadonlyMap<string, string>;
  readonly #tlsa: Map<string, readonly TlsaRecord[]>;
  readonly #texts: Map<string, readonly string[]>;
  readonly #signed: readonly string[];
  readonly #unavailable: Set<string>;

  constructor(zone: SimZone = {}) {
    this.#mx = byName(zone.mx);
    this.#addresses = byName(zone.addresses);
    this.#pointers = byName(zone.pointers);
    this.#aliases = new Map(
      Object.entries(zone.aliases ?? {}).map(([name, to]) => [nameKey(name), nameKey(to)]),
    );
    this.#tlsa = byName(zone.tlsa);
    this.#texts = byName(zone.texts);
    this.#signed = zone.signed ?? [];
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

  setTexts(name: string, texts: readonly string[]): void {
    this.#texts.set(nameKey(name), texts);
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
    if (isAddress(host)) return { kind: "found", value: [host], isSecure: false, owner: host };
    const key = nameKey(host);
    const target = this.#aliases.get(key);
    if (target === undefined || this.#unavailable.has(key))
      return this.#answer(this.#addresses, host);
    const answer = this.#answer(this.#addresses, target);
    if (answer.kind === "unavailable") return answer;
    return { ...answer, isSecure: answer.isSecure && this.#isSigned(key) };
  }

  async pointer(address: string): Promise<DnsAnswer<readonly string[]>> {
    return this.#answer(this.#pointers, address);
  }

  async alias(host: string): Promise<DnsAnswer<string>> {
    const key = nameKey(host);
    const value = this.#aliases.get(key);
    if (value !== undefined && !this.#unavailable.has(key))
      return { kind: "found", value, isSecure: this.#isSigned(key), owner: key };
    const answer = this.#answer<string>(new Map(), host);
    if (answer.kind === "found") throw new TypeError("Cannot be: there are no records");
    return answer;
  }

  async tlsa(name: string): Promise<DnsAnswer<readonly TlsaRecord[]>> {
    return this.#answer(this.#tlsa, name);
  }

  async texts(name: string): Promise<DnsAnswer<readonly string[]>> {
    return this.#answer(this.#texts, name);
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
    const isSecure = this.#isSigned(key);
    if (value !== undefined && value.length > 0)
      return { kind: "found", value, isSecure, owner: key };
    const maps = [this.#mx, this.#addresses, this.#pointers, this.#tlsa, this.#texts];
    const exists = this.#aliases.has(key) || maps.some((map) => map.has(key));
    return { kind: "absent", why: exists ? "no-records" : "no-domain", isSecure };
  }

  #isSigned(key: string): boolean {
    return this.#signed.some((name) =>
      name.startsWith("*.") ? key.endsWith(name.slice(1)) : key === nameKey(name),
    );
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
