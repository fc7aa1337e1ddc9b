/**
 * What many messages of a checkpoint have in common: it stands once in a block, and their
 * rows have its number. A queue of a million has some hundred clients, rules and dead hosts.
 */
import type { ByteReader } from "#base/byte-reader.ts";
import type { ByteWriter } from "#base/byte-writer.ts";
import { type Codec, decode, text, u53, union } from "#base/codec.ts";
import { type DeliveryResult, MAX_DIAGNOSTIC_BYTES, outcomeCodec } from "#model/delivery.ts";
import {
  type Envelope,
  MAX_NAME_BYTES,
  type Origin,
  originCodec,
  type TransportKind,
  transportKindCodec,
} from "#model/envelope.ts";

/** What the rules decided, without what may be of one envelope alone. */
export type Decision = Pick<Envelope, "action" | "rule" | "ttlMs"> & {
  readonly transport: TransportKind;
};

/** What was said at the last try. */
export type Words = Omit<DeliveryResult, "evpid">;

export type Shared =
  | { readonly kind: "origin"; readonly origin: Origin }
  | { readonly kind: "decision"; readonly decision: Decision }
  | { readonly kind: "words"; readonly words: Words };

const name = text(MAX_NAME_BYTES);
const diagnostic = text(MAX_DIAGNOSTIC_BYTES);

export const sharedCodec: Codec<Shared> = union<Shared>({
  origin: [1, { origin: originCodec }],
  decision: [
    2,
    { decision: { write: writeDecision, read: readDecision } satisfies Codec<Decision> },
  ],
  words: [3, { words: { write: writeWords, read: readWords } satisfies Codec<Words> }],
});

function writeDecision(writer: ByteWriter, decision: Decision): void {
  name.write(writer, decision.action);
  name.write(writer, decision.rule);
  u53.write(writer, decision.ttlMs);
  transportKindCodec.write(writer, decision.transport);
}

function readDecision(reader: ByteReader): Decision {
  return {
    action: name.read(reader),
    rule: name.read(reader),
    ttlMs: u53.read(reader),
    transport: transportKindCodec.read(reader),
  };
}

function writeWords(writer: ByteWriter, words: Words): void {
  outcomeCodec.write(writer, words.outcome);
  name.write(writer, words.status);
  diagnostic.write(writer, words.diagnostic);
  name.write(writer, words.remote);
}

function readWords(reader: ByteReader): Words {
  return {
    outcome: outcomeCodec.read(reader),
    status: name.read(reader),
    diagnostic: diagnostic.read(reader),
    remote: name.read(reader),
  };
}

/** Values that are remembered from block to block. */
const MAX_REMEMBERED = 10_000;

/** Decodes each value once: blocks of one checkpoint have much the same. */
export class SharedValues {
  #known = new Map<string, Shared>();

  /** Undefined if it does not decode. */
  read(encoded: Uint8Array): Shared | undefined {
    const key = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.length).toString("latin1");
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const decoded = decode(sharedCodec, encoded);
    if (decoded.kind === "decode-fault") return undefined;
    if (this.#known.size === MAX_REMEMBERED) this.#known = new Map();
    this.#known.set(key, decoded.value);
    return decoded.value;
  }
}
