/**
 * What a report gives back of the original: all of it, or its header.
 *
 * Source: RFC 3461 §4.3, §6.2 (RET); RFC 6522 §3, §4; RFC 6533 §4 to §6; RFC 2046 §5.2.1
 * (a returned message is never encoded).
 */
import { isUtf8 } from "node:buffer";
import { encodeQuotedPrintable } from "#protocols/mail/quoted-printable.ts";
import type { Form } from "./printable.ts";
import { isPlain } from "./plain-lines.ts";
import { transferClassOf } from "./transfer-class.ts";

export type Returned =
  | {
      readonly kind: "header";
      /** The header of the original, or its beginning; may be empty. */
      readonly header: Uint8Array;
      /** It may have UTF-8 (RFC 6531). */
      readonly utf8: boolean;
      /** Why it is not the message that was asked for; "" if it was not. */
      readonly instead: "" | "too-large" | "not-text" | "unreadable";
    }
  /** The text of the original comes behind `ReportText.before`. */
  | { readonly kind: "message"; readonly is8bit: boolean; readonly utf8: boolean };

const SENTENCES = {
  "": "The header of your message is attached.",
  "too-large": "Your message is too large to be returned: only its header is attached.",
  "not-text": "Your message cannot be returned in a mail: only its header is attached.",
  unreadable: "Your message could not be read any more, so nothing of it is attached.",
} as const;

export function enclosedSentence(returned: Returned): string {
  if (returned.kind === "message") return "Your message is attached.";
  return SENTENCES[returned.instead];
}

export interface ReturnedPart {
  /** Lines of its MIME header. */
  readonly header: readonly string[];
  /** Empty for a message. */
  readonly body: Uint8Array;
}

export function returnedPart(returned: Returned, form: Form): ReturnedPart {
  if (returned.kind === "message") {
    const header = [
      "Content-Description: Message",
      `Content-Type: message/${returned.utf8 ? "global" : "rfc822"}`,
      ...(returned.is8bit ? ["Content-Transfer-Encoding: 8bit"] : []),
    ];
    return { header, body: new Uint8Array(0) };
  }
  const { header, utf8 } = returned;
  const description = [
    "Content-Description: Message headers",
    `Content-Type: ${utf8 && !isPlain(header) ? "message/global-headers" : "text/rfc822-headers"}`,
  ];
  if (isPlain(header)) return { header: description, body: header };
  if (form === "utf8" && utf8 && isUtf8(header) && transferClassOf(header) !== "binary") {
    return { header: [...description, "Content-Transfer-Encoding: 8bit"], body: header };
  }
  return {
    header: [...description, "Content-Transfer-Encoding: quoted-printable"],
    body: Buffer.from(encodeQuotedPrintable(header), "latin1"),
  };
}
