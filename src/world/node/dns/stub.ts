/**
 * Asks the machine's name servers, one after the other, until one answers.
 *
 * Promises: never rejects. A server that answers that it failed is not asked again; one
 * that is silent is, `rounds` times in all, with more patience each time. At most
 * MAX_UNDER_WAY questions have a socket, MAX_WAITING more wait for one.
 *
 * A resolver that checks signatures says of a wrong one that it failed (RFC 4035 §5.5): so
 * a failure is unavailable here, whatever another server would say.
 */
import { type DnsAnswer, NO_SUCH_DOMAIN } from "#base/ports/resolver.ts";
import { Semaphore } from "#base/semaphore.ts";
import { unreachable } from "#base/unreachable.ts";
import { asciiDomain } from "#protocols/mail/domain.ts";
import { type DnsRecord, type DnsType, dnsName, isDnsName } from "./dns-message.ts";
import { exchange, type Exchanged } from "./exchange.ts";
import type { NameServers } from "./name-servers.ts";

export interface StubSettings extends NameServers {
  /** Of the first round; twice that in the next. */
  readonly timeoutMs: number;
  readonly rounds: number;
}

/** Each has a descriptor. */
const MAX_UNDER_WAY = 256;
const MAX_WAITING = 10_000;

const TOO_MANY = new Error("name server: too many questions wait for an answer");

export class Stub {
  readonly #settings: StubSettings;
  readonly #line = new Semaphore(MAX_UNDER_WAY, MAX_WAITING);

  constructor(settings: StubSettings) {
    this.#settings = settings;
  }

  /** The records of `name` that have `type`, as `valueOf` reads them; undefined leaves one out. */
  async ask<Value>(
    name: string,
    type: DnsType,
    valueOf: (record: DnsRecord) => Value | undefined,
  ): Promise<DnsAnswer<readonly Value[]>> {
    const ascii = dnsName(asciiDomain(name));
    if (!isDnsName(ascii)) return NO_SUCH_DOMAIN;
    if (this.#line.isFull) return { kind: "unavailable", cause: TOO_MANY };
    const answer = await this.#line.run(() => this.#askServers(ascii, type));
    if (answer.kind !== "answer") return { kind: "unavailable", cause: causeOf(answer) };
    const isSecure = answer.isAuthentic && this.#settings.areTrusted;
    const value = answer.records.map(valueOf).filter((each) => each !== undefined);
    if (value.length > 0)
      return { kind: "found", value, isSecure, owner: answer.owner.toLowerCase() };
    return { kind: "absent", why: answer.exists ? "no-records" : "no-domain", isSecure };
  }

  async #askServers(name: string, type: DnsType): Promise<Exchanged> {
    const { servers, areTrusted, rounds } = this.#settings;
    const failed = new Set<object>();
    let last: Exchanged = { kind: "silent", why: "there is no name server to ask" };
    for (let round = 0; round < rounds; round++) {
      const timeoutMs = this.#settings.timeoutMs * 2 ** round;
      for (const server of servers) {
        if (failed.has(server)) continue;
        last = await exchange(server, { name, type }, { asksAuthentic: areTrusted, timeoutMs });
        if (last.kind === "answer") return last;
        if (last.kind !== "silent") failed.add(server);
      }
    }
    return last;
  }
}

function causeOf(answer: Exclude<Exchanged, { readonly kind: "answer" }>): Error {
  switch (answer.kind) {
    case "failure":
      return new Error(`name server failed: ${answer.rcode}`);
    case "truncated":
      return new Error("name server sent an answer that was cut");
    case "malformed":
    case "silent":
      return new Error(`name server: ${answer.why}`);
    default:
      return unreachable(answer);
  }
}
