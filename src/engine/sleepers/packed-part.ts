/**
 * How envelopes of one message that wait are packed: about a hundred bytes for one with its
 * message. What many have in common (origin, what the rules decided, the words of a dead
 * host) stands there by number, and as a whole when its numbers are used up.
 *
 * In a part: what the scheduler asks first, the message, which can be passed over, and the
 * envelopes. A field of `EnvelopeRecord` that must outlive the wait is packed here
 * (sleepers.test.ts compares).
 */
import type { ByteReader } from "#base/byte-reader.ts";
import type { ByteWriter } from "#base/byte-writer.ts";
import { hex32 } from "#base/hex.ts";
import {
  type Message,
  NO_TRAIL,
  type Origin,
  originCodec,
  recipientTermsCodec,
  termsCodec,
  trailCodec,
  type Transport,
} from "#model/envelope.ts";
import {
  EnvelopeRecord,
  expiresAtMs,
  type LastWords,
  MessageRecord,
  type Plan,
} from "#engine/scheduler/record.ts";
import { CountedValues, NO_NUMBER } from "./counted-values.ts";
import { BARE_KINDS, bareKind, bareTransport, ORIGINS, PLANS, WORDS } from "./shared-parts.ts";

/** Values of one kind that have numbers at once; few queues have as many. */
const MAX_ORIGINS = 4096;
const MAX_PLANS = 4096;
const MAX_WORDS = 4096;

/** Who reads: "look" leaves the part as it is, "take" gives up its share of what has a number. */
export type Reading = "look" | "take";

/** Where the first envelope of a part goes; the others go the same way, or did. */
export interface Way {
  /** The number of the configuration by which they go one way. */
  readonly configuration: number;
  readonly plan: Plan;
  readonly destination: string;
  readonly expiresAtMs: number;
  readonly dueMs: number;
  readonly isSuspended: boolean;
  /** Of its message. */
  readonly level: number;
  /** How many go there together. */
  readonly envelopes: number;
}

const OTHER_DESTINATION = 1;
const HAS_TRAIL = 2;
const WAS_TRIED = 4;
const HAS_WORDS = 8;
const HAS_TERMS = 16;
const HAS_GRACE = 32;
const WAS_WARNED = 64;
const IS_SUSPENDED = 128;

/** Levels are from -19 to 18. */
const LEVEL_OFFSET = 128;

const IS_8BIT = 1;
const HAS_MESSAGE_TERMS = 2;

export class PartPacking {
  readonly #origins = new CountedValues(MAX_ORIGINS, ORIGINS);
  readonly #plans = new CountedValues(MAX_PLANS, PLANS);
  readonly #words = new CountedValues(MAX_WORDS, WORDS);

  /**
   * `records` are of one message, which the caller knows by its id, and go one way by the
   * `configuration` of that number.
   */
  write(
    writer: ByteWriter,
    owner: MessageRecord,
    records: readonly EnvelopeRecord[],
    configuration: number,
  ): void {
    writer.f64(owner.acceptedAtMs);
    writer.f64(records.reduce((least, record) => Math.min(least, expiresAtMs(record)), Infinity));
    writer.u8(owner.level + LEVEL_OFFSET);
    writer.varint(configuration);
    const lengthAt = writer.length;
    writer.u32(0);
    this.#writeMessage(writer, owner.message);
    writer.setU32(lengthAt, writer.length - lengthAt - 4);
    writer.varint(records.length);
    for (const record of records) this.#writeEnvelope(writer, record);
  }

