/**
 * One mail transaction as the queue will see it: the sender, the recipients that
 * were accepted with the envelopes planned for them, and what is made of these
 * when a message comes: its trace header, its envelope ids, its stored form.
 */
import type { LocalUser } from "#base/endpoint.ts";
import type { Random } from "#base/ports/random.ts";
import { formatDate } from "#protocols/mail/date.ts";
import type { HeaderEdits } from "#protocols/mail/header-editor.ts";
import { formatReceived, type TraceUser } from "#protocols/mail/received.ts";
import type { Hello, Mail, Rcpt } from "#protocols/smtp/command.ts";
import type { Hold, MailOptions } from "#protocols/smtp/mail-options.ts";
import { NO_RCPT_OPTIONS } from "#protocols/smtp/rcpt-options.ts";
import {
  type Envelope,
  MAX_ENVELOPES,
  type Message,
  type Origin,
  type Terms,
} from "#model/envelope.ts";
import { randomEvpid, randomSessionId } from "#model/ids.ts";
import type { PlannedEnvelope } from "#model/resolution.ts";
import type { IncomingMessage } from "./incoming-message.ts";
import type { Service } from "./service.ts";

/** All envelopes of a message cross to the queue in one frame, of 64 MiB with its text. */
const MAX_ENVELOPE_BYTES: number = 48 * 1024 * 1024;
/** Of an envelope, and of a step of its trail, besides their texts (model/envelope.ts). */
const FIXED_ENVELOPE_BYTES = 64;
const FIXED_STEP_BYTES = 16;

interface Recipient {
  readonly rcpt: Rcpt;
  readonly envelopes: readonly PlannedEnvelope[];
}

/** What the trace header tells of the session. */
interface TraceSession {
  readonly hello: Hello | undefined;
  readonly origin: Origin;
  readonly localUser: LocalUser | undefined;
  readonly serverName: string;
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

  /** Octets of the envelopes that were added, as they are stored. */
  get heldBytes(): number {
    return this.#envelopeBytes;
  }

