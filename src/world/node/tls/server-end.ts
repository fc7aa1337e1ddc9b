/**
 * The server's end of a handshake, on a socket that was a connection.
 *
 * First the ClientHello is read, whole, and a certificate chosen by it. Then the socket
 * gets its bytes back and the library takes over, with the context of that certificate.
 *
 * Whether the peer's certificate was vouched for is asked of `ssl.verifyError`, which
 * Node's own server uses and does not document: tls.test.ts would show its end.
 */
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Connection } from "#base/ports/network.ts";
import type { Secured, TlsFault } from "#base/ports/tls.ts";
import { chooseCertificate } from "#policy/tls/choose-certificate.ts";
import type { ClientHello } from "#protocols/tls/client-hello.ts";
import { ClientHelloReader } from "#protocols/tls/client-hello-reader.ts";
import { type BareSocket, unwrapSocket, wrapSocket } from "#world/node/connection.ts";
import type { Shown } from "./contexts.ts";
import { factsOf, fault, handshakeFault, peerOf } from "./facts.ts";

const HELLO_FAULTS = {
  "no-tls": fault("no-tls", "the client does not speak TLS"),
  malformed: fault("handshake", "malformed ClientHello"),
  "too-long": fault("handshake", "ClientHello too long"),
};

/** What a listener shows, and whether it asks clients for their certificates. */
export interface ServerEnd {
  readonly shown: readonly Shown[];
  readonly asksClients: boolean;
}

export function acceptTls(
  connection: Connection,
  end: ServerEnd,
  timeoutMs: number,
): Promise<Secured | TlsFault> {
  return new Handshake(unwrapSocket(connection), end, timeoutMs).outcome;
}

class Handshake {
  readonly #bare: BareSocket;
  readonly #end: ServerEnd;
  readonly #timer: NodeJS.Timeout;
  readonly #outcome = Promise.withResolvers<Secured | TlsFault>();
  readonly #reader = new ClientHelloReader();

  constructor(bare: BareSocket, end: ServerEnd, timeoutMs: number) {
    this.#bare = bare;
    this.#end = end;
    const { socket } = bare;
    this.#timer = setTimeout(() => this.#fail(fault("timeout", "no handshake in time")), timeoutMs);
    socket.on("data", this.#onData);
    socket.on("end", this.#onEnd);
    socket.on("close", this.#onEnd);
    socket.resume();
  }

  get outcome(): Promise<Secured | TlsFault> {
    return this.#outcome.promise;
  }

  readonly #onData = (bytes: Buffer): void => {
    const reading = this.#reader.push(bytes);
    if (reading.kind === "more") return;
    const { socket } = this.#bare;
    socket.off("data", this.#onData);
    if (reading.kind === "fault") {
      this.#fail(HELLO_FAULTS[reading.why]);
      return;
    }
    socket.off("end", this.#onEnd);
    socket.off("close", this.#onEnd);
    socket.pause();
    socket.unshift(this.#reader.input);
    this.#handshake(socket, reading.hello);
  };

  readonly #onEnd = (): void => this.#fail(handshakeFault(undefined));

  #handshake(socket: Socket, hello: ClientHello): void {
    const { name, context, server } = chooseCertificate(this.#end.shown, hello);
    const { asksClients } = this.#end;
    const secured = new TLSSocket(socket, {
      isServer: true,
      server,
      secureContext: context,
      requestCert: asksClients,
      rejectUnauthorized: false,
    });
    const onError = (error: Error): void => this.#fail(handshakeFault(error), secured);
    const onEnd = (): void => this.#fail(handshakeFault(undefined), secured);
    secured.on("error", onError);
    secured.on("close", onEnd);
    // Sockets are half-open: a peer that ends in the midst of it closes nothing by that.
    secured.on("end", onEnd);
    secured.once("secure", () => {
      secured.off("error", onError);
      secured.off("close", onEnd);
      secured.off("end", onEnd);
      clearTimeout(this.#timer);
      this.#outcome.resolve({
        kind: "secured",
        connection: wrapSocket(secured, this.#bare.ends),
        facts: factsOf(secured, {
          group: undefined,
          identity: name,
          peer: asksClients ? peerOf(secured, () => verifyError(secured)) : undefined,
        }),
      });
    });
  }

  #fail(why: TlsFault, secured?: TLSSocket): void {
    clearTimeout(this.#timer);
    // The library may have an alert to send; then it closes by itself.
    if (secured === undefined) this.#bare.socket.destroy();
    else secured.destroy();
    this.#outcome.resolve(why);
  }
}

interface Handle {
  verifyError(): (Error & { readonly code?: string }) | null;
}

/** What is wrong with the peer's certificate, in the library's word; undefined: nothing. */
function verifyError(socket: TLSSocket): string | undefined {
  const { ssl } = socket as unknown as { readonly ssl: Handle };
  const error = ssl.verifyError();
  return error === null ? undefined : (error.code ?? "unknown");
}
