/**
 * From OpenSMTPD's envelopes to ours, and back.
 *
 * What has no place there is left out of what is exported: the trail, the rule, TLS, FUTURERELEASE,
 * DELIVERBY, priorities, details of a status that have two digits. A command or file of a list
 * stands there for good; here the list is asked again. What has no place here is refused by name:
 * a bounce that OpenSMTPD had still to write, and a command that stood in an alias.
 *
 * Source: OpenSMTPD smtpd.h (struct envelope), esc.c (codes of the last error).
 */
import { RETURN_WORDS, returnsOf } from "#protocols/smtp/mail-options.ts";
import type { NotifyWord } from "#protocols/smtp/rcpt-options.ts";
import { encodeXtext } from "#protocols/smtp/xtext.ts";
import {
  type Envelope,
  type ListedDelivery,
  type Message,
  NO_TERMS,
  NO_TRAIL,
  type RecipientTerms,
  type Terms,
  UNKNOWN_HOSTNAME,
} from "#model/envelope.ts";
import type { EnvelopeFlag, OpenSmtpdEnvelope } from "./envelope-file.ts";

/** What a rule's place says of mail that no rule of ours took. */
const IMPORTED_RULE = "imported";

const NOTIFY_BITS: readonly (readonly [NotifyWord, number])[] = [
  ["success", 1],
  ["failure", 2],
  ["delay", 4],
  ["never", 8],
];

/** How far an envelope is: what both queues know of it. */
export interface EnvelopeProgress {
  readonly retryCount: number;
  /** 0 if it was never tried. */
  readonly lastTryAtMs: number;
  /** The delay that the sender was last told of; 0: of none. OpenSMTPD has the moment at which it was reached. */
  readonly warnedMs: number;
  /** RFC 3463, or "". */
  readonly status: string;
  readonly diagnostic: string;
}

export interface Imported {
  readonly envelope: Envelope;
  readonly progress: EnvelopeProgress;
}

/** One envelope; a string says why it cannot be taken. */
export function importEnvelope(
  evpid: string,
  theirs: OpenSmtpdEnvelope,
  defaultTtlMs: number,
): Imported | string {
  if (theirs.type === "bounce") return "it is a bounce that is not written yet";
  if (theirs.mdaExec !== "") return "it is for a command of an alias or forward file";
  if (theirs.dispatcher === "") return "it names no action";
  const { retry, lastTry, lastBounce, ctime, escClass, escCode, errorline } = theirs;
  const status = escClass === 0 ? "" : `${escClass}.${Math.trunc(escCode / 10)}.${escCode % 10}`;
  return {
    envelope: {
      evpid,
      forwardPath: theirs.rcpt,
      terms: recipientTerms(theirs),
      destination: theirs.dest,
      action: theirs.dispatcher,
      transport:
        theirs.type === "mta"
          ? { kind: "mta" }
          : { kind: "mda", user: theirs.mdaUser, extension: theirs.mdaSubaddress },
      rule: IMPORTED_RULE,
      trail: NO_TRAIL,
      ttlMs: theirs.ttl === 0 ? defaultTtlMs : theirs.ttl * 1000,
    },
    progress: {
      retryCount: retry,
      // It writes the count and the error of the first try without its time.
      lastTryAtMs: (lastTry === 0 && retry > 0 ? ctime : lastTry) * 1000,
      warnedMs: Math.max(lastBounce - ctime, 0) * 1000,
      status,
      diagnostic: errorline,
    },
  };
}

/** The message that the envelopes of one folder are of, by one of them. */
export function importMessage(
  msgid: string,
  theirs: OpenSmtpdEnvelope,
  text: { readonly bytes: number; readonly is8bit: boolean },
): Message {
  const { sender, sockaddr, flags, hostname, helo, tag, username, ctime } = theirs;
  const isOurs = flags.includes("bounce") || flags.includes("internal");
  const kind = sockaddr === "local" ? "local" : "smtp";
  return {
    msgid,
    acceptedAtMs: ctime * 1000,
    reversePath: sender === "@" ? "" : sender,
    origin: {
      kind: isOurs ? "internal" : kind,
      address: sockaddr.replace(/^\[(.*)\]$/u, "$1"),
      hostname: hostname === "" ? UNKNOWN_HOSTNAME : hostname,
      fcrdns: "error",
      helo,
      tag,
      username,
      tls: undefined,
    },
    textBytes: text.bytes,
    is8bit: text.is8bit,
    terms: messageTerms(theirs),
  };
}