  /**
   * The envelopes; `known` is their message, if that is unpacked already. A part that is
   * taken must be forgotten: it has given up its share of what has a number.
   */
  read(
    reader: ByteReader,
    id: number,
    reading: Reading,
    known: MessageRecord | undefined,
  ): readonly EnvelopeRecord[] {
    const acceptedAtMs = reader.f64();
    reader.f64();
    reader.u8();
    reader.varint();
    reader.u32();
    const message = this.#readMessage(reader, id, reading);
    const owner = known ?? new MessageRecord(message, acceptedAtMs, []);
    const length = reader.varint();
    const records: EnvelopeRecord[] = [];
    for (let at = 0; at < length; at++) records.push(this.#readEnvelope(reader, owner, reading));
    return records;
  }

  way(reader: ByteReader): Way {
    reader.f64();
    const expiry = reader.f64();
    const level = reader.u8() - LEVEL_OFFSET;
    const configuration = reader.varint();
    reader.skip(reader.u32());
    const envelopes = reader.varint();
    const flags = reader.u8();
    const dueMs = reader.f64();
    reader.u32();
    const plan = this.#readPlan(reader, flags, "look");
    const forwardPath = readText(reader);
    const destination = flags & OTHER_DESTINATION ? readText(reader) : forwardPath;
    const isSuspended = (flags & IS_SUSPENDED) !== 0;
    return {
      configuration,
      plan,
      destination,
      expiresAtMs: expiry,
      dueMs,
      isSuspended,
      level,
      envelopes,
    };
  }

  #writeEnvelope(writer: ByteWriter, record: EnvelopeRecord): void {
    const { forwardPath, destination, terms, plan, lastWords } = record;
    const flags =
      (destination === forwardPath ? 0 : OTHER_DESTINATION) |
      (plan.trail.length === 0 ? 0 : HAS_TRAIL) |
      (record.lastTryAtWallMs === 0 ? 0 : WAS_TRIED) |
      (lastWords === undefined ? 0 : HAS_WORDS) |
      (terms === undefined ? 0 : HAS_TERMS) |
      (record.graceUntilMs === 0 ? 0 : HAS_GRACE) |
      (record.warnedMs === 0 ? 0 : WAS_WARNED) |
      (record.state === "suspended" ? IS_SUSPENDED : 0);
    writer.u8(flags);
    writer.f64(record.dueMs);
    writer.u32(record.id >>> 0);
    this.#writePlan(writer, plan);
    writer.text(forwardPath);
    if (flags & OTHER_DESTINATION) writer.text(destination);
    writer.varint(record.retryCount);
    if (flags & WAS_TRIED) writer.f64(record.lastTryAtWallMs);
    if (lastWords !== undefined) this.#writeWords(writer, lastWords);
    if (terms !== undefined) recipientTermsCodec.write(writer, terms);
    if (flags & HAS_GRACE) writer.f64(record.graceUntilMs);
    if (flags & WAS_WARNED) writer.f64(record.warnedMs);
  }

