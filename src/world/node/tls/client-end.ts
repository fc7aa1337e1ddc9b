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
import type { Secured, TlsFault } from "#base/ports/tls.ts";
import { unwrapSocket, wrapSocket } from "#world/node/connection.ts";
import { factsOf, fault, groupOf, handshakeFault, peerOf } from "./facts.ts";

export interface ClientEnd {
  readonly context: SecureContext;
  readonly serverName: string;
  readonly asksForName: boolean;
}

export function connectTls(
  connection: Connection,
  { context, serverName, asksForName }: ClientEnd,
  timeoutMs: number,
): Promise<Secured | TlsFault> {
  const { socket, ends } = unwrapSocket(connection);
  const { promise, resolve } = Promise.withResolvers<Secured | TlsFault>();
  const secured: TLSSocket = connect({
    socket,
    secureContext: context,
    host: serverName,
    // RFC 6066 §3: an address is no name to ask for.
    servername: asksForName && isIP(serverName) === 0 ? serverName : "",
    rejectUnauthorized: false,
    checkServerIdentity: checkNames,
  });
  const fail = (why: TlsFault): void => {
    clearTimeout(timer);
    secured.destroy();
    resolve(why);
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
    const peer = peerOf(secured, () =>
      secured.authorized ? undefined : String(codeOf(secured.authorizationError)),
    );
    const own = { group: groupOf(secured), identity: "", peer };
    const facts = { ...factsOf(secured, own), serverName };
    resolve({ kind: "secured", connection: wrapSocket(secured, ends), facts });
  });
  return promise;
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
