/**
 * Keeps the response of OCSP for one certificate: asks the responder, or reads the file,
 * checks what comes, and asks again when half of its life is over.
 *
 * A responder that does not answer, or answers badly, takes nothing away: the last good
 * response is shown until its own end, and the responder is asked again, later each time.
 * What has run out or says "revoked" is not shown. Without a response the handshake goes
 * on, also where the certificate says that there must be one: that is for the client to
 * judge (RFC 7633 §4.3.3), and most of those who send mail do not look.
 *
 * Source: RFC 6960; RFC 5019 §4 and §6 (what to keep, and for how long).
 */
import type { Clock } from "#base/ports/clock.ts";
import { type Files, FilesError } from "#base/ports/files.ts";
import type { Http } from "#base/ports/http.ts";
import type { Signatures } from "#base/ports/signatures.ts";
import type { Semaphore } from "#base/semaphore.ts";
import { encodeOcspRequest, OCSP_REQUEST_TYPE } from "#protocols/ocsp/ocsp-request.ts";
import { MAX_OCSP_RESPONSE_BYTES } from "#protocols/ocsp/ocsp-response.ts";
import type { Observe } from "#model/events.ts";
import type { Staple } from "#model/staple.ts";
import { checkStaple } from "#policy/tls/check-staple.ts";
import type { StaplePlan } from "#policy/tls/staple-plan.ts";
import { readResponseFile, type StapleCache } from "./staple-cache.ts";

/** Responders of the Web answer in a tenth of a second. */
const FETCH_TIMEOUT_MS = 10_000;
/** No responder is asked more often about one certificate. */
export const MIN_REFRESH_MS = 15_000;
/** Nor less often, however long its answers are good: a revocation should be heard of. */
const MAX_REFRESH_MS: number = 4 * 24 * 60 * 60_000;
const FIRST_RETRY_MS = 15_000;
const MAX_RETRY_MS: number = 60 * 60_000;
/** How often a file is looked at. */
const STAPLE_FILE_INTERVAL_MS = 30_000;

export interface StaplePorts {
  readonly clock: Clock;
  readonly files: Files;
  readonly http: Http;
  readonly signatures: Signatures;
  readonly observe: Observe;
  readonly cache: StapleCache;
  readonly turns: Semaphore;
}

type Life = "running" | "stopped";

interface Kept {
  readonly response: Uint8Array;
  readonly untilMs: number;
}

export class Stapler {
  readonly plan: StaplePlan;
  readonly #ports: StaplePorts;
  readonly #publish: (staple: Staple) => void;
  #kept: Kept | undefined;
  #faultsInARow = 0;
  /** What was last wrong; "" when nothing was: told once. */
  #trouble = "";
  #fileStamp = "";
  #life: Life = "running";
  #cancel: () => void = () => undefined;

  constructor(plan: StaplePlan, ports: StaplePorts, publish: (staple: Staple) => void) {
    this.plan = plan;
    this.#ports = ports;
    this.#publish = publish;
  }

  /** What is shown now; an empty response: nothing. */
  get staple(): Staple {
    const { fingerprint } = this.plan;
    const { response, untilMs } = this.#kept ?? { response: new Uint8Array(), untilMs: 0 };
    return { fingerprint, response, untilMs };
  }

  async start(): Promise<void> {
    const { source, fingerprint } = this.plan;
    const { cache } = this.#ports;
    const cached = source.kind === "file" ? undefined : await cache.read(fingerprint);
    const verdict = cached && this.#check(cached);
    if (this.#isStopped) return;
    if (cached !== undefined && verdict?.kind === "good") {
      this.#keep(cached, verdict.untilMs);
      this.#wakeIn(refreshDelayMs(verdict.untilMs - this.#nowMs));
    } else await this.#wake();
  }

  stop(): void {
    this.#life = "stopped";
    this.#cancel();
  }

  async #wake(): Promise<void> {
    const { source } = this.plan;
    if (source.kind === "file") await this.#lookAtFile(source.path);
    else await this.#ask(source.url);
    if (!this.#isStopped) this.#dropOld();
  }

  async #ask(url: string): Promise<void> {
    const { http, cache, turns } = this.#ports;
    const question = {
      url,
      body: encodeOcspRequest(this.plan),
      type: OCSP_REQUEST_TYPE,
      authorization: undefined,
      authorities: undefined,
      timeoutMs: FETCH_TIMEOUT_MS,
      maxBytes: MAX_OCSP_RESPONSE_BYTES,
    };
    const answer = await turns.run(() =>
      this.#isStopped
        ? Promise.resolve({ kind: "fault", why: "stopped" } as const)
        : http.post(question),
    );
    if (this.#isStopped) return;
    if (answer.kind !== "answer") this.#failed(`${new URL(url).host}: ${answer.why}`);
    else if (this.#take(answer.body)) {
      const fault = await cache.write(this.plan.fingerprint, answer.body);
      if (fault !== undefined) this.#warn(`the response cannot be kept: ${fault}`);
    }
  }

  /** Whether it is one to show. */
  #take(response: Uint8Array): boolean {
    const verdict = this.#check(response);
    if (verdict.kind === "revoked") this.#revoked(verdict.atMs);
    else if (verdict.kind === "fault") this.#failed(verdict.why);
    else {
      this.#keep(response, verdict.untilMs);
      this.#wakeIn(refreshDelayMs(verdict.untilMs - this.#nowMs));
      return true;
    }
    return false;
  }

