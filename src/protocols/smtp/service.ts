/**
 * What a server says of itself: greeting, the extensions after EHLO, HELP, and
 * why it ends a session. Also the rules that a session goes by.
 *
 * Extensions come in OpenSMTPD's order (smtp_session.c) with PIPELINING, which it lacks.
 *
 * Source: RFC 5321 §4.2, §4.1.1.1; RFC 1869 names; RFC 2034 §4 (no enhanced code
 * on the greeting and on the answer to EHLO).
 */
import type { Hello } from "./command.ts";
import { type Extensions, extensionLines } from "./extensions.ts";
import type { Reply } from "./reply.ts";

/** What a session may do about authentication at the moment. */
export interface AuthRules {
  /** Names of SASL mechanisms, in the order preferred; none where AUTH is not offered. */
  readonly mechanisms: readonly string[];
  /** MAIL is refused until the client has shown who it is. */
  readonly isRequired: boolean;
  /** Who it has shown to be, or "". */
  readonly user: string;
}

/** A listener without `auth`. */
export const NO_AUTH: AuthRules = Object.freeze({ mechanisms: [], isRequired: false, user: "" });

/**
 * TLS of a session at the moment: "none" is not offered, "required" is offered and without
 * it no mail is taken; "secured" is under way.
 */
export type TlsRules = "none" | "offered" | "required" | "secured";

/** How one listener serves: its name, its protocol, its limits. */
export interface ServiceRules {
  readonly serverName: string;
  readonly protocol: "smtp" | "lmtp";
  /** The client as the answer to EHLO names it: `[192.0.2.1]`, `[2001:db8::1]`, `[local]`. */
  readonly clientAddress: string;
  readonly maxMessageBytes: number;
  readonly maxRecipients: number;
  readonly maxMails: number;
  /** With this many refused commands since the last accepted message the session ends. */
  readonly maxBadCommands: number;
  /** With this many refused recipients since then it ends too. */
  readonly maxUnknownRecipients: number;
  /** With more than this many commands that move nothing on between messages the session ends. */
  readonly maxIdleCommands: number;
  /** With this many attempts to authenticate that failed the session ends. */
  readonly maxFailedLogins: number;
  readonly auth: AuthRules;
  readonly tls: TlsRules;
  readonly extensions: Extensions;
}

/** The first reply of a session. */
export function greetingReply(rules: ServiceRules): Reply {
  const protocol = rules.protocol === "lmtp" ? "LMTP" : "ESMTP";
  return { code: 220, enhanced: undefined, text: `${rules.serverName} ${protocol} Postrider` };
}

export function helloReply(hello: Hello, rules: ServiceRules): Reply {
  const first = `${rules.serverName} Hello ${hello.domain} ${rules.clientAddress}, pleased to meet you`;
  const text =
    hello.verb === "HELO"
      ? first
      : [
          first,
          "8BITMIME",
          "ENHANCEDSTATUSCODES",
          `SIZE ${rules.maxMessageBytes}`,
          ...(rules.extensions.dsn ? ["DSN"] : []),
          ...(offersTls(rules) ? ["STARTTLS"] : []),
          ...(offersAuth(rules) ? [`AUTH ${rules.auth.mechanisms.join(" ")}`] : []),
          "PIPELINING",
          ...extensionLines(rules.extensions, rules),
          "HELP",
        ];
  return { code: 250, enhanced: undefined, text };
}

export function offersTls({ tls }: ServiceRules): boolean {
  return tls === "offered" || tls === "required";
}

/** RFC 4954 §3: not offered again to who has authenticated. */
function offersAuth({ auth }: ServiceRules): boolean {
  return auth.mechanisms.length > 0 && auth.user === "";
}

export function helpReply(rules: ServiceRules): Reply {
  const verbs = [
    rules.protocol === "lmtp" ? "LHLO" : "HELO EHLO",
    ...(offersTls(rules) ? ["STARTTLS"] : []),
    ...(offersAuth(rules) ? ["AUTH"] : []),
    "MAIL RCPT DATA",
    ...(rules.extensions.chunking ? ["BDAT"] : []),
    "RSET NOOP VRFY HELP QUIT",
  ];
  const text = [
    "This is Postrider",
    `Commands: ${verbs.join(" ")}`,
    "To report trouble, write to the postmaster of this site",
    "End of HELP info",
  ];
  return { code: 214, enhanced: "2.0.0", text };
}

/** 421: the service ends the session. RFC 5321 §4.2.3 puts the domain first. */
export function serviceReply(rules: ServiceRules, enhanced: string, why: string): Reply {
  return { code: 421, enhanced, text: `${rules.serverName} ${why}` };
}
