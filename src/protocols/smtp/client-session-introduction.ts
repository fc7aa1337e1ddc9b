/**
 * How a client session becomes ready for mail: the greeting, EHLO, STARTTLS and EHLO
 * again, AUTH.
 *
 * What the server said before TLS counts for nothing after it (RFC 3207 §4.2), and a
 * reply that came before the handshake is taken for none that was asked for under it.
 * Credentials are sent under TLS alone. Where TLS or credentials are needed nobody falls
 * back to HELO, which offers neither.
 *
 * Source: RFC 5321 §3.1, §3.2; RFC 3207; RFC 4954 §4; OpenSMTPD mta_session.c.
 */
import { unreachable } from "#base/unreachable.ts";
import { continueExchange, startExchange } from "#protocols/sasl/client-exchange.ts";
import { breakOff, leave, refuseSession } from "./client-session-ending.ts";
import { type Extensions, NO_EXTENSIONS, parseExtensions } from "./client-session-extensions.ts";
import {
  type ClientSession,
  type ClientTransition,
  type Greeted,
  type Introducing,
  type Introduction,
  isIntermediate,
  isPositive,
  ready,
} from "./client-session-state.ts";
import { type ClientFault, protocolFault } from "./client-session-verdict.ts";
import type { ReceivedReply } from "./reply-parser.ts";

type Phase<Name extends ClientSession["phase"]> = Extract<ClientSession, { phase: Name }>;

const LOOP: ClientFault = { kind: "loop", message: "Mail for this host loops back to us" };
const STARTTLS_READY = 220;

/** The reply to what the session has said last. */
export function takeIntroduction(session: Introducing, reply: ReceivedReply): ClientTransition {
  switch (session.phase) {
    case "greeting":
      return takeGreeting(session, reply);
    case "hello":
      return takeHello(session, reply);
    case "starttls":
      return takeStartTls(session, reply);
    case "auth":
      return takeAuthReply(session, reply);
    case "securing":
      throw new TypeError("Cannot take a reply: none is owed in a handshake");
    default:
      return unreachable(session);
  }
}

function takeGreeting(session: Phase<"greeting">, reply: ReceivedReply): ClientTransition {
  if (!isPositive(reply)) return refuseSession("BANNER", reply);
  // RFC 5321 §4.2, §4.3.1: the greeting begins with the server's name.
  const name = reply.lines[0]?.split(" ", 1)[0]?.toLowerCase();
  if (name === session.ownName?.toLowerCase() && name !== undefined) return breakOff(session, LOOP);
  return sayHello(session, session.dialect === "lmtp" ? "LHLO" : "EHLO");
}

function sayHello(
  { dialect, helo, tls, credentials }: Introduction,
  verb: Phase<"hello">["verb"],
): ClientTransition {
  return [
    { phase: "hello", dialect, helo, tls, credentials, verb },
    { type: "send", commands: `${verb} ${helo}\r\n` },
  ];
}

function takeHello(session: Phase<"hello">, reply: ReceivedReply): ClientTransition {
  const { verb, tls, credentials } = session;
  if (isPositive(reply)) {
    const extensions = verb === "HELO" ? NO_EXTENSIONS : parseExtensions(reply);
    return takeOffer(session, extensions);
  }
  // RFC 5321 §3.2: a server that refuses EHLO for good may still know HELO.
  const mayFallBack = tls !== "required" && credentials === undefined;
  if (verb === "EHLO" && reply.code >= 500 && mayFallBack) return sayHello(session, "HELO");
  return refuseSession(verb, reply);
}

function takeOffer(session: Phase<"hello">, extensions: Extensions): ClientTransition {
  const { tls, credentials, dialect } = session;
  const wantsTls = tls === "if-offered" || tls === "required";
  if (wantsTls && extensions.startTls) {
    return [
      { ...introductionOf(session), phase: "starttls" },
      { type: "send", commands: "STARTTLS\r\n" },
    ];
  }
  if (tls === "required") {
    const message = "TLS is required, and the server does not offer it";
    return leave("STARTTLS", { kind: "no-tls", message });
  }
  const greeted = { dialect, tls, extensions };
  if (credentials === undefined) return becomeReady(greeted);
  if (tls !== "encrypted" && tls !== "proven")
    return leave("AUTH", authFault("Refuse to AUTH over insecure channel"));
  const started = startExchange(extensions.authMechanisms, credentials);
  if (typeof started === "string") return leave("AUTH", authFault(started));
  const { line, shown, exchange } = started;
  return [
    { ...greeted, phase: "auth", exchange },
    { type: "send-secret", line: `${line}\r\n`, shown },
  ];
}

function takeStartTls(session: Phase<"starttls">, reply: ReceivedReply): ClientTransition {
  if (reply.code === STARTTLS_READY) {
    return [{ ...introductionOf(session), phase: "securing" }, { type: "secure" }];
  }
  if (reply.code < 400) {
    return breakOff(session, protocolFault(`Server answered STARTTLS with ${reply.code}`));
  }
  return refuseSession("STARTTLS", reply);
}

/** The handshake is done: all begins anew, but for the greeting (RFC 3207 §4.2). */
export function takeSecured(session: Phase<"securing">, isProven: boolean): ClientTransition {
  const secured = { ...session, tls: isProven ? "proven" : "encrypted" } as const;
  return sayHello(secured, session.dialect === "lmtp" ? "LHLO" : "EHLO");
}

function takeAuthReply(session: Phase<"auth">, reply: ReceivedReply): ClientTransition {
  if (reply.code >= 400) return refuseSession("AUTH", reply);
  const step = continueExchange(session.exchange, isIntermediate(reply) ? reply.lines[0] : "done");
  switch (step.kind) {
    case "authenticated":
      return becomeReady(session);
    case "respond": {
      const line = `${step.response}\r\n`;
      return [
        { ...session, exchange: step.exchange },
        { type: "send-secret", line, shown: "(...)" },
      ];
    }
    case "failed":
      return breakOff(session, authFault(step.why));
    default:
      return unreachable(step);
  }
}

function becomeReady(greeted: Greeted): ClientTransition {
  return [ready(greeted), { type: "ready", extensions: greeted.extensions }];
}

function introductionOf({ dialect, helo, tls, credentials }: Introduction): Introduction {
  return { dialect, helo, tls, credentials };
}

function authFault(message: string): ClientFault {
  return { kind: "auth", message };
}
