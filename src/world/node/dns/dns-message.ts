/**
 * Messages of the DNS: one question out, what it is answered with back.
 *
 * Promises: no input throws. Names cannot loop (a pointer leads backwards only), nor have
 * more than 255 octets; a chain of aliases has MAX_ALIASES. An answer counts only if its
 * number and its question are those that were asked: what else comes is none.
 *
 * Here alone the package is used that reads and writes the octets.
 *
 * Source: RFC 1035 §4; RFC 5452 §9.1 (what an answer must match); RFC 6840 §5.7 (AD in a
 * query); RFC 6891 (EDNS).
 */
import { Buffer } from "node:buffer";
import { type Answer, AUTHENTIC_DATA, decode, encode, RECURSION_DESIRED } from "dns-packet";

export type DnsType = "A" | "AAAA" | "CNAME" | "MX" | "PTR" | "TLSA" | "TXT";

export interface DnsQuestion {
  /** In ASCII, without a final dot. */
  readonly name: string;
  readonly type: DnsType;
}

export interface QueryOptions {
  readonly id: number;
  /** Whether to ask if the signatures were checked. */
  readonly asksAuthentic: boolean;
  /** Servers of old do not know EDNS. */
  readonly edns: boolean;
}

export type DnsRecord = Answer;

export type DnsResponse =
  /** Of something else: perhaps late, perhaps made up. */
  | { readonly kind: "foreign" }
  | { readonly kind: "malformed"; readonly why: string }
  | { readonly kind: "truncated" }
  /** SERVFAIL, REFUSED and the like, by their name. */
  | { readonly kind: "failure"; readonly rcode: string }
  | {
      readonly kind: "answer";
      readonly isAuthentic: boolean;
      readonly exists: boolean;
      /** Where the aliases end. */
      readonly owner: string;
      /** Of the type asked for. */
      readonly records: readonly DnsRecord[];
    };

/** What an answer in one datagram may have: it crosses any link in one piece. (DNS Flag Day 2020.) */
const EDNS_BYTES = 1232;
/** RFC 1035 §4.1.1: the header, its flags, and where it counts what follows. */
const HEADER_BYTES = 12;
const RESPONSE = 0x8000;
const TRUNCATED_RESPONSE = 0x0200;
const RCODE_MASK = 0xf;
const COUNTS_AT: readonly number[] = [4, 6, 8, 10];
/** Records of a message in all its sections. The most that is of use is a few tens. */
const MAX_RECORDS = 1000;
const MAX_ALIASES = 16;
const MAX_NAME_LENGTH = 253;
const MAX_LABEL_LENGTH = 63;

/** Whether the DNS can have it: anything else need not be asked for. (RFC 1035 §2.3.4.) */
export function isDnsName(name: string): boolean {
  if (name.length === 0 || name.length > MAX_NAME_LENGTH) return false;
  return name.split(".").every(({ length }) => length > 0 && length <= MAX_LABEL_LENGTH);
}

/** @param question has an `isDnsName`. */
export function encodeQuery(
  { name, type }: DnsQuestion,
  { id, asksAuthentic, edns }: QueryOptions,
): Uint8Array {
  return encode({
    type: "query",
    id,
    flags: RECURSION_DESIRED | (asksAuthentic ? AUTHENTIC_DATA : 0),
    questions: [{ type, name, class: "IN" }],
    ...(edns && { additionals: [{ ...EDNS, options: [] }] }),
  });
}

const EDNS = {
  type: "OPT",
  name: ".",
  udpPayloadSize: EDNS_BYTES,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
} as const;

export function parseResponse(bytes: Uint8Array, asked: DnsQuestion, id: number): DnsResponse {
  const message = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (message.length < HEADER_BYTES) return { kind: "foreign" };
  const flags = message.readUInt16BE(2);
  if ((flags & RESPONSE) === 0 || message.readUInt16BE(0) !== id) return { kind: "foreign" };
  // Before it is read: what was cut may end anywhere. Whoever makes that up gains a question by TCP.
  if ((flags & TRUNCATED_RESPONSE) !== 0) return { kind: "truncated" };
  const packet = decodeBounded(message);
  if (typeof packet === "string") return { kind: "malformed", why: packet };
  const rcode = rcodeOf(flags);
  if (!isAbout(packet, asked)) {
    // RFC 1035 §4.1.1: a server that could not read the question need not repeat it.
    const repeatsNone = packet.questions?.length === 0 && rcode === "FORMERR";
    return repeatsNone ? { kind: "failure", rcode } : { kind: "foreign" };
  }
  if (rcode !== "NOERROR" && rcode !== "NXDOMAIN") return { kind: "failure", rcode };
  const found = follow(packet.answers ?? [], asked);
  if (found === undefined) return { kind: "malformed", why: "an answer with endless aliases" };
  const isAuthentic = (flags & AUTHENTIC_DATA) !== 0;
  // RFC 6604 §2.1: the code is of where the aliases end; records say that a name exists.
  const exists = rcode === "NOERROR" || found.records.length > 0;
  return { kind: "answer", isAuthentic, exists, ...found };
}

/** The string says why it cannot be read. */
function decodeBounded(message: Buffer): ReturnType<typeof decode> | string {
  let records = 0;
  for (const at of COUNTS_AT) records += message.readUInt16BE(at);
  if (records > MAX_RECORDS) return `an answer with more than ${MAX_RECORDS} records`;
  try {
    return decode(message);
  } catch {
    // The library's words are about its buffers; what it read was cut short or no DNS.
    return "an answer that cannot be read";
  }
}

/** RFC 1035 §4.1.1, RFC 2136 §2.2. */
const RCODES: readonly string[] = [
  "NOERROR",
  "FORMERR",
  "SERVFAIL",
  "NXDOMAIN",
  "NOTIMP",
  "REFUSED",
];

function rcodeOf(flags: number): string {
  const code = flags & RCODE_MASK;
  return RCODES[code] ?? `code ${code}`;
}

function isAbout({ questions }: ReturnType<typeof decode>, asked: DnsQuestion): boolean {
  const [question, ...others] = questions ?? [];
  return (
    question !== undefined &&
    others.length === 0 &&
    question.type === asked.type &&
    dnsName(question.name).toLowerCase() === asked.name.toLowerCase()
  );
}

/** The records at the end of the aliases. Undefined: they do not end. */
function follow(
  answers: readonly DnsRecord[],
  { name, type }: DnsQuestion,
): { readonly owner: string; readonly records: readonly DnsRecord[] } | undefined {
  let owner = name;
  for (let step = 0; step <= MAX_ALIASES; step++) {
    const key = owner.toLowerCase();
    const own = answers.filter((record) => dnsName(record.name).toLowerCase() === key);
    const records = own.filter((record) => record.type === type);
    const alias = own.find((record) => record.type === "CNAME");
    if (records.length > 0 || alias?.type !== "CNAME") return { owner, records };
    owner = dnsName(alias.data);
  }
  return undefined;
}

/** As the other parts write names: the root is "", and no dot ends one. */
export function dnsName(name: string): string {
  return name.replace(/\.$/u, "");
}