/** One envelope as OpenSMTPD has it. */
export function exportEnvelope(
  message: Message,
  envelope: Envelope,
  progress: EnvelopeProgress,
  serverName: string,
): OpenSmtpdEnvelope {
  const { origin, terms } = message;
  const { transport } = envelope;
  return {
    dispatcher: envelope.action,
    type: transport.kind,
    tag: origin.tag,
    smtpname: serverName,
    helo: origin.helo,
    hostname: origin.hostname,
    username: origin.username,
    errorline: progress.diagnostic,
    sockaddr: origin.address.includes(":") ? `[${origin.address}]` : origin.address,
    sender: message.reversePath === "" ? "@" : message.reversePath,
    rcpt: envelope.forwardPath,
    dest: envelope.destination,
    ctime: seconds(message.acceptedAtMs),
    lastTry: seconds(progress.lastTryAtMs),
    lastBounce: lastBounceOf(message, progress),
    ttl: seconds(envelope.ttlMs),
    retry: progress.retryCount,
    flags: flagsOf(origin),
    dsnNotify: notifyBits(envelope.terms?.notify),
    dsnRet: terms?.returns === undefined ? "" : RETURN_WORDS[terms.returns],
    dsnEnvid: terms?.envelopeId ?? "",
    dsnOrcpt: envelope.terms?.originalRecipient ?? "",
    ...statusCodes(progress.status),
    mdaExec: transport.kind === "mda" ? mdaExec(transport.listed) : "",
    mdaSubaddress: transport.kind === "mda" ? transport.extension : "",
    mdaUser: transport.kind === "mda" ? transport.user : "",
  };
}

/** A command as it is; for a file the program that appends to it there. Both are formats there. */
function mdaExec(listed: ListedDelivery | undefined): string {
  if (listed === undefined) return "";
  return listed.kind === "pipe"
    ? listed.text
    : `/usr/libexec/mail.mboxfile -f %{mbox.from} ${listed.text}`;
}

/** Subject and detail are a digit each there: 5.7.26 would be read as 5.9.6, and so is 5.0.0. */
function statusCodes(status: string): Pick<OpenSmtpdEnvelope, "escClass" | "escCode"> {
  const [escClass = 0, subject = 0, detail = 0] = status.split(".").map(Number);
  return { escClass, escCode: subject < 10 && detail < 10 ? subject * 10 + detail : 0 };
}

function lastBounceOf({ acceptedAtMs }: Message, { warnedMs }: EnvelopeProgress): number {
  return warnedMs === 0 ? 0 : seconds(acceptedAtMs) + Math.ceil(warnedMs / 1000);
}

function flagsOf({ username, kind }: Message["origin"]): readonly EnvelopeFlag[] {
  const flags: EnvelopeFlag[] = [];
  if (username !== "") flags.push("authenticated");
  if (kind === "internal") flags.push("bounce");
  return flags;
}

function recipientTerms({ dsnNotify, dsnOrcpt }: OpenSmtpdEnvelope): RecipientTerms | undefined {
  if (dsnNotify === 0 && dsnOrcpt === "") return undefined;
  const words = NOTIFY_BITS.filter(([, bit]) => (dsnNotify & bit) !== 0).map(([word]) => word);
  const notify = dsnNotify === 0 ? undefined : words;
  return { notify, originalRecipient: originalRecipientOf(dsnOrcpt) };
}

/** Until 7.x it is written as an address, without its type and decoded; then as it was said (RFC 3461 §4.2). */
function originalRecipientOf(dsnOrcpt: string): string {
  if (dsnOrcpt === "" || /^[A-Za-z0-9-]+;/u.test(dsnOrcpt)) return dsnOrcpt;
  return `rfc822;${encodeXtext(dsnOrcpt)}`;
}

function messageTerms({ dsnRet, dsnEnvid }: OpenSmtpdEnvelope): Terms | undefined {
  if (dsnRet === "" && dsnEnvid === "") return undefined;
  return { ...NO_TERMS, returns: returnsOf(dsnRet), envelopeId: dsnEnvid };
}

function notifyBits(words: readonly NotifyWord[] | undefined): number {
  return NOTIFY_BITS.reduce(
    (sum, [word, bit]) => sum + (words?.includes(word) === true ? bit : 0),
    0,
  );
}

function seconds(ms: number): number {
  return Math.trunc(ms / 1000);
}
