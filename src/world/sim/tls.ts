/**
 * Make-believe TLS: the changes of state of the real one and none of its secrets.
 *
 * Each end sends one record that says what it offers or has chosen; from then on bytes
 * go as they are. A peer that sends anything else does not speak TLS. Certificates
 * are names, not PEM: `names=a.example,*.b.example` is one for these, `broken` is
 * none, and an authority vouches for the certificates whose text it contains.
 */
import { createHash } from "node:crypto";
import type { Clock } from "#base/ports/clock.ts";
import { type Connection, type ConnectionHandler, DEAF } from "#base/ports/network.ts";
import {
  type Secured,
  type SecuredByClient,
  type Tls,
  type TlsAuthorities,
  type TlsClientOptions,
  type TlsFacts,
  type TlsFault,
  type TlsIdentity,
  type TlsOffer,
  type TlsPeer,
  type TlsServerOptions,
  TLS_VERSION_NAMES,
  type TlsVersionName,
} from "#base/ports/tls.ts";
import { SimConnection } from "./connection.ts";

/** As in the real one: a handshake record begins with it. */
const HANDSHAKE_RECORD = 22;
const HEADER_BYTES = 3;

interface Hello {
  readonly versions: readonly TlsVersionName[];
  readonly serverName: string | undefined;
  readonly certificate: string | undefined;
}

interface Answer {
  readonly version: TlsVersionName | undefined;
  readonly identity: string;
  readonly certificate: string;
}

export class SimTls implements Tls {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  server(options: TlsServerOptions): ReturnType<Tls["server"]> {
    const broken = options.identities.find(({ certificate }) => certificate === "broken");
    if (broken !== undefined)
      return fault("settings", `${broken.name}: there is no certificate in it`);
    return {
      accept: async (connection, timeoutMs) => {
        const hello = await this.#receive<Hello>(connection, timeoutMs);
        return "kind" in hello ? hello : accepted(simulated(connection), options, hello);
      },
    };
  }

  client(options: TlsClientOptions): ReturnType<Tls["client"]> {
    if (options.identity?.certificate === "broken")
      return fault("settings", `${options.identity.name}: there is no certificate in it`);
    return {
      connect: (connection, { serverName, timeoutMs }) =>
        this.#connect(connection, { ...options, serverName }, timeoutMs),
    };
  }

  async #connect(
    connection: Connection,
    options: TlsClientOptions & { readonly serverName: string },
    timeoutMs: number,
  ): Promise<SecuredByClient | TlsFault> {
    const receiving = this.#receive<Answer>(connection, timeoutMs);
    send(connection, {
      versions: options.offer.versions,
      serverName: options.serverName,
      certificate: options.identity?.certificate,
    } satisfies Hello);
    const answer = await receiving;
    if ("kind" in answer) return answer;
    const { version, certificate } = answer;
    if (version === undefined) return refuse(connection, "no version in common");
    const peer = peerOf(certificate, options.authorities, options.serverName);
    const facts = { ...factsOf(version, options.offer), peer, identity: "" };
    const told = { ...facts, serverName: options.serverName };
    return { kind: "secured", connection, facts: told, approve: () => undefined };
  }

  /** The other end's record; `connection` is nobody's then. */
  #receive<Record extends object>(
    given: Connection,
    timeoutMs: number,
  ): Promise<Record | TlsFault> {
    const connection = simulated(given);
    const { promise, resolve } = Promise.withResolvers<Record | TlsFault>();
    const giveUp = (failed: TlsFault): void => {
      cancel();
      connection.handOver(new Uint8Array());
      connection.destroy();
      resolve(failed);
    };
    const cancel = this.#clock.after(timeoutMs, () => giveUp(fault("timeout", "no handshake")));
    let received: Buffer = Buffer.alloc(0);
    const handler: ConnectionHandler = {
      data(bytes) {
        received = Buffer.concat([received, bytes]);
        if (received[0] !== HANDSHAKE_RECORD) return giveUp(fault("no-tls", "not a TLS record"));
        if (received.length < HEADER_BYTES) return;
        const end = HEADER_BYTES + received.readUInt16BE(1);
        if (received.length < end) return;
        cancel();
        connection.handOver(received.subarray(end));
        resolve(JSON.parse(received.toString("utf8", HEADER_BYTES, end)) as Record);
      },
      end: () => giveUp(fault("closed", "connection closed in the handshake")),
      drain: () => undefined,
      closed: () => giveUp(fault("closed", "connection closed in the handshake")),
    };
    connection.handOver(new Uint8Array());
    connection.start(handler);
    return promise;
  }
}