  async #lookAtFile(path: string): Promise<void> {
    const stamp = await this.#stampOf(path);
    if (this.#isStopped) return;
    this.#wakeIn(STAPLE_FILE_INTERVAL_MS);
    if (stamp === this.#fileStamp) return;
    this.#fileStamp = stamp;
    const read = await readResponseFile(this.#ports.files, path);
    if (this.#isStopped) return;
    if (typeof read === "string") this.#tell(read);
    else {
      const verdict = this.#check(read);
      if (verdict.kind === "good") this.#keep(read, verdict.untilMs);
      else if (verdict.kind === "revoked") this.#revoked(verdict.atMs);
      else this.#tell(`${path}: ${verdict.why}`);
    }
  }

  async #stampOf(path: string): Promise<string> {
    try {
      const { bytes, modifiedAtMs } = await this.#ports.files.stat(path);
      return `${bytes} ${modifiedAtMs}`;
    } catch (error) {
      if (error instanceof FilesError) return error.code;
      throw error;
    }
  }

  #keep(response: Uint8Array, untilMs: number): void {
    this.#faultsInARow = 0;
    this.#trouble = "";
    const until = new Date(untilMs).toISOString();
    this.#ports.observe({ kind: "notice", text: `${this.#name} is stapled, until ${until}` });
    this.#kept = { response, untilMs };
    this.#publish(this.staple);
  }

  #revoked(atMs: number): void {
    const at = new Date(atMs).toISOString();
    this.#drop();
    this.#failed(`THE CERTIFICATE IS REVOKED, since ${at}: it needs to be replaced`);
    // A cached one that says otherwise would be shown again after a restart.
    void this.#ports.cache.remove(this.plan.fingerprint);
  }

  #failed(why: string): void {
    this.#tell(why);
    const delayMs = Math.min(FIRST_RETRY_MS * 2 ** this.#faultsInARow, MAX_RETRY_MS);
    this.#faultsInARow += 1;
    if (this.plan.source.kind === "responder") this.#wakeIn(delayMs);
  }

  #dropOld(): void {
    if (this.#kept === undefined || this.#kept.untilMs > this.#nowMs) return;
    this.#drop();
    this.#warn("its response is too old and no newer one is there");
  }

  #drop(): void {
    if (this.#kept === undefined) return;
    this.#kept = undefined;
    this.#publish(this.staple);
  }

  #tell(why: string): void {
    if (why === this.#trouble) return;
    this.#trouble = why;
    this.#warn(why);
  }

  #warn(why: string): void {
    const { certificate } = this.plan;
    const bare = certificate.mustStaple
      ? "clients that look will refuse the certificate, which must be stapled"
      : "handshakes go on without";
    const state = this.#kept === undefined ? bare : "the last good response is still shown";
    this.#ports.observe({ kind: "warning", text: `${this.#name}: ${why} (${state})` });
  }

  #check(response: Uint8Array): ReturnType<typeof checkStaple> {
    return checkStaple(response, this.plan, this.#ports.signatures, this.#nowMs);
  }

  #wakeIn(delayMs: number): void {
    this.#cancel();
    // Also when what is shown has come to its end.
    const leftMs = this.#kept === undefined ? delayMs : this.#kept.untilMs - this.#nowMs;
    const soonestMs = Math.min(delayMs, Math.max(leftMs, MIN_REFRESH_MS));
    this.#cancel = this.#ports.clock.after(soonestMs, () => void this.#wake());
  }

  /** Asked again after each wait. */
  get #isStopped(): boolean {
    return this.#life === "stopped";
  }

  get #nowMs(): number {
    return this.#ports.clock.wallMs();
  }

  get #name(): string {
    return `ocsp of pki ${this.plan.name}`;
  }
}

/** Half of what is left. */
function refreshDelayMs(leftMs: number): number {
  return Math.min(Math.max(leftMs / 2, MIN_REFRESH_MS), MAX_REFRESH_MS);
}
