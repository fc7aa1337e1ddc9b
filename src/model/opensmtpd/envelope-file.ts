/**
 * An envelope file of OpenSMTPD's queue, format 3: lines `field: value`, fields without a value left
 * out. A field that is not known makes the file one that nobody should guess at, as it does there.
 *
 * The text is what lies on a disk that others wrote: bounded, and never trusted.
 *
 * Source: OpenSMTPD envelope.c (envelope_ascii_load, envelope_ascii_dump).
 */

/** Its structure in memory has a few KiB; an error line adds at most one. */
export const MAX_ENVELOPE_FILE_BYTES: number = 64 * 1024;
const VERSION = "3";

export type EnvelopeType = "mta" | "mda" | "bounce";
export type EnvelopeFlag = "authenticated" | "bounce" | "internal";

export interface OpenSmtpdEnvelope {
  /** Name of the action. */
  readonly dispatcher: string;
  readonly type: EnvelopeType;
  readonly tag: string;
  /** Our own name in the session. */
  readonly smtpname: string;
  readonly helo: string;
  /** The client's reverse name. */
  readonly hostname: string;
  readonly username: string;
  readonly errorline: string;
  /** `192.0.2.1`, `[2001:db8::1]` or `local`. */
  readonly sockaddr: string;
  /** `user@domain`; `@` is the null sender. */
  readonly sender: string;
  readonly rcpt: string;
  readonly dest: string;
  /** Seconds since 1970. */
  readonly ctime: number;
  /** The same; 0: never. */
  readonly lastTry: number;
  /** The same: when the sender was last told of a delay. */
  readonly lastBounce: number;
  /** Seconds; 0: that of the configuration. */
  readonly ttl: number;
  /** A count. */
  readonly retry: number;
  readonly flags: readonly EnvelopeFlag[];
  /** Bits: 1 success, 2 failure, 4 delay, 8 never; 0: nothing was said. */
  readonly dsnNotify: number;
  readonly dsnRet: "HDRS" | "FULL" | "";
  readonly dsnEnvid: string;
  readonly dsnOrcpt: string;
  /** Of the last error: 2, 4 or 5, and subject × 10 + detail; 0: none. */
  readonly escClass: number;
  readonly escCode: number;
  /** A command of an alias or forward file. */
  readonly mdaExec: string;
  readonly mdaSubaddress: string;
  readonly mdaUser: string;
}

export type EnvelopeReading =
  | { readonly kind: "envelope"; readonly envelope: OpenSmtpdEnvelope }
  | { readonly kind: "refused"; readonly why: string };

/** How each field is written; those of a bounce that is not yet written say how it is to be worded. */
const FIELDS: Readonly<Record<string, keyof OpenSmtpdEnvelope | "version" | "of a bounce">> = {
  version: "version",
  dispatcher: "dispatcher",
  tag: "tag",
  type: "type",
  smtpname: "smtpname",
  helo: "helo",
  hostname: "hostname",
  username: "username",
  errorline: "errorline",
  sockaddr: "sockaddr",
  sender: "sender",
  rcpt: "rcpt",
  dest: "dest",
  ctime: "ctime",
  "last-try": "lastTry",
  "last-bounce": "lastBounce",
  ttl: "ttl",
  retry: "retry",
  flags: "flags",
  "dsn-notify": "dsnNotify",
  "dsn-ret": "dsnRet",
  "dsn-envid": "dsnEnvid",
  "dsn-orcpt": "dsnOrcpt",
  "esc-class": "escClass",
  "esc-code": "escCode",
  "mda-exec": "mdaExec",
  "mda-subaddress": "mdaSubaddress",
  "mda-user": "mdaUser",
  "bounce-ttl": "of a bounce",
  "bounce-delay": "of a bounce",
  "bounce-type": "of a bounce",
};

/** Left out where they are 0. */
const OMITTED_AS_ZERO: ReadonlySet<string> = new Set(["dsn-notify", "esc-class", "esc-code"]);

