/**
 * TLS as a dispatcher speaks it by one configuration, as a server and as a client. Its certificates
 * may be renewed, the configuration is what it is.
 *
 * Made as a whole or not at all. A renewal that cannot be leaves what was.
 */
import type { Tls, TlsClient } from "#base/ports/tls.ts";
import type { Config } from "#model/config/config.ts";
import type { TlsMaterial } from "#model/tls-material.ts";
import { type TlsByListener, tlsByListener } from "./listener-tls.ts";
import { type TlsByRelay, tlsByRelay } from "./relay-tls.ts";
import type { StapleShelf } from "./staple-shelf.ts";

/** What all configurations of a dispatcher share. */
export interface TlsEnds {
  readonly tls: Tls;
  readonly staples: StapleShelf;
}

/** With one version of the certificates. */
interface Made {
  readonly version: number;
  readonly byListener: TlsByListener;
  readonly byRelay: TlsByRelay;
}

/** The string says, in one line, what cannot be. */
export function configuredTls(
  config: Config,
  material: TlsMaterial,
  ends: TlsEnds,
): ConfiguredTls | string {
  const made = make(config, material, ends);
  return typeof made === "string" ? made : new ConfiguredTls(config, ends, made);
}

export class ConfiguredTls {
  readonly #config: Config;
  readonly #ends: TlsEnds;
  #made: Made;

  constructor(config: Config, ends: TlsEnds, made: Made) {
    this.#config = config;
    this.#ends = ends;
    this.#made = made;
  }

  /** As they are now: clients that come after a renewal are shown the newer certificates. */
  get byListener(): TlsByListener {
    return this.#made.byListener;
  }

  /** Looked up at each connection. */
  ofRelay(action: string): TlsClient {
    const end = this.#made.byRelay.get(action);
    if (end === undefined) throw new TypeError(`Cannot speak TLS for ${action}: nothing says how`);
    return end;
  }

  /** That of the configuration after this one. */
  next(config: Config, material: TlsMaterial): ConfiguredTls | string {
    return configuredTls(config, material, this.#ends);
  }

  /** "known": there is nothing newer in it. `why`: in one line, what cannot be. */
  renew(material: TlsMaterial): "renewed" | "known" | { readonly why: string } {
    if (material.version <= this.#made.version) return "known";
    const made = make(this.#config, material, this.#ends);
    if (typeof made === "string") return { why: made };
    this.#made = made;
    return "renewed";
  }
}

function make(config: Config, material: TlsMaterial, ends: TlsEnds): Made | string {
  const byListener = tlsByListener(config, material, ends);
  if (typeof byListener === "string") return byListener;
  const byRelay = tlsByRelay(config, material, ends.tls);
  if (typeof byRelay === "string") return byRelay;
  return { version: material.version, byListener, byRelay };
}
