/**
 * Replies: what a server says to a command, as a value and as wire text.
 *
 * `formatReply` writes what the program itself composed; every line is at most
 * 512 octets (the caller's texts are bounded) and free of CR and LF: those, NUL
 * and everything else outside printable ASCII become "?", so that no text that
 * a client supplied can add a reply line of its own.
 *
 * Source: RFC 5321 §4.2 (replies), §4.5.3.1.5 (512 octets); RFC 2034 (enhanced codes).
 */

/** One reply. `enhanced` is as written, `2.1.5`; undefined where RFC 2034 §4 wants none. */
export interface Reply {
  readonly code: number;
  readonly enhanced: string | undefined;
  /** One text, or one for each line; never empty lists. */
  readonly text: readonly string[] | string;
}

/** RFC 5321 §4.5.3.1.5: 512 octets with CRLF; code, separator and the longest enhanced code take 14. */
const MAX_TEXT_LENGTH = 496;

/** The reply's lines, each ended by CRLF. */
export function formatReply(reply: Reply): string {
  const enhanced = reply.enhanced === undefined ? "" : `${reply.enhanced} `;
  if (typeof reply.text === "string")
    return `${reply.code} ${enhanced}${printable(reply.text)}\r\n`;
  let wire = "";
  const last = reply.text.length - 1;
  for (let at = 0; at <= last; at++) {
    const separator = at === last ? " " : "-";
    wire += `${reply.code}${separator}${enhanced}${printable(reply.text[at] ?? "")}\r\n`;
  }
  return wire;
}

/** The reply in one line, as a log shows it. */
export function replyLine(reply: Reply): string {
  const enhanced = reply.enhanced === undefined ? "" : `${reply.enhanced} `;
  const text = typeof reply.text === "string" ? reply.text : reply.text.join(" / ");
  return `${reply.code} ${enhanced}${printable(text)}`;
}

/** `text` in printable ASCII and bounded; the same string if it was already. */
function printable(text: string): string {
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x20 || unit > 0x7e) return printable(text.replace(/[^ -~]/g, "?"));
  }
  return text.length <= MAX_TEXT_LENGTH ? text : text.slice(0, MAX_TEXT_LENGTH);
}