function accepted(
  connection: SimConnection,
  { offer, identities, clients }: TlsServerOptions,
  { versions, serverName, certificate }: Hello,
): Secured | TlsFault {
  const version = offer.versions.findLast((each) => versions.includes(each));
  const identity = chosen(identities, serverName);
  send(connection, { version, identity: identity.name, certificate: identity.certificate });
  if (version === undefined) return refuse(connection, "no version in common");
  const peer =
    clients === undefined || certificate === undefined ? undefined : peerOf(certificate, clients);
  const facts = { ...factsOf(version, offer), serverName, identity: identity.name, peer };
  return { kind: "secured", connection, facts };
}

function chosen(
  identities: readonly [TlsIdentity, ...TlsIdentity[]] | readonly TlsIdentity[],
  serverName: string | undefined,
): TlsIdentity {
  const [first] = identities;
  if (first === undefined) throw new TypeError("Cannot serve TLS: there is no certificate");
  if (serverName === undefined) return first;
  return identities.find(({ certificate }) => namesOf(certificate).includes(serverName)) ?? first;
}

function factsOf(version: TlsVersionName, { groups }: TlsOffer): Omit<TlsFacts, "peer"> {
  return {
    version: TLS_VERSION_NAMES.find((name) => name === version) ?? "TLSv1.2",
    cipher: version === "TLSv1.3" ? "TLS_AES_256_GCM_SHA384" : "ECDHE-ECDSA-AES256-GCM-SHA384",
    bits: 256,
    group: groups.split(":")[0],
    serverName: undefined,
    identity: "",
    resumed: false,
    exporter: () => (version === "TLSv1.3" ? Buffer.alloc(32, "exporter") : undefined),
  };
}

function peerOf(certificate: string, authorities: TlsAuthorities, name?: string): TlsPeer {
  const names = namesOf(certificate);
  const isKnown = authorities !== "system" && authorities.pem.includes(certificate);
  const why = isKnown ? "ERR_TLS_CERT_ALTNAME_INVALID" : "UNABLE_TO_VERIFY_LEAF_SIGNATURE";
  const verified = isKnown && (name === undefined || names.includes(name));
  return {
    verified,
    why: verified ? "" : why,
    fingerprint: sha256(certificate),
    keyFingerprint: sha256(`key of ${certificate}`),
    names,
    chain: () => [
      {
        certificate: Buffer.from(certificate),
        key: Buffer.from(`key of ${certificate}`),
        names,
        isCurrent: true,
        isAuthority: false,
        isSignedByNext: false,
      },
    ],
  };
}

function namesOf(certificate: string): readonly string[] {
  return certificate.replace(/^names=/u, "").split(",");
}

function sha256(text: string): string {
  return `SHA256:${createHash("sha256").update(text).digest("hex")}`;
}

function send(connection: Connection, value: Hello | Answer): void {
  const text = Buffer.from(JSON.stringify(value));
  const header = Buffer.alloc(HEADER_BYTES);
  header[0] = HANDSHAKE_RECORD;
  header.writeUInt16BE(text.length, 1);
  connection.write(Buffer.concat([header, text]));
}

function refuse(connection: Connection, message: string): TlsFault {
  connection.end();
  connection.start(DEAF);
  return fault("handshake", message);
}

function fault(why: TlsFault["why"], message: string): TlsFault {
  return { kind: "tls-fault", why, message };
}

function simulated(connection: Connection): SimConnection {
  if (connection instanceof SimConnection) return connection;
  throw new TypeError("Cannot secure it: it is no connection of the simulated network");
}
