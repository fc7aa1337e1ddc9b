/**
 * Connection attempts to the addresses of one server, which overlap: while one has not connected
 * NEXT_ATTEMPT_MS after it began, the next is begun beside it, and who connects first is used. It
 * is connections that race, not sessions: nothing is said on one before it is its turn.
 *
 * Promises: an attempt that is begun ahead has its room among the limits, and is not begun without.
 * What is not used is closed, and its room given back, when the race ends. An attempt that is
 * outrun is given up and says so: that is no fault of its address.
 *
 * Source: RFC 8305 §5 (connection attempt delay).
 */
import type { Endpoint } from "#base/endpoint.ts";
import type { Clock } from "#base/ports/clock.ts";
import {
  type Connection,
  type ConnectOptions,
  DEAF,
  type Network,
  type NetworkFault,
} from "#base/ports/network.ts";
import type { Room } from "./connection-limits.ts";

/** RFC 8305 §8: the value that it recommends. */
export const NEXT_ATTEMPT_MS = 250;

/** The answer to an attempt that is given up, as another one has connected. */
export const OUTRUN: NetworkFault = Object.freeze({
  kind: "network-fault",
  code: "EOUTRUN",
  message: "Another address of the server answered first",
});

/** How an attempt is made ahead of its turn. */
export interface Ahead {
  readonly room: Room;
  readonly sourceAddress: string | undefined;
  readonly timeoutMs: number;
}

/** One address. */
export interface Contender {
  readonly endpoint: Endpoint;
  /** Whether it may be tried ahead of its turn; "served": there is a connection already. */
  readonly ahead: () => Ahead | "served" | undefined;
}

/** The race as one of its addresses sees it. */
export interface RaceEntry {
  /** The room that its connection has already; taken once. */
  takeRoom(): Room | undefined;
  /** It is its turn. OUTRUN where another has connected and this one has not. */
  connect(options: ConnectOptions): Promise<Connection | NetworkFault>;
}

type Lane =
  | { readonly kind: "idle" | "passed" | "served" | "used" }
  | (Begun & { readonly kind: "trying"; readonly abort: AbortController })
  | (Begun & { readonly kind: "connected"; readonly connection: Connection })
  | { readonly kind: "failed"; readonly fault: NetworkFault };

interface Begun {
  readonly sourceAddress: string | undefined;
  /** Undefined: whoever asked for it has it. */
  readonly room: Room | undefined;
}

interface RacePorts {
  readonly network: Network;
  readonly clock: Clock;
}

/** Whose turn it is, and who waits for it. */
interface Turn {
  readonly index: number;
  readonly resolve: (answer: Connection | NetworkFault) => void;
}

export class ConnectionRace {
  readonly #ports: RacePorts;
  readonly #contenders: readonly Contender[];
  readonly #lanes: Lane[];
  #turn: Turn | undefined;
  #cancelNext: () => void = () => undefined;
  #isOver = false;

  constructor(ports: RacePorts, contenders: readonly Contender[]) {
    this.#ports = ports;
    this.#contenders = contenders;
    this.#lanes = contenders.map(() => ({ kind: "idle" }));
  }

  entry(index: number): RaceEntry {
    return {
      takeRoom: () => this.#takeRoom(index),
      connect: (options) => this.#connect(index, options),
    };
  }

  /** Closes what was not used. */
  end(): void {
    this.#isOver = true;
    this.#cancelNext();
    for (const index of this.#lanes.keys()) this.#drop(index);
  }

  #takeRoom(index: number): Room | undefined {
    const lane = this.#lanes[index];
    if (lane === undefined || !("room" in lane) || lane.room === undefined) return undefined;
    this.#lanes[index] = { ...lane, room: undefined };
    return lane.room;
  }

  async #connect(index: number, options: ConnectOptions): Promise<Connection | NetworkFault> {
    const { network } = this.#ports;
    const { endpoint } = this.#contender(index);
    const lane = this.#lanes[index];
    const { sourceAddress } = options;
    const isOther = lane && "sourceAddress" in lane && lane.sourceAddress !== sourceAddress;
    if (isOther) this.#drop(index);
    // The second time, or too late: then it is an attempt as any.
    if (this.#isOver || lane === undefined || lane.kind === "used" || isOther)
      return network.connect(endpoint, options);
    if (lane.kind === "connected" || lane.kind === "failed") return this.#use(index, lane);
    if (this.#isOutrun(index)) {
      this.#drop(index);
      return OUTRUN;
    }
    if (lane.kind !== "trying") this.#begin(index, { room: undefined, sourceAddress }, options);
    const { promise, resolve } = Promise.withResolvers<Connection | NetworkFault>();
    this.#turn = { index, resolve };
    this.#nextSoon();
    return promise;
  }