  /** Adds a recipient; false if the message would get more envelopes than the queue takes. */
  add(rcpt: Rcpt, envelopes: readonly PlannedEnvelope[]): boolean {
    if (this.#envelopeCount + envelopes.length > MAX_ENVELOPES) return false;
    let bytes = this.#envelopeBytes;
    for (const envelope of envelopes) bytes += frameBytes(rcpt, envelope);
    if (bytes > MAX_ENVELOPE_BYTES) return false;
    this.#envelopeBytes = bytes;
    this.#envelopeCount += envelopes.length;
    this.#recipients.push({ rcpt, envelopes });
    return true;
  }

  /** Whether the text is octets rather than lines. */
  get isBinary(): boolean {
    return this.#mail.options.body === "binary";
  }

  get mayBeUtf8(): boolean {
    return this.#mail.options.utf8;
  }

  /** The header that goes before the message, in bytes that the caller owns. */
  traceHeader(msgid: string, { hello, origin, localUser, serverName }: TraceSession): Uint8Array {
    const { listener, clock } = this.#service;
    const isUtf8 = this.#mail.options.utf8;
    const [first, second] = this.#recipients;
    const header = formatReceived({
      source: listener.maskSource ? undefined : origin,
      serverName,
      user: listener.maskSource ? undefined : traceUser(localUser),
      protocol: {
        base: listener.protocol === "lmtp" ? "LMTP" : "SMTP",
        isExtended: hello?.verb !== "HELO",
        isUtf8,
        isAuthenticated: origin.username !== "",
      },
      tls: origin.tls,
      // OpenSMTPD discloses it under TLS alone; a socket of this machine is as safe.
      username: listener.receivedAuth ? origin.username : undefined,
      msgid,
      forwardPath: second === undefined ? first?.rcpt.forwardPath : undefined,
      atWallMs: clock.wallMs(),
    });
    return Buffer.from(header, isUtf8 ? "utf8" : "latin1");
  }

  /** What is completed in the headers of a client of our own. */
  headerEdits(serverName: string): HeaderEdits {
    const { listener, clock, random } = this.#service;
    return {
      domain: serverName,
      date: formatDate(clock.wallMs()),
      messageId: `<${randomSessionId(random)}@${serverName}>`,
      sender: listener.senders?.masquerade === true ? this.reversePath : undefined,
    };
  }

  /** The message as the queue keeps it. */
  message({ submission, writtenBytes, hasUtf8Header }: IncomingMessage, origin: Origin): Message {
    const acceptedAtMs = this.#service.clock.wallMs();
    const { options } = this.#mail;
    return {
      msgid: submission.msgid,
      acceptedAtMs,
      reversePath: this.reversePath,
      origin,
      textBytes: writtenBytes,
      is8bit: options.body !== "7bit",
      terms: termsOf(options, { acceptedAtMs, utf8: hasUtf8Header || this.#hasUtf8Path() }),
    };
  }

  /** Many clients say SMTPUTF8 wherever it is offered: that is no need of it. */
  #hasUtf8Path(): boolean {
    if (!this.#mail.options.utf8) return false;
    return !isAscii(this.reversePath) || this.#recipients.some(({ rcpt }) => !rcpt.isAscii);
  }

  /** The envelopes under their final ids, which differ within the message. */
  envelopes(msgid: string): readonly Envelope[] {
    const { random } = this.#service;
    const { deliverBy, hold } = this.#mail.options;
    const maxTtlMs = deliverBy?.mode === "return" ? deliverBy.seconds * 1000 : Infinity;
    const nowMs = this.#service.clock.wallMs();
    // The time to deliver it in begins with its release.
    const holdMs = hold === undefined ? 0 : Math.max(holdUntilMs(hold, nowMs) - nowMs, 0);
    const taken = new Set<string>();
    const envelopes: Envelope[] = [];
    for (const { rcpt, envelopes: planned } of this.#recipients) {
      const { forwardPath } = rcpt;
      const terms = rcpt.options === NO_RCPT_OPTIONS ? undefined : rcpt.options;
      for (const plan of planned) {
        const evpid = freshEvpid(random, msgid, taken);
        // RFC 2852 §4.1.2: what is not delivered by then goes back.
        const ttlMs = Math.min(plan.ttlMs + holdMs, maxTtlMs);
        envelopes.push({ ...plan, ttlMs, forwardPath, terms, evpid });
      }
    }
    return envelopes;
  }
}

function traceUser(user: LocalUser | undefined): TraceUser | undefined {
  if (user === undefined) return undefined;
  return { uid: user.uid, name: user.name.kind === "found" ? user.name.value : undefined };
}

function holdUntilMs(hold: Hold, nowMs: number): number {
  return hold.kind === "until" ? hold.atMs : nowMs + hold.seconds * 1000;
}

/** Most clients say a size and whether there is 8-bit text, and nothing more. */
function asksMore(options: MailOptions): boolean {
  const { requireTls, returns, envelopeId, deliverBy, hold } = options;
  return (
    requireTls ||
    options.body === "binary" ||
    returns !== undefined ||
    envelopeId !== "" ||
    deliverBy !== undefined ||
    hold !== undefined ||
    options.priority !== 0
  );
}

/**
 * What a client asked for with MAIL, from times that it gave to moments.
 *
 * @param known what is known of the message by now; `utf8`: it needs SMTPUTF8.
 */
function termsOf(
  options: MailOptions,
  known: { readonly acceptedAtMs: number; readonly utf8: boolean },
): Terms | undefined {
  const { acceptedAtMs: nowMs, utf8 } = known;
  if (!utf8 && !asksMore(options)) return undefined;
  const { body, requireTls, returns, envelopeId, deliverBy, hold, priority } = options;
  return {
    isBinary: body === "binary",
    utf8,
    tls: requireTls ? "required" : "by-policy",
    returns,
    envelopeId,
    deliverBy: deliverBy && {
      atMs: Math.max(nowMs + deliverBy.seconds * 1000, 0),
      mode: deliverBy.mode,
      trace: deliverBy.trace,
    },
    holdUntilMs: hold === undefined ? 0 : holdUntilMs(hold, nowMs),
    priority,
  };
}

/** What an envelope takes in a frame, at most. */
function frameBytes({ forwardPath, options }: Rcpt, envelope: PlannedEnvelope): number {
  const { destination, action, transport, rule, trail } = envelope;
  let bytes = FIXED_ENVELOPE_BYTES + utf8Bytes(forwardPath) + utf8Bytes(destination);
  bytes += utf8Bytes(action) + utf8Bytes(rule) + utf8Bytes(options.originalRecipient);
  if (transport.kind === "mda") {
    bytes += utf8Bytes(transport.user) + utf8Bytes(transport.extension);
    bytes += utf8Bytes(transport.listed?.text ?? "");
  }
  for (const { source, key, rule: by } of trail) {
    bytes += FIXED_STEP_BYTES + utf8Bytes(source) + utf8Bytes(key) + utf8Bytes(by);
  }
  return bytes;
}

function isAscii(text: string): boolean {
  return /^[ -~]*$/.test(text);
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