/** Reads the text of a file. */
export function readEnvelopeFile(text: string): EnvelopeReading {
  const fields = fieldsOf(text);
  if (typeof fields === "string") return refused(fields);
  const version = fields.get("version") ?? "missing";
  if (version !== VERSION) {
    // What stands there is a stranger's: only what can be a version is repeated.
    const shown = /^[a-z0-9.]{1,20}$/u.test(version) ? version : "unreadable";
    return refused(`its version is ${shown}, not ${VERSION}`);
  }
  const read = new FieldReader(fields);
  const envelope: OpenSmtpdEnvelope = {
    dispatcher: read.text("dispatcher"),
    type: read.oneOf("type", ["mta", "mda", "bounce"]),
    tag: read.text("tag"),
    smtpname: read.text("smtpname"),
    helo: read.text("helo"),
    hostname: read.text("hostname"),
    username: read.text("username"),
    errorline: read.text("errorline"),
    sockaddr: read.text("sockaddr"),
    sender: read.address("sender"),
    rcpt: read.address("rcpt"),
    dest: read.address("dest"),
    ctime: read.number("ctime"),
    lastTry: read.number("last-try"),
    lastBounce: read.number("last-bounce"),
    ttl: read.number("ttl"),
    retry: read.number("retry"),
    flags: read.flags(),
    dsnNotify: read.number("dsn-notify"),
    dsnRet: read.optionOf("dsn-ret", ["HDRS", "FULL"]),
    dsnEnvid: read.text("dsn-envid"),
    dsnOrcpt: read.text("dsn-orcpt"),
    escClass: read.number("esc-class"),
    escCode: read.number("esc-code"),
    mdaExec: read.text("mda-exec"),
    mdaSubaddress: read.text("mda-subaddress"),
    mdaUser: read.text("mda-user"),
  };
  return read.fault === undefined ? { kind: "envelope", envelope } : refused(read.fault);
}

/** The text of a file that OpenSMTPD reads. */
export function formatEnvelopeFile(envelope: OpenSmtpdEnvelope): string {
  const lines = [`version: ${VERSION}`];
  for (const [name, field] of Object.entries(FIELDS)) {
    if (field === "version" || field === "of a bounce") continue;
    const value = envelope[field];
    const text = Array.isArray(value) ? value.join(" ") : String(value);
    if (text === "" || (value === 0 && OMITTED_AS_ZERO.has(name))) continue;
    // What a client called itself may hold anything: a line stays a line.
    lines.push(`${name}: ${text.replaceAll(/\p{Cc}/gu, "?")}`);
  }
  return `${lines.join("\n")}\n`;
}

function refused(why: string): EnvelopeReading {
  return { kind: "refused", why };
}

/** By their names; a string says what is wrong, and repeats nothing of what stands there. */
function fieldsOf(text: string): ReadonlyMap<string, string> | string {
  if (text.length > MAX_ENVELOPE_FILE_BYTES) return "it is too long";
  if (!text.endsWith("\n")) return "its last line has no end";
  const fields = new Map<string, string>();
  for (const [index, line] of text.slice(0, -1).split("\n").entries()) {
    const match = /^([a-z-]+): ?(\P{Cc}*)$/u.exec(line);
    const [, name = "", value = ""] = match ?? [];
    if (match === null) return `line ${index + 1} is not 'field: value'`;
    if (!Object.hasOwn(FIELDS, name)) return `line ${index + 1} has an unknown field`;
    if (fields.has(name)) return `line ${index + 1} has ${name} once more`;
    fields.set(name, value);
  }
  return fields;
}

/** Reads field after field; the first fault is kept. */
class FieldReader {
  readonly #fields: ReadonlyMap<string, string>;
  fault: string | undefined;

  constructor(fields: ReadonlyMap<string, string>) {
    this.#fields = fields;
  }

  text(name: string): string {
    return this.#fields.get(name) ?? "";
  }

  number(name: string): number {
    const text = this.#fields.get(name) ?? "0";
    if (!/^[0-9]{1,15}$/u.test(text)) this.#wrong(name);
    return Number(text);
  }

  address(name: string): string {
    const text = this.text(name);
    if (!text.includes("@") || / /u.test(text)) this.#wrong(name);
    return text;
  }

  oneOf<const Word extends string>(name: string, words: readonly [Word, ...Word[]]): Word {
    const found = this.optionOf(name, words);
    if (found !== "") return found;
    this.#wrong(name);
    return words[0];
  }

  optionOf<const Word extends string>(name: string, words: readonly Word[]): Word | "" {
    const text = this.text(name);
    const found = words.find((word) => word === text);
    if (found === undefined && text !== "") this.#wrong(name);
    return found ?? "";
  }

  flags(): readonly EnvelopeFlag[] {
    const flags: EnvelopeFlag[] = [];
    for (const word of this.text("flags").split(" ")) {
      if (word === "authenticated" || word === "bounce" || word === "internal") flags.push(word);
      // "enqueued" is of versions before, and means nothing any more.
      else if (word !== "" && word !== "enqueued") this.#wrong("flags");
    }
    return flags;
  }

  #wrong(name: string): void {
    this.fault ??= `its ${name} cannot be read`;
  }
}
