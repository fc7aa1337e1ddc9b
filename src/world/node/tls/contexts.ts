/**
 * Settings of the port as contexts of the library: one for each certificate.
 *
 * Node knows the lowest and the highest version; gaps are options of OpenSSL, as are
 * the server's own order of ciphers, no renegotiation, and no compression.
 */
import { constants, createHash } from "node:crypto";
import {
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  Server,
} from "node:tls";
import type {
  TlsClientOptions,
  TlsIdentity,
  TlsOffer,
  TlsServerOptions,
  TlsVersionName,
} from "#base/ports/tls.ts";
import type { Candidate } from "#policy/tls/choose-certificate.ts";
import { candidateOf, isKeyOf } from "./certificates.ts";

/** How long a session may be taken up again; the key of tickets changes about as often. */
const SESSION_TIMEOUT_SECONDS = 7200;
/** What OpenSSL takes for the context of a session. */
const SESSION_CONTEXT_LENGTH = 32;

const WITHOUT: Readonly<Record<TlsVersionName, number>> = {
  TLSv1: constants.SSL_OP_NO_TLSv1,
  "TLSv1.1": constants.SSL_OP_NO_TLSv1_1,
  "TLSv1.2": constants.SSL_OP_NO_TLSv1_2,
  "TLSv1.3": constants.SSL_OP_NO_TLSv1_3,
};

/** A certificate that can be shown. */
export interface Shown extends Candidate {
  readonly name: string;
  readonly context: SecureContext;
  /** Never listens: it holds what Node asks a server for, as the stapled response. */
  readonly server: Server;
}

/** @throws {Error} of the library, if something of `identity` or `options` is not usable. */
export function serverContext(identity: TlsIdentity, options: TlsServerOptions): Shown {
  const { offer, clients, tickets } = options;
  const certificate = candidateOf(identity.certificate);
  // The library keeps keys of two kinds apart, and does not miss one.
  if (!isKeyOf(identity)) throw new TypeError("the key is not that of the certificate");
  let secureOptions =
    constants.SSL_OP_CIPHER_SERVER_PREFERENCE |
    constants.SSL_OP_NO_RENEGOTIATION |
    constants.SSL_OP_NO_COMPRESSION;
  // Whose certificate was checked is checked anew each time, by what counts then.
  const resumes = tickets !== undefined && clients === undefined;
  if (!resumes) secureOptions |= constants.SSL_OP_NO_TICKET;
  const settings: SecureContextOptions = {
    ...offered(offer, secureOptions),
    cert: identity.certificate,
    key: identity.key,
    ...(clients !== undefined && clients !== "system" && { ca: clients.pem }),
    ...(offer.dhe === "auto" && { dhparam: "auto" }),
    sessionIdContext: sessionContext(tickets?.context ?? "", identity.name),
    sessionTimeout: SESSION_TIMEOUT_SECONDS,
    ...(resumes && { ticketKeys: Buffer.from(tickets.key) }),
  };
  const server = new Server(settings);
  const { staple } = options;
  if (staple !== undefined) {
    server.on("OCSPRequest", (_certificate, _issuer, answer) => {
      const response = staple(identity.name);
      answer(null, response === undefined ? null : Buffer.from(response));
    });
  }
  return { ...certificate, name: identity.name, context: createSecureContext(settings), server };
}

/** @throws {Error} of the library, if something of `options` is not usable. */
export function clientContext(options: TlsClientOptions): SecureContext {
  const { offer, authorities, identity } = options;
  return createSecureContext({
    ...offered(offer, constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION),
    ...(authorities !== "system" && { ca: authorities.pem }),
    ...(identity !== undefined && { cert: identity.certificate, key: identity.key }),
  });
}

function offered(offer: TlsOffer, others: number): SecureContextOptions {
  const [lowest] = offer.versions;
  const highest = offer.versions.at(-1);
  if (lowest === undefined || highest === undefined)
    throw new TypeError("no version of TLS is left to offer");
  let secureOptions = others;
  for (const [version, option] of Object.entries(WITHOUT) as [TlsVersionName, number][]) {
    if (!offer.versions.includes(version)) secureOptions |= option;
  }
  return {
    minVersion: lowest,
    maxVersion: highest,
    ciphers: [offer.suites, offer.ciphers].filter((names) => names !== "").join(":"),
    ecdhCurve: offer.groups,
    secureOptions,
  };
}

function sessionContext(context: string, name: string): string {
  const digest = createHash("sha256").update(`${context}\n${name}`).digest("hex");
  return digest.slice(0, SESSION_CONTEXT_LENGTH);
}
