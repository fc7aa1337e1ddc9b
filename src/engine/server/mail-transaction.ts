/**
 * One mail transaction as the queue will see it: the sender, the recipients that
 * were accepted with the envelopes planned for them, and what is made of these
 * when a message comes: its trace header, its envelope ids, its stored form.
 */
import type { Random } from "#base/ports/random.ts";
import { formatReceived } from "#protocols/mail/received.ts";
import type { Hello, Mail } from "#protocols/smtp/command.ts";
import { type Envelope, MAX_ENVELOPES, type Message, type Origin } from "#model/envelope.ts";
import { randomEvpid } from "#model/ids.ts";
import type { PlannedEnvelope } from "#model/resolution.ts";
import type { IncomingMessage } from "./incoming-message.ts";
import type { Service } from "./service.ts";

/** All envelopes of a message cross to the queue in one frame, of 64 MiB with its text. */
const MAX_ENVELOPE_BYTES: number = 48 * 1024 * 1024;
/** Of an envelope, and of a step of its trail, besides their texts (model/envelope.ts). */
const FIXED_ENVELOPE_BYTES = 64;
const FIXED_STEP_BYTES = 16;

interface Recipient {
  readonly forwardPath: string;
  readonly envelopes: readonly PlannedEnvelope[];
}

export class MailTransaction {
  readonly reversePath: string;
  readonly #mail: Mail;
  readonly #service: Service;
  readonly #recipients: Recipient[] = [];
  #envelopeCount = 0;
  #envelopeBytes = 0;

  constructor(mail: Mail, service: Service) {
    this.reversePath = mail.reversePath;
    this.#mail = mail;
    this.#service = service;
  }

  /** Adds a recipient; false if the message would get more envelopes than the queue takes. */
  add(forwardPath: string, envelopes: readonly PlannedEnvelope[]): boolean {
    if (this.#envelopeCount + envelopes.length > MAX_ENVELOPES) return false;
    let bytes = this.#envelopeBytes;
    for (const envelope of envelopes) bytes += frameBytes(forwardPath, envelope);
    if (bytes > MAX_ENVELOPE_BYTES) return false;
    this.#envelopeBytes = bytes;
    this.#envelopeCount += envelopes.length;
    this.#recipients.push({ forwardPath, envelopes });
    return true;
  }

  /** The header that goes before the message, in bytes that the caller owns. */
  traceHeader(msgid: string, hello: Hello | undefined, origin: Origin): Uint8Array {
    const { listener, clock, settings } = this.#service;
    const smtpWord = hello?.verb === "EHLO" ? "ESMTP" : "SMTP";
    const [first, second] = this.#recipients;
    const header = formatReceived({
      source: listener.maskSource ? undefined : origin,
      serverName: listener.hostname,
      protocol: settings.protocol === "lmtp" ? "LMTP" : smtpWord,
      msgid,
      forwardPath: second === undefined ? first?.forwardPath : undefined,
      atWallMs: clock.wallMs(),
    });
    return Buffer.from(header, "latin1");
  }

  /** The message as the queue keeps it. */
  message({ submission, writtenBytes }: IncomingMessage, origin: Origin): Message {
    return {
      msgid: submission.msgid,
      acceptedAtMs: this.#service.clock.wallMs(),
      reversePath: this.reversePath,
      origin,
      textBytes: writtenBytes,
      is8bit: this.#mail.is8bit,
    };
  }

  /** The envelopes under their final ids, which differ within the message. */
  envelopes(msgid: string): readonly Envelope[] {
    const { random } = this.#service;
    const taken = new Set<string>();
    const envelopes: Envelope[] = [];
    for (const { forwardPath, envelopes: planned } of this.#recipients) {
      for (const plan of planned) {
        envelopes.push({ ...plan, forwardPath, evpid: freshEvpid(random, msgid, taken) });
      }
    }
    return envelopes;
  }
}

/** What an envelope takes in a frame, at most. */
function frameBytes(forwardPath: string, envelope: PlannedEnvelope): number {
  const { destination, action, transport, rule, trail } = envelope;
  let bytes = FIXED_ENVELOPE_BYTES + utf8Bytes(forwardPath) + utf8Bytes(destination);
  bytes += utf8Bytes(action) + utf8Bytes(rule);
  if (transport.kind === "mda") bytes += utf8Bytes(transport.user) + utf8Bytes(transport.extension);
  for (const { source, key, rule: by } of trail) {
    bytes += FIXED_STEP_BYTES + utf8Bytes(source) + utf8Bytes(key) + utf8Bytes(by);
  }
  return bytes;
}

function utf8Bytes(text: string): number {
  return Buffer.byteLength(text);
}

function freshEvpid(random: Random, msgid: string, taken: Set<string>): string {
  for (;;) {
    const evpid = randomEvpid(random, msgid);
    if (taken.has(evpid)) continue;
    taken.add(evpid);
    return evpid;
  }
}
