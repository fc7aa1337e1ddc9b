/**
 * TLS on connections that are open already, accepted or made.
 *
 * What may be spoken is decided elsewhere and comes as values; which library speaks is
 * known to the implementation alone. A handshake that fails is a value and has closed
 * the connection: nobody goes on in the clear.
 *
 * Whoever owned the connection before hears nothing of it from the moment it is given
 * here, not even its end; the secured one is not started.
 *
 * Source: RFC 8446; RFC 3207 (STARTTLS); RFC 6066 §3 (server name).
 */
import type { Connection } from "./network.ts";

/** Ascending, in the words of the protocol. */
export const TLS_VERSION_NAMES = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"] as const;
export type TlsVersionName = (typeof TLS_VERSION_NAMES)[number];

/** What one end is willing to speak. */
export interface TlsOffer {
  /** Ascending; at least one. */
  readonly versions: readonly TlsVersionName[];
  /** Ciphers in OpenSSL's words, for versions up to TLSv1.2; "" without one of those. */
  readonly ciphers: string;
  /** Suites of TLSv1.3, joined by ":"; "" without that version. */
  readonly suites: string;
  /** Groups in the order preferred, joined by ":". */
  readonly groups: string;
  /** Whether a cipher with a finite-field key exchange gets its parameters. */
  readonly dhe: "none" | "auto";
}

/** A certificate with what must be sent along, and its key; both PEM. */
export interface TlsIdentity {
  /** For complaints and logs. */
  readonly name: string;
  readonly certificate: string;
  readonly key: string;
}

/** Who vouches for a peer's certificate: these certificates (PEM), or what the system trusts. */
export type TlsAuthorities = "system" | { readonly pem: string };

/** Sessions that a client may take up again, at whichever process of the daemon it comes to. */
export interface TlsTickets {
  /** TLS_TICKET_KEY_BYTES, the same in all of them. */
  readonly key: Uint8Array;
  /** A session is taken up only where it began: differs between listeners. */
  readonly context: string;
}

export const TLS_TICKET_KEY_BYTES = 48;

export interface TlsServerOptions {
  readonly offer: TlsOffer;
  /** At least one; the first is shown to a client that none is for. */
  readonly identities: readonly TlsIdentity[];
  /** Undefined: clients are not asked for a certificate. */
  readonly clients: TlsAuthorities | undefined;
  readonly tickets: TlsTickets | undefined;
  /**
   * The OCSP response that goes with an identity, in DER, for a client that asks (RFC 6066 §8);
   * asked at each such handshake. Undefined, or left out: none goes.
   */
  readonly staple?: (identity: string) => Uint8Array | undefined;
}

export interface TlsClientOptions {
  readonly offer: TlsOffer;
  readonly authorities: TlsAuthorities;
  /** Shown to a server that asks. */
  readonly identity: TlsIdentity | undefined;
  /** Whether the server is told which name is meant (SNI); it is if left out. */
  readonly asksForName?: boolean;
}

/** The other end's certificate. */
export interface TlsPeer {
  /** Whether an authority vouches for it (and, of a server, for its name). */
  readonly verified: boolean;
  /** Why not, in a word of the library; "" if it is verified. */
  readonly why: string;
  /** `SHA256:` and hex of the certificate. */
  readonly fingerprint: string;
  /** The same of its public key (SubjectPublicKeyInfo). */
  readonly keyFingerprint: string;
  /** Host names and mail addresses that it is for; at most MAX_PEER_NAMES. */
  readonly names: readonly string[];
  /**
   * Its certificate and those that it sent along, each the issuer of the one before, for who
   * judges them himself; at most MAX_PEER_CHAIN. Costs as much as a part of the handshake.
   */
  readonly chain: () => readonly ChainCertificate[];
}

/** One certificate of a chain, with what must be asked of the library. */
export interface ChainCertificate {
  /** DER. */
  readonly certificate: Uint8Array;
  /** Its public key: SubjectPublicKeyInfo in DER. */
  readonly key: Uint8Array;
  /** DNS names of the extension, in lower case; at most MAX_PEER_NAMES. */
  readonly names: readonly string[];
  /** Now is within its dates. */
  readonly isCurrent: boolean;
  /** It says that it may sign others. */
  readonly isAuthority: boolean;
  /** The next one in the chain, if there is one, has signed it. */
  readonly isSignedByNext: boolean;
}

export const MAX_PEER_NAMES = 64;
/** OpenSSL's own bound is 100; chains in use have four at most. */
export const MAX_PEER_CHAIN = 10;

/** What was agreed on. */
export interface TlsFacts {
  readonly version: TlsVersionName;
  /** OpenSSL's name. */
  readonly cipher: string;
  /** Of the key of the cipher. */
  readonly bits: number;
  /** Where the library tells it. */
  readonly group: string | undefined;
  /** What a client asked for (SNI), in lower case. */
  readonly serverName: string | undefined;
  /** Of several, the identity that was shown; "" at a client. */
  readonly identity: string;
  readonly resumed: boolean;
  /** Undefined: the other end showed no certificate. */
  readonly peer: TlsPeer | undefined;
  /** RFC 9266: channel binding "tls-exporter"; undefined before TLSv1.3. */
  readonly exporter: () => Uint8Array | undefined;
}

export interface Secured {
  readonly kind: "secured";
  readonly connection: Connection;
  readonly facts: TlsFacts;
}

/** What a client has secured. */
export interface SecuredByClient extends Secured {
  /**
   * The server will do: from now on its session may be taken up again, by connections of the same
   * `resumeAs`. Called at most once, and before anything is written.
   */
  readonly approve: () => void;
}

export interface TlsFault {
  readonly kind: "tls-fault";
  /**
   * "no-tls": the peer does not speak it; "timeout"; "closed"; "resumption": a session was to be taken
   * up again, and a whole handshake may do better; "handshake": anything else.
   */
  readonly why: "no-tls" | "timeout" | "closed" | "resumption" | "handshake" | "settings";
  /** For the log: one line, of the library or of ours; holds no bytes of the peer. */
  readonly message: string;
}

/** The server's end for one listener, made ready once. */
export interface TlsServer {
  /** Never rejects. The connection is the caller's no more. */
  accept(connection: Connection, timeoutMs: number): Promise<Secured | TlsFault>;
}

export interface TlsConnectOptions {
  /** Sent as the name asked for, unless it is an address; `verified` says whether the certificate is for it. */
  readonly serverName: string;
  readonly timeoutMs: number;
  /**
   * Sessions are taken up again among connections of the same word alone, by which all that a
   * server is judged by must be the same. Undefined: each begins its own.
   */
  readonly resumeAs: string | undefined;
}

/** The client's end for one set of options, made ready once. */
export interface TlsClient {
  /**
   * Never rejects. The connection is the caller's no more. Of a session that is taken up again
   * the peer is what it was when it was last seen, `verified` included: the library would vouch for
   * any name then.
   */
  connect(connection: Connection, options: TlsConnectOptions): Promise<SecuredByClient | TlsFault>;
}

export interface Tls {
  /** A fault is one of the settings: a certificate that is none, a cipher that nobody knows. */
  server(options: TlsServerOptions): TlsServer | TlsFault;
  /** The same. */
  client(options: TlsClientOptions): TlsClient | TlsFault;
}
