/** The client's end of a handshake, on a socket that was a connection. */
import { isIP } from "node:net";
import {
  checkServerIdentity,
  connect,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
} from "node:tls";
import type { Connection } from "#base/ports/network.ts";
import type {
  ChainCertificate,
  SecuredByClient,
  TlsConnectOptions,
  TlsFault,
  TlsPeer,
} from "#base/ports/tls.ts";
import { unwrapSocket, wrapSocket } from "#world/node/connection.ts";
import { type ClientSessions, KEPT_MS, type KeptSession } from "./client-sessions.ts";
import { factsOf, fault, groupOf, handshakeFault, peerOf } from "./facts.ts";

export interface ClientEnd {
  readonly context: SecureContext;
  readonly asksForName: boolean;
  readonly sessions: ClientSessions;
}

export function connectTls(
  connection: Connection,
  { context, asksForName, sessions }: ClientEnd,
  { serverName, timeoutMs, resumeAs }: TlsConnectOptions,
): Promise<SecuredByClient | TlsFault> {
  const { socket, ends } = unwrapSocket(connection);
  const { promise, resolve } = Promise.withResolvers<SecuredByClient | TlsFault>();
  const kept = resumeAs === undefined ? undefined : sessions.get(resumeAs, Date.now());
  const secured: TLSSocket = connect({
    socket,
    secureContext: context,
    host: serverName,
    // RFC 6066 §3: an address is no name to ask for.
    servername: asksForName && isIP(serverName) === 0 ? serverName : "",
    rejectUnauthorized: false,
    checkServerIdentity: checkNames,
    ...(kept && { session: kept.session }),
  });
  const keeping = resumeAs === undefined ? undefined : new Keeping(sessions, resumeAs);
  if (keeping !== undefined) secured.on("session", (session) => keeping.came(session));
  const fail = (why: TlsFault): void => {
    clearTimeout(timer);
    secured.destroy();
    if (kept !== undefined && resumeAs !== undefined) sessions.forget(resumeAs);
    resolve(kept === undefined ? why : whileResuming(why));
  };
  const timer = setTimeout(() => fail(fault("timeout", "no handshake in time")), timeoutMs);
  const onError = (error: Error): void => fail(handshakeFault(error));
  const onEnd = (): void => fail(handshakeFault(undefined));
  secured.on("error", onError);
  secured.on("close", onEnd);
  // Sockets are half-open: a peer that ends in the midst of it closes nothing by that.
  secured.on("end", onEnd);
  secured.once("secureConnect", () => {
    clearTimeout(timer);
    secured.off("error", onError);
    secured.off("close", onEnd);
    secured.off("end", onEnd);
    const seen =
      secured.isSessionReused() && kept !== undefined ? seenBefore(kept) : seenNow(secured);
    const own = { group: groupOf(secured), identity: "", peer: seen.peer };
    resolve({
      kind: "secured",
      connection: wrapSocket(secured, ends),
      facts: { ...factsOf(secured, own), serverName },
      approve: () => keeping?.approve(seen),
    });
  });
  return promise;
}

/** What a server showed, and how long that counts. */
interface Seen {
  readonly peer: TlsPeer | undefined;
  readonly untilMs: () => number;
  /** Without the socket, and so with no chain that nobody has asked for until now. */
  readonly lasting: () => TlsPeer | undefined;
}

function seenBefore({ peer, untilMs }: KeptSession): Seen {
  return { peer, untilMs: () => untilMs, lasting: () => peer };
}

function seenNow(secured: TLSSocket): Seen {
  const peer = peerOf(secured, () =>
    secured.authorized ? undefined : String(codeOf(secured.authorizationError)),
  );
  let asked: readonly ChainCertificate[] | undefined;
  return {
    peer: peer && { ...peer, chain: () => (asked ??= peer.chain()) },
    untilMs() {
      const validToMs = secured.getPeerX509Certificate()?.validToDate.getTime() ?? Infinity;
      return Math.min(Date.now() + KEPT_MS, validToMs);
    },
    lasting() {
      const chain = asked ?? [];
      return peer && { ...peer, chain: () => chain };
    },
  };
}

/** Keeps what a server gives to be taken up again, once it is known that the server will do. */
class Keeping {
  readonly #sessions: ClientSessions;
  readonly #name: string;
  #last: Buffer | undefined;
  #seen: Omit<KeptSession, "session"> | undefined;

  constructor(sessions: ClientSessions, name: string) {
    this.#sessions = sessions;
    this.#name = name;
  }

  came(session: Buffer): void {
    if (this.#seen === undefined) this.#last = session;
    else this.#sessions.keep(this.#name, { session, ...this.#seen });
  }

  approve({ lasting, untilMs }: Seen): void {
    this.#seen = { peer: lasting(), untilMs: untilMs() };
    if (this.#last !== undefined) this.came(this.#last);
  }
}

/** The peer may have stumbled over the session. */
function whileResuming(why: TlsFault): TlsFault {
  return why.why === "closed" || why.why === "handshake" ? { ...why, why: "resumption" } : why;
}

/** RFC 9525 §2, RFC 8461 §4.2: a name in the subject is none; Node takes it where there is no other. */
function checkNames(serverName: string, certificate: PeerCertificate): Error | undefined {
  return checkServerIdentity(serverName, { ...certificate, subject: NO_SUBJECT });
}

const NO_SUBJECT: PeerCertificate["subject"] = { C: "", ST: "", L: "", O: "", OU: "", CN: "" };

/** Node gives the word, or the error that has it. */
function codeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : error;
}
