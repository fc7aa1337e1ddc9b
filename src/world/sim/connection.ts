/**
 * One end of a simulated connection.
 *
 * What is written leaves in order, at most `windowBytes` of it unread by the
 * other side, arrives `latencyMs` later and is handed over in chunks as the
 * settings say, each in a turn of its own. Callbacks are never called from
 * inside a call of their owner. As with TCP, an end that was destroyed answers
 * later bytes with a reset.
 */
import type { Endpoint, Peer } from "#base/endpoint.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Connection, ConnectionHandler, NetworkFault } from "#base/ports/network.ts";
import { ByteQueue } from "./byte-queue.ts";
import type { SimRandom } from "./random.ts";

export interface SimConnectionSettings {
  readonly latencyMs: number;
  /** Size of the chunks handed over: fixed, as the seed draws it, or all that is there. */
  readonly chunkBytes: number | "random" | "whole";
  /** Bytes under way and unread before the sender has to keep the rest. */
  readonly windowBytes: number;
  /** Kept bytes from which `write` returns false. */
  readonly highWaterBytes: number;
}

/** What goes wrong with the bytes that one end sends. */
export interface SendFault {
  readonly kind: "reset-after" | "stall-after";
  readonly bytes: number;
}

/** A chunk drawn by the seed has at most this many bytes. */
const MAX_RANDOM_CHUNK_BYTES = 4096;

export class SimConnection implements Connection {
  readonly remote: Peer;
  readonly local: Endpoint;

  readonly #clock: Clock;
  readonly #random: SimRandom;
  readonly #settings: SimConnectionSettings;
  readonly #outbox = new ByteQueue();
  readonly #inbox = new ByteQueue();
  #peer: SimConnection | undefined;
  #handler: ConnectionHandler | undefined;
  #state: "open" | "closed" = "open";
  #fault: NetworkFault | undefined;
  #sendFault: SendFault | undefined;
  #sentBytes = 0;
  /** Sent, and not yet handed to the peer's handler. */
  #unreadBytes = 0;
  #ourHalf: "open" | "ending" | "ended" = "open";
  #peerHalf: "open" | "ended" | "told" = "open";
  #flow: "on" | "paused" = "on";
  #wantsDrain = false;
  #deliveryDue = false;

  constructor(
    clock: Clock,
    random: SimRandom,
    settings: SimConnectionSettings,
    ends: { readonly local: Endpoint; readonly remote: Peer },
  ) {
    this.#clock = clock;
    this.#random = random;
    this.#settings = settings;
    this.local = ends.local;
    this.remote = ends.remote;
  }

