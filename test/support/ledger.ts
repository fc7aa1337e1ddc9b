/**
 * The ledger of a load: what was sent, and what the server said 250 to.
 *
 * An acknowledged message is written to a file, with the hash of its body, before its
 * session sends the next, so that the file tells as much as the client knew whenever
 * the server or its disk was stopped. `tally` compares it with what arrived.
 */
import { hash } from "node:crypto";
import { closeSync, openSync, writeSync } from "node:fs";

/** One copy of a message, where it was delivered. */
export interface Arrival {
  /** Of the ledger; "" if the text names none. */
  readonly id: string;
  /** The server's name for it, from its Received field. */
  readonly msgid: string;
  readonly bodyHash: string;
}

/** What became of the messages of a ledger. Each list holds ids. */
export interface Tally {
  /** Acknowledged, and not there. */
  readonly lost: readonly string[];
  /** There with a body that was never sent. */
  readonly altered: readonly string[];
  /** Acknowledged, and there more than once. */
  readonly twice: readonly string[];
  /** Not acknowledged, but there: the 250 was on its way. */
  readonly unacknowledged: readonly string[];
  /** Not acknowledged, and there more than once. */
  readonly unacknowledgedTwice: readonly string[];
}

export class Ledger {
  /** Hash of the body, by id. */
  readonly #sent = new Map<string, string>();
  readonly #acknowledged = new Set<string>();
  readonly #fd: number;

  constructor(path: string) {
    this.#fd = openSync(path, "a");
  }

  /** Must be called before the first byte of the message is sent. */
  send(id: string, bodyHash: string): void {
    this.#sent.set(id, bodyHash);
  }

  acknowledge(id: string): void {
    writeSync(this.#fd, `${id} ${this.#sent.get(id)}\n`);
    this.#acknowledged.add(id);
  }

  /** All that was begun to be sent. */
  get sentIds(): Iterable<string> {
    return this.#sent.keys();
  }

  get acknowledgedCount(): number {
    return this.#acknowledged.size;
  }

  /** What is acknowledged now: taken before a disk is cut, since a 250 may race with the cut. */
  snapshot(): ReadonlySet<string> {
    return new Set(this.#acknowledged);
  }

  /** @param owed what must have arrived: all that is acknowledged, or an earlier snapshot. */
  tally(arrivals: readonly Arrival[], owed: ReadonlySet<string> = this.#acknowledged): Tally {
    const acknowledged = this.#acknowledged;
    const copies = Map.groupBy(arrivals, ({ id }) => id);
    const ids = [...copies.keys()];
    const isTwice = (id: string): boolean => (copies.get(id)?.length ?? 0) > 1;
    const unacknowledged = ids.filter((id) => !acknowledged.has(id));
    return {
      lost: [...owed].filter((id) => !copies.has(id)),
      altered: arrivals
        .filter(({ id, bodyHash }) => this.#sent.get(id) !== bodyHash)
        .map(({ id }) => id),
      twice: ids.filter((id) => acknowledged.has(id) && isTwice(id)),
      unacknowledged,
      unacknowledgedTwice: unacknowledged.filter(isTwice),
    };
  }

  close(): void {
    closeSync(this.#fd);
  }
}

const ID_FIELD = /^X-Ledger: (\S+)$/m;
const MSGID = /\bid ([0-9a-f]{8});$/m;

/** Reads a message as it was delivered, latin1, with either kind of line ends. */
export function arrivalOf(text: string): Arrival {
  const lines = text.replaceAll("\r\n", "\n");
  const bodyAt = lines.indexOf("\n\n") + 2;
  const header = lines.slice(0, bodyAt);
  const id = ID_FIELD.exec(header)?.[1] ?? "";
  const msgid = MSGID.exec(header)?.[1] ?? "";
  return { id, msgid, bodyHash: bodyHashOf(lines.slice(bodyAt)) };
}

/** `body` with LF at the end of its lines. */
export function bodyHashOf(body: string): string {
  return hash("sha256", Buffer.from(body, "latin1"));
}
