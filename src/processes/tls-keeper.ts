/**
 * Keeps what TLS needs for the daemon: reads certificates and keys for a configuration,
 * reads them again when their files change, and renews the key of session tickets.
 *
 * A file that has become bad changes nothing: what was there before is kept, and a
 * warning says why. Only what was never good stands in the way, of a start or a reload.
 * Certificate and key are two files that are replaced one after the other: between them
 * the pair does not fit, and is looked at again when the second one changes.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { TlsIdentity } from "#base/ports/tls.ts";
import type { Config } from "#model/config/config.ts";
import {
  type Authority,
  MAX_IDENTITIES,
  NO_TLS_MATERIAL,
  SYSTEM_AUTHORITY,
  type TlsMaterial,
} from "#model/tls-material.ts";
import { tlsNeeds } from "./slice-tls.ts";
import type { TlsSource } from "./tls-source.ts";

/** How often the files are looked at. */
export const TLS_FILES_INTERVAL_MS = 30_000;
/** As long as a session may be taken up again. Who learns a key can read what was said under it. */
export const TICKET_KEY_INTERVAL_MS: number = 2 * 60 * 60_000;

export interface TlsKeeperOwner {
  /** There is newer material for the configuration that is in use. */
  renewed(material: TlsMaterial): void;
  info(text: string): void;
  warn(text: string): void;
}

/** Material for a configuration that may be taken up. */
export interface PreparedTls {
  readonly config: Config;
  readonly material: TlsMaterial;
  /** Stamps of the files, by path, as they were before they were read. */
  readonly stamps: ReadonlyMap<string, string | undefined>;
}

export class TlsKeeper {
  readonly #clock: Clock;
  readonly #source: TlsSource;
  readonly #owner: TlsKeeperOwner;
  #inUse: PreparedTls | undefined;
  #lastVersion = 0;
  #ticketKey: Uint8Array = NO_TLS_MATERIAL.ticketKey;
  #cancels: (() => void)[] = [];

  constructor(clock: Clock, source: TlsSource, owner: TlsKeeperOwner) {
    this.#clock = clock;
    this.#source = source;
    this.#owner = owner;
  }

  get material(): TlsMaterial {
    return this.#inUse?.material ?? NO_TLS_MATERIAL;
  }