  #use(
    index: number,
    lane: Lane & { readonly kind: "connected" | "failed" },
  ): Connection | NetworkFault {
    this.#lanes[index] = { kind: "used" };
    if (lane.kind === "failed") return lane.fault;
    // Whoever uses it has a room of their own.
    lane.room?.leave();
    return lane.connection;
  }

  /** An attempt of which it will be told. */
  #begin(index: number, begun: Begun, options: Omit<ConnectOptions, "signal">): void {
    const abort = new AbortController();
    this.#lanes[index] = { kind: "trying", abort, ...begun };
    const { endpoint } = this.#contender(index);
    const { signal } = abort;
    void this.#settle(index, signal, this.#ports.network.connect(endpoint, { ...options, signal }));
  }

  async #settle(
    index: number,
    signal: AbortSignal,
    attempt: Promise<Connection | NetworkFault>,
  ): Promise<void> {
    const made = await attempt;
    const lane = this.#lanes[index];
    if (signal.aborted || lane?.kind !== "trying") {
      if (!("kind" in made)) close(made);
      return;
    }
    const { room, sourceAddress } = lane;
    if ("kind" in made) {
      room?.leave();
      this.#lanes[index] = { kind: "failed", fault: made };
    } else this.#lanes[index] = { kind: "connected", connection: made, room, sourceAddress };
    this.#judge();
  }

  /** Whether whose turn it is can be told something now. */
  #judge(): void {
    const turn = this.#turn;
    if (turn === undefined) return;
    const lane = this.#lanes[turn.index];
    if (lane?.kind === "connected" || lane?.kind === "failed") {
      this.#tell(turn, this.#use(turn.index, lane));
    } else if (this.#isOutrun(turn.index)) {
      this.#drop(turn.index);
      this.#tell(turn, OUTRUN);
    }
  }

  #tell({ resolve }: Turn, answer: Connection | NetworkFault): void {
    this.#turn = undefined;
    this.#cancelNext();
    resolve(answer);
  }

  #isOutrun(index: number): boolean {
    return this.#lanes.some(
      ({ kind }, at) => at !== index && (kind === "connected" || kind === "served"),
    );
  }

  #nextSoon(): void {
    this.#cancelNext();
    if (!this.#lanes.some(({ kind }) => kind === "idle")) return;
    this.#cancelNext = this.#ports.clock.after(NEXT_ATTEMPT_MS, () => this.#beginNext());
  }

  /** The next address that may be tried ahead of its turn. */
  #beginNext(): void {
    for (const [index, { kind }] of this.#lanes.entries()) {
      if (kind !== "idle") continue;
      const ahead = this.#contender(index).ahead();
      if (ahead === undefined) {
        this.#lanes[index] = { kind: "passed" };
        continue;
      }
      if (ahead === "served") {
        this.#lanes[index] = { kind: "served" };
        return this.#judge();
      }
      const { sourceAddress, timeoutMs } = ahead;
      this.#begin(index, ahead, {
        timeoutMs,
        ...(sourceAddress !== undefined && { sourceAddress }),
      });
      return this.#nextSoon();
    }
  }

  /** It is not wanted any more, but may be tried again. */
  #drop(index: number): void {
    const lane = this.#lanes[index];
    if (lane === undefined) return;
    this.#lanes[index] = { kind: "used" };
    if (lane.kind === "trying") lane.abort.abort();
    if (lane.kind === "connected") close(lane.connection);
    if ("room" in lane) lane.room?.leave();
  }

  #contender(index: number): Contender {
    const contender = this.#contenders[index];
    if (contender === undefined) throw new RangeError(`Cannot race: there is no address ${index}`);
    return contender;
  }
}

function close(connection: Connection): void {
  connection.start(DEAF);
  connection.destroy();
}
