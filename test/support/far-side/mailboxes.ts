/**
 * Who has a mailbox at a domain, and when mail for it is taken: all its servers know the
 * same. A name says what becomes of mail for it, so that a test can be read.
 */

/** What is said of a recipient; undefined: welcome. */
export interface Refusal {
  readonly code: number;
  readonly words: string;
}

export interface Greylist {
  /** How long after its first try a triplet is put off. */
  readonly delayMs: number;
}

export class Mailboxes {
  readonly #greylist: Greylist | undefined;
  /** When each triplet came first. */
  readonly #firstMs = new Map<string, number>();

  constructor(greylist?: Greylist) {
    this.#greylist = greylist;
  }

  /**
   * What `client` is told of `forwardPath`: nobody is called `nobody…`, and there is no room
   * for `full…`. Others are taken, once the greylist knows their triplet (RFC 6647 §2.2).
   */
  refusalOf(
    client: string,
    reversePath: string,
    forwardPath: string,
    nowMs: number,
  ): Refusal | undefined {
    if (forwardPath.startsWith("nobody")) return { code: 550, words: "5.1.1 No such user" };
    if (forwardPath.startsWith("full")) return { code: 452, words: "4.2.2 Mailbox full" };
    if (this.#greylist === undefined) return undefined;
    const triplet = `${client} ${reversePath} ${forwardPath}`;
    const firstMs = this.#firstMs.get(triplet) ?? nowMs;
    this.#firstMs.set(triplet, firstMs);
    if (nowMs - firstMs >= this.#greylist.delayMs) return undefined;
    return { code: 451, words: "4.7.1 Greylisted, come back later" };
  }
}
