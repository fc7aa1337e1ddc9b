/**
 * The Received header that a server puts before a message it takes.
 *
 * Whatever a client chose (its HELO name, its reverse name, the recipient) is cut
 * to printable ASCII and bounded here, whatever was checked before: nothing that
 * a peer says can end the header and begin another. A hidden source leaves out
 * the whole "from" part and its fold, which OpenSMTPD leaves empty.
 *
 * Source: RFC 5321 §4.4 (trace information); RFC 3848 (protocol words).
 */
import { formatDate } from "./date.ts";

/** Lines stay below RFC 5322's 998 octets even with three such parts in one. */
const MAX_PART_LENGTH = 255;

export interface TraceSource {
  readonly helo: string;
  /** Reverse name, or `<unknown>`. */
  readonly hostname: string;
  /** Address in text form, or "local". */
  readonly address: string;
}

export interface Trace {
  /** undefined hides it (`mask-src`). */
  readonly source: TraceSource | undefined;
  readonly serverName: string;
  readonly protocol: "SMTP" | "ESMTP" | "LMTP";
  readonly msgid: string;
  /** The recipient if there is just one; with more, naming them would tell each of the others. */
  readonly forwardPath: string | undefined;
  readonly atWallMs: number;
}

/** The header with its final CRLF. */
export function formatReceived(trace: Trace): string {
  const { source } = trace;
  const from =
    source === undefined
      ? ""
      : `from ${part(source.helo)} (${part(source.hostname)} ${bracketed(part(source.address))})\r\n\t`;
  const by = `by ${part(trace.serverName)} (Postrider) with ${trace.protocol} id ${trace.msgid}`;
  const recipient = trace.forwardPath === undefined ? "" : `\r\n\tfor <${path(trace.forwardPath)}>`;
  return `Received: ${from}${by}${recipient};\r\n\t${formatDate(trace.atWallMs)} (UTC)\r\n`;
}

/** RFC 5321 §4.1.3: an IPv6 literal carries its tag. */
function bracketed(address: string): string {
  return address.includes(":") ? `[IPv6:${address}]` : `[${address}]`;
}

function part(text: string): string {
  return text.slice(0, MAX_PART_LENGTH).replace(/[^!-~]/g, "?");
}

/** A path may have spaces, in a quoted local part, and two parts of full length. */
function path(text: string): string {
  return text.slice(0, 2 * MAX_PART_LENGTH + 1).replace(/[^ -~]/g, "?");
}