  #readEnvelope(reader: ByteReader, owner: MessageRecord, reading: Reading): EnvelopeRecord {
    const flags = reader.u8();
    const dueMs = reader.f64();
    const id = reader.u32() | 0;
    const plan = this.#readPlan(reader, flags, reading);
    const forwardPath = readText(reader);
    const destination = flags & OTHER_DESTINATION ? readText(reader) : forwardPath;
    const retryCount = reader.varint();
    const lastTryAtWallMs = flags & WAS_TRIED ? reader.f64() : 0;
    const lastWords = flags & HAS_WORDS ? this.#readWords(reader, reading) : undefined;
    const terms = flags & HAS_TERMS ? recipientTermsCodec.read(reader) : undefined;
    const record = new EnvelopeRecord(owner, id, { forwardPath, destination, terms }, plan);
    record.state = flags & IS_SUSPENDED ? "suspended" : "waiting";
    record.dueMs = dueMs;
    record.retryCount = retryCount;
    record.lastTryAtWallMs = lastTryAtWallMs;
    record.lastWords = lastWords;
    if (flags & HAS_GRACE) record.graceUntilMs = reader.f64();
    if (flags & WAS_WARNED) record.warnedMs = reader.f64();
    return record;
  }

  #writePlan(writer: ByteWriter, plan: Plan): void {
    const { action, transport, rule, trail, ttlMs } = plan;
    const number = this.#plans.use(plan);
    writer.varint(number);
    if (number === NO_NUMBER) {
      writer.u8(BARE_KINDS.indexOf(bareKind(transport)));
      for (const each of [action, rule]) writer.text(each);
      writer.varint(ttlMs);
    }
    if (transport.kind === "mda") {
      writer.text(transport.user);
      writer.text(transport.extension);
      if (transport.listed !== undefined) writer.text(transport.listed.text);
    }
    if (trail.length > 0) trailCodec.write(writer, trail);
  }

  #readPlan(reader: ByteReader, flags: number, reading: Reading): Plan {
    const number = reader.varint();
    const shared = number === NO_NUMBER ? readBarePlan(reader) : this.#plans.get(number);
    if (reading === "take" && number !== NO_NUMBER) this.#plans.leave(number);
    const isMda = shared.transport.kind === "mda";
    if (!isMda && !(flags & HAS_TRAIL)) return shared;
    const transport = readTransport(reader, shared.transport);
    const trail = flags & HAS_TRAIL ? trailCodec.read(reader) : NO_TRAIL;
    return { ...shared, transport, trail };
  }

  #writeWords(writer: ByteWriter, words: LastWords): void {
    const { status, diagnostic, remote, limit } = words;
    const number = this.#words.use(words);
    writer.varint(number);
    if (number !== NO_NUMBER) return;
    for (const each of [status, diagnostic, remote, limit]) writer.text(each);
  }

  #readWords(reader: ByteReader, reading: Reading): LastWords {
    const number = reader.varint();
    if (number === NO_NUMBER) {
      return {
        status: readText(reader),
        diagnostic: readText(reader),
        remote: readText(reader),
        limit: readText(reader),
      };
    }
    const words = this.#words.get(number);
    if (reading === "take") this.#words.leave(number);
    return words;
  }

  #writeMessage(writer: ByteWriter, message: Message): void {
    const { acceptedAtMs, reversePath, origin, textBytes, is8bit, terms } = message;
    const number = this.#origins.use(origin);
    writer.u8((is8bit ? IS_8BIT : 0) | (terms === undefined ? 0 : HAS_MESSAGE_TERMS));
    writer.varint(acceptedAtMs);
    writer.text(reversePath);
    writer.varint(number);
    if (number === NO_NUMBER) originCodec.write(writer, origin);
    writer.varint(textBytes);
    if (terms !== undefined) termsCodec.write(writer, terms);
  }

  #readMessage(reader: ByteReader, id: number, reading: Reading): Message {
    const flags = reader.u8();
    return {
      msgid: hex32(id),
      acceptedAtMs: reader.varint(),
      reversePath: readText(reader),
      origin: this.#readOrigin(reader, reading),
      textBytes: reader.varint(),
      is8bit: (flags & IS_8BIT) !== 0,
      terms: flags & HAS_MESSAGE_TERMS ? termsCodec.read(reader) : undefined,
    };
  }

  #readOrigin(reader: ByteReader, reading: Reading): Origin {
    const number = reader.varint();
    if (number === NO_NUMBER) return originCodec.read(reader);
    const origin = this.#origins.get(number);
    if (reading === "take") this.#origins.leave(number);
    return origin;
  }
}

/** What `shared` stands for, with what is of one envelope alone. */
function readTransport(reader: ByteReader, shared: Transport): Transport {
  if (shared.kind === "mta") return shared;
  const local = { kind: "mda", user: readText(reader), extension: readText(reader) } as const;
  const { listed } = shared;
  return listed === undefined
    ? local
    : { ...local, listed: { kind: listed.kind, text: readText(reader) } };
}

function readBarePlan(reader: ByteReader): Plan {
  const transport = bareTransport(BARE_KINDS[reader.u8()] ?? "mta");
  const action = readText(reader);
  const rule = readText(reader);
  return { action, transport, rule, trail: NO_TRAIL, ttlMs: reader.varint() };
}

function readText(reader: ByteReader): string {
  return reader.utf8(reader.varint());
}