  /** Reads what `config` needs; the string says what stands in the way. */
  prepare(config: Config): PreparedTls | string {
    const { pkis, cas, system } = tlsNeeds(config);
    if (pkis.size > MAX_IDENTITIES) return `more than ${MAX_IDENTITIES} certificates`;
    const stamps = new Map<string, string | undefined>();
    const identities: TlsIdentity[] = [];
    const authorities: Authority[] = [];
    for (const name of pkis) {
      const identity = this.#identity(name, config, stamps);
      if (typeof identity === "string") return identity;
      identities.push(identity);
    }
    for (const name of cas) {
      const authority = this.#authority(name, config, stamps);
      if (typeof authority === "string") return authority;
      authorities.push(authority);
    }
    if (system) {
      const authority = this.#systemAuthority();
      if (typeof authority === "string") return authority;
      authorities.push(authority);
    }
    if (pkis.size > 0 && this.#ticketKey === NO_TLS_MATERIAL.ticketKey)
      this.#ticketKey = this.#source.ticketKey();
    const ticketKey = this.#ticketKey;
    const version = ++this.#lastVersion;
    return { config, material: { version, identities, authorities, ticketKey }, stamps };
  }

  /** Works by it from now on, and looks at its files; without any it sets no timer. */
  takeUp(prepared: PreparedTls): void {
    this.#inUse = prepared;
    if (prepared.stamps.size === 0) this.stop();
    else if (this.#cancels.length === 0) {
      this.#every(TLS_FILES_INTERVAL_MS, () => this.#lookAtFiles());
      this.#every(TICKET_KEY_INTERVAL_MS, () => this.#renewTicketKey());
    }
  }

  stop(): void {
    for (const cancel of this.#cancels) cancel();
    this.#cancels = [];
  }

  #every(intervalMs: number, run: () => void): void {
    const index = this.#cancels.length;
    const again = (): void => {
      this.#cancels[index] = this.#clock.after(intervalMs, () => {
        again();
        run();
      });
    };
    again();
  }

  #lookAtFiles(): void {
    const inUse = this.#inUse;
    if (inUse === undefined) return;
    const changed = [...inUse.stamps].some(([path, stamp]) => this.#source.stamp(path) !== stamp);
    if (!changed) return;
    const prepared = this.prepare(inUse.config);
    if (typeof prepared === "string") {
      this.#owner.warn(prepared);
      return;
    }
    const names = changedNames(inUse.material, prepared.material);
    this.#inUse = prepared;
    if (names.length === 0) return;
    this.#owner.info(`certificates read again: ${names.join(", ")}`);
    this.#owner.renewed(prepared.material);
  }

  #renewTicketKey(): void {
    const inUse = this.#inUse;
    if (inUse === undefined || inUse.material.identities.length === 0) return;
    this.#ticketKey = this.#source.ticketKey();
    const version = ++this.#lastVersion;
    const material = { ...inUse.material, version, ticketKey: this.#ticketKey };
    this.#inUse = { ...inUse, material };
    this.#owner.renewed(material);
  }

  #identity(
    name: string,
    { pkis }: Config,
    stamps: Map<string, string | undefined>,
  ): TlsIdentity | string {
    const { cert, key } = pkis.get(name) ?? {};
    if (cert === undefined || key === undefined) return `pki ${name} has no files`;
    const read = (path: string): string => {
      stamps.set(path, this.#source.stamp(path));
      const pem = this.#source.read(path);
      if (pem.kind === "fault") throw new UnreadablePem(pem.why);
      return pem.text;
    };
    const before = this.#before(name, cert, key);
    try {
      const identity = { name, certificate: read(cert), key: read(key) };
      const fault = this.#source.identityFault(identity);
      return fault === undefined ? identity : this.#kept(`pki ${name}: ${fault}`, before);
    } catch (error) {
      if (!(error instanceof UnreadablePem)) throw error;
      stamps.set(key, this.#source.stamp(key));
      return this.#kept(`pki ${name}: ${error.message}`, before);
    }
  }

  #authority(
    name: string,
    { cas }: Config,
    stamps: Map<string, string | undefined>,
  ): Authority | string {
    const path = cas.get(name)?.cert;
    if (path === undefined) return `ca ${name} has no file`;
    stamps.set(path, this.#source.stamp(path));
    const pem = this.#source.read(path);
    const fault = pem.kind === "fault" ? pem.why : this.#source.authorityFault(pem.text);
    if (pem.kind === "text" && fault === undefined) return { name, pem: pem.text };
    const isSame = this.#inUse?.config.cas.get(name)?.cert === path;
    const before = this.material.authorities.find((each) => each.name === name);
    return this.#kept(`ca ${name}: ${fault ?? ""}`, isSame ? before : undefined);
  }

  #systemAuthority(): Authority | string {
    const trusted = this.#source.systemAuthorities();
    if (typeof trusted !== "string") return { name: SYSTEM_AUTHORITY, pem: trusted.pem };
    const before = this.material.authorities.find(({ name }) => name === SYSTEM_AUTHORITY);
    return this.#kept(`whom the system trusts: ${trusted}`, before);
  }

  /** What is in use under that name, if it is of the same files. */
  #before(name: string, cert: string, key: string): TlsIdentity | undefined {
    const pki = this.#inUse?.config.pkis.get(name);
    if (pki?.cert !== cert || pki.key !== key) return undefined;
    return this.material.identities.find((each) => each.name === name);
  }

  #kept<Each>(why: string, before: Each | undefined): Each | string {
    if (before === undefined) return why;
    this.#owner.warn(`${why}: the one that is in use is kept`);
    return before;
  }
}

class UnreadablePem extends Error {}

function changedNames(before: TlsMaterial, after: TlsMaterial): readonly string[] {
  const pkis = after.identities.filter(({ name, certificate, key }) => {
    const old = before.identities.find((each) => each.name === name);
    return old?.certificate !== certificate || old.key !== key;
  });
  const cas = after.authorities.filter(
    ({ name, pem }) => before.authorities.find((each) => each.name === name)?.pem !== pem,
  );
  return [...pkis.map(({ name }) => `pki ${name}`), ...cas.map(({ name }) => `ca ${name}`)];
}