  /** Joins two ends; must be called once, before anything is sent. */
  static join(one: SimConnection, other: SimConnection): void {
    one.#peer = other;
    other.#peer = one;
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  get unsentBytes(): number {
    return this.#outbox.length;
  }

  /** From now on, counted from the first byte that was ever sent. */
  failSending(fault: SendFault): void {
    this.#sendFault = fault;
    this.#pump();
  }

  /** Breaks the connection for both ends, at once. */
  reset(): void {
    this.#close(connectionReset());
    if (this.#peer !== undefined) this.#peer.#close(connectionReset());
  }

  start(handler: ConnectionHandler): void {
    if (this.#handler !== undefined)
      throw new TypeError("Cannot start a connection: it has started");
    this.#handler = handler;
    if (this.#state === "closed") this.#tellClosed();
    else this.#deliverSoon();
  }

  /**
   * Takes it from its owner, who hears nothing more: `start` may be called again.
   *
   * @param unread bytes that the owner had and the next one is to get first.
   */
  handOver(unread: Uint8Array): void {
    this.#handler = undefined;
    this.#flow = "on";
    this.#wantsDrain = false;
    this.#inbox.putBack(unread);
    this.#unreadBytesOfPeer(unread.length);
    if (this.#peerHalf === "told") this.#peerHalf = "ended";
  }

  write(bytes: Uint8Array): boolean {
    if (this.#state === "closed" || this.#ourHalf !== "open") return true;
    this.#outbox.push(bytes);
    this.#pump();
    if (this.#outbox.length < this.#settings.highWaterBytes) return true;
    this.#wantsDrain = true;
    return false;
  }

  writeAll(pieces: readonly Uint8Array[]): boolean {
    let mayGoOn = true;
    for (const piece of pieces) mayGoOn = this.write(piece);
    return mayGoOn;
  }

  pause(): void {
    this.#flow = "paused";
  }

  resume(): void {
    this.#flow = "on";
    this.#deliverSoon();
  }

  end(): void {
    if (this.#state === "closed" || this.#ourHalf !== "open") return;
    this.#ourHalf = "ending";
    this.#pump();
  }

  destroy(): void {
    if (this.#state === "closed") return;
    const unread = this.#inbox.length > 0;
    const saidEnd = this.#ourHalf === "ended";
    this.#close(undefined);
    if (unread) this.#later((peer) => peer.#close(connectionReset()));
    else if (!saidEnd) this.#later((peer) => peer.#arriveEnd());
  }

  /** Sends what the window allows, then the end of our half if it is due. */
  #pump(): void {
    if (this.#state === "closed") return;
    const allowed = (this.#sendFault?.bytes ?? Infinity) - this.#sentBytes;
    const room = Math.min(this.#settings.windowBytes - this.#unreadBytes, allowed);
    if (room > 0 && this.#outbox.length > 0) {
      const bytes = this.#outbox.take(room);
      this.#sentBytes += bytes.length;
      this.#unreadBytes += bytes.length;
      this.#later((peer) => peer.#arrive(bytes));
    }
    if (this.#sendFault !== undefined && this.#sentBytes >= this.#sendFault.bytes) {
      if (this.#sendFault.kind === "reset-after") this.#later((peer) => peer.reset());
      return;
    }
    if (this.#outbox.length > 0) return;
    if (this.#wantsDrain) this.#soonDrain();
    if (this.#ourHalf === "ending") {
      this.#ourHalf = "ended";
      this.#later((peer) => peer.#arriveEnd());
      this.#closeIfDone();
    }
  }

  #soonDrain(): void {
    this.#wantsDrain = false;
    this.#clock.after(0, () => {
      if (this.#state === "open") this.#handler?.drain();
    });
  }

  #arrive(bytes: Uint8Array): void {
    if (this.#state === "closed") {
      this.#later((peer) => peer.#close(connectionReset()));
      return;
    }
    this.#inbox.push(bytes);
    this.#deliverSoon();
  }

  #arriveEnd(): void {
    if (this.#peerHalf !== "open") return;
    this.#peerHalf = "ended";
    this.#deliverSoon();
  }

  #deliverSoon(): void {
    const nothing = this.#inbox.length === 0 && this.#peerHalf !== "ended";
    if (this.#deliveryDue || nothing || !this.#takesBytes()) return;
    this.#deliveryDue = true;
    this.#clock.after(0, () => {
      this.#deliveryDue = false;
      this.#deliver();
    });
  }

  #takesBytes(): boolean {
    return this.#flow === "on" && this.#handler !== undefined && this.#state === "open";
  }

  #deliver(): void {
    if (!this.#takesBytes()) return;
    if (this.#inbox.length > 0) {
      const bytes = this.#inbox.take(this.#chunkBytes());
      if (this.#peer !== undefined) this.#peer.#wasRead(bytes.length);
      this.#handler?.data(bytes);
    } else if (this.#peerHalf === "ended") {
      this.#peerHalf = "told";
      this.#handler?.end();
      this.#closeIfDone();
    }
    this.#deliverSoon();
  }

  /** The peer counts what was put back as unread again. */
  #unreadBytesOfPeer(bytes: number): void {
    if (this.#peer !== undefined) this.#peer.#unreadBytes += bytes;
  }

  #wasRead(bytes: number): void {
    this.#unreadBytes -= bytes;
    this.#pump();
  }

  #chunkBytes(): number {
    const { chunkBytes } = this.#settings;
    if (chunkBytes === "whole") return Infinity;
    if (chunkBytes !== "random") return chunkBytes;
    // Small chunks as often as large ones: faults sit at the seams.
    return 1 + this.#random.below(this.#random.pick([1, 4, 64, MAX_RANDOM_CHUNK_BYTES]));
  }

  #closeIfDone(): void {
    if (this.#ourHalf === "ended" && this.#peerHalf === "told") this.#close(undefined);
  }

  #close(fault: NetworkFault | undefined): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#fault = fault;
    this.#outbox.clear();
    this.#inbox.clear();
    if (this.#handler !== undefined) this.#tellClosed();
  }

  #tellClosed(): void {
    const handler = this.#handler;
    this.#clock.after(0, () => {
      // Who has it then is told when it starts.
      if (this.#handler === handler) handler?.closed(this.#fault);
    });
  }

  /** Does something at the other end when what we sent before has arrived there. */
  #later(act: (peer: SimConnection) => void): void {
    this.#clock.after(this.#settings.latencyMs, () => {
      if (this.#peer !== undefined) act(this.#peer);
    });
  }
}

function connectionReset(): NetworkFault {
  return { kind: "network-fault", code: "ECONNRESET", message: "Connection reset by peer" };
}
