/**
 * What an operator has blocked of the relaying: sources from which nothing goes to a domain.
 * The parent keeps it, so that it outlives any child; a new start of the daemon does not have it.
 */
import { isIpv4, isIpv6 } from "#base/ip-address.ts";
import { MAX_NAME_BYTES } from "#model/envelope.ts";
import { type ControlAnswer, done, failed } from "#model/ipc/control-link.ts";
import { MAX_BLOCKS, type RelayBlock } from "#model/relay-report.ts";

export class RelayBlocks {
  readonly #changed: (blocks: readonly RelayBlock[]) => void;
  #blocks: readonly RelayBlock[] = [];

  /** @param changed is told all that there are now. */
  constructor(changed: (blocks: readonly RelayBlock[]) => void) {
    this.#changed = changed;
  }

  get all(): readonly RelayBlock[] {
    return this.#blocks;
  }

  block(asked: RelayBlock): ControlAnswer {
    const block = plainBlock(asked);
    if (typeof block === "string") return failed(block);
    if (this.#blocks.some((each) => isSame(each, block))) return failed("already paused");
    if (this.#blocks.length >= MAX_BLOCKS) return failed(`there are ${MAX_BLOCKS} already`);
    return this.#set([...this.#blocks, block]);
  }

  unblock(asked: RelayBlock): ControlAnswer {
    const block = plainBlock(asked);
    if (typeof block === "string") return failed(block);
    const left = this.#blocks.filter((each) => !isSame(each, block));
    return left.length === this.#blocks.length ? failed("already running") : this.#set(left);
  }

  /** `SOURCE -> DOMAIN`, as OpenSMTPD has it. */
  *rows(): Generator<ControlAnswer> {
    for (const block of this.#blocks) {
      const { source, domain } = block;
      const line = `${source} -> ${domain === "" ? "*" : domain}`;
      yield { kind: "row", line, json: JSON.stringify(block) };
    }
  }

  #set(blocks: readonly RelayBlock[]): ControlAnswer {
    this.#blocks = blocks;
    this.#changed(blocks);
    return done();
  }
}

/** The string says what is wrong with it. */
function plainBlock({ source, domain }: RelayBlock): RelayBlock | string {
  if (!isIpv4(source) && !isIpv6(source)) return "no such address";
  if (Buffer.byteLength(domain) > MAX_NAME_BYTES) return "the domain is too long";
  return { source: source.toLowerCase(), domain: domain.toLowerCase() };
}

function isSame(one: RelayBlock, other: RelayBlock): boolean {
  return one.source === other.source && one.domain === other.domain;
}
