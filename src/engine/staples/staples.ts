/**
 * Responses of OCSP for all certificates of a configuration, and the next configuration's.
 *
 * Of a certificate that stays the response stays, and nobody is asked.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Files } from "#base/ports/files.ts";
import type { Http } from "#base/ports/http.ts";
import type { Signatures } from "#base/ports/signatures.ts";
import { Semaphore } from "#base/semaphore.ts";
import type { Observe } from "#model/events.ts";
import type { Staple } from "#model/staple.ts";
import type { StaplePlan, StapleSource, Stapling } from "#policy/tls/staple-plan.ts";
import { StapleCache } from "./staple-cache.ts";
import { type StaplePorts, Stapler } from "./stapler.ts";

/** Responders that are asked at once: thousands of certificates are not asked about in one moment. */
const MAX_ASKED_AT_ONCE = 4;

export interface StaplesWorld {
  readonly clock: Clock;
  readonly files: Files;
  readonly http: Http;
  readonly signatures: Signatures;
  readonly observe: Observe;
  /** Where responses are kept over restarts; undefined: nowhere. */
  readonly folder: string | undefined;
}

export class Staples {
  readonly #ports: StaplePorts;
  readonly #publish: (staple: Staple) => void;
  #staplers: ReadonlyMap<string, Stapler> = new Map();

  /** @param publish there is another response, or none any more. */
  constructor(world: StaplesWorld, publish: (staple: Staple) => void) {
    const { folder, ...ports } = world;
    const cache = new StapleCache(world.files, folder);
    this.#ports = { ...ports, cache, turns: new Semaphore(MAX_ASKED_AT_ONCE) };
    this.#publish = publish;
  }

  /** Those that are shown now. */
  get current(): readonly Staple[] {
    return Array.from(this.#staplers.values(), ({ staple }) => staple).filter(
      ({ response }) => response.length > 0,
    );
  }

  /** For these certificates from now on, and no others. */
  takeUp(staplings: readonly { readonly name: string; readonly stapling: Stapling }[]): void {
    const staplers = new Map<string, Stapler>();
    const fresh: Stapler[] = [];
    for (const { name, stapling } of staplings) {
      if (stapling.kind === "cannot")
        this.#ports.observe({
          kind: "warning",
          text: `pki ${name} is not stapled: ${stapling.why}`,
        });
      if (stapling.kind !== "plan" || staplers.has(stapling.plan.fingerprint)) continue;
      const { plan } = stapling;
      const before = this.#staplers.get(plan.fingerprint);
      const isKept = before !== undefined && isSamePlan(before.plan, plan);
      const stapler = isKept ? before : new Stapler(plan, this.#ports, this.#publish);
      if (!isKept) fresh.push(stapler);
      staplers.set(plan.fingerprint, stapler);
    }
    for (const [fingerprint, stapler] of this.#staplers) {
      if (staplers.get(fingerprint) === stapler) continue;
      stapler.stop();
      this.#publish({ fingerprint, response: new Uint8Array(), untilMs: 0 });
    }
    this.#staplers = staplers;
    void this.#start(fresh);
  }

  stop(): void {
    for (const stapler of this.#staplers.values()) stapler.stop();
  }

  async #start(fresh: readonly Stapler[]): Promise<void> {
    await this.#ports.cache.keepOnly(new Set(this.#staplers.keys()));
    await Promise.all(fresh.map((stapler) => stapler.start()));
  }
}

function isSamePlan(one: StaplePlan, other: StaplePlan): boolean {
  return isSameSource(one.source, other.source) && one.name === other.name;
}

function isSameSource(one: StapleSource, other: StapleSource): boolean {
  return one.kind === "file"
    ? other.kind === "file" && one.path === other.path
    : other.kind === "responder" && one.url === other.url;
}
