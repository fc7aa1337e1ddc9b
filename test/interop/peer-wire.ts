/**
 * The wire between two mail servers, neither of which says all that it does: a port of
 * 127.0.0.1 that hands every octet on to another one, and keeps what each side said, in
 * the order in which it came. So a test sees whether a client pipelined or sent chunks,
 * and that nothing went in the clear.
 *
 * Bounds: MAX_TALKS connections at a time, MAX_KEPT_OCTETS in all; beyond either it breaks.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { Scratch } from "./scratch.ts";

const MAX_TALKS = 50;
const MAX_KEPT_OCTETS: number = 16 * 1024 * 1024;

type Side = "client" | "server";

/** What one side of a connection said until the other one did. */
interface Turn {
  readonly talk: number;
  readonly side: Side;
  octets: string;
}

export class Wire implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #turns: Turn[] = [];
  #target = 0;
  #talks = 0;
  #kept = 0;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /** It listens; to whom it leads is told before somebody connects. */
  static async open(scratch: Scratch): Promise<Wire> {
    const server = createServer({ allowHalfOpen: true });
    server.maxConnections = MAX_TALKS;
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const wire = scratch.use(new Wire(server, (server.address() as AddressInfo).port));
    server.on("connection", (client) => {
      const far = connect({ port: wire.#target, host: "127.0.0.1", allowHalfOpen: true });
      const talk = ++wire.#talks;
      wire.#join(client, far, { talk, side: "client" });
      wire.#join(far, client, { talk, side: "server" });
    });
    return wire;
  }

  /** To a port of 127.0.0.1. */
  leadTo(port: number): void {
    this.#target = port;
  }

  /** What is said from now on is said behind this mark. */
  mark(): number {
    return this.#turns.length;
  }

  /** The octets of `side` behind `mark`, one string for each time that it had its say. */
  said(side: Side, mark = 0): readonly string[] {
    return this.#turns.slice(mark).flatMap((turn) => (turn.side === side ? [turn.octets] : []));
  }

  /** Which connection `words` went over in one piece; undefined: none. */
  talkOf(words: string): number | undefined {
    return this.#turns.find(({ octets }) => octets.includes(words))?.talk;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #join(from: Socket, to: Socket, said: Omit<Turn, "octets">): void {
    this.#sockets.add(from);
    from.on("data", (bytes) => {
      this.#keep(said, bytes.toString("latin1"));
      if (to.write(bytes)) return;
      from.pause();
      to.once("drain", () => from.resume());
    });
    from.on("end", () => to.end());
    from.on("error", () => to.destroy());
    from.on("close", () => {
      this.#sockets.delete(from);
      if (from.errored !== null) to.destroy();
    });
  }

  #keep({ talk, side }: Omit<Turn, "octets">, octets: string): void {
    this.#kept += octets.length;
    if (this.#kept > MAX_KEPT_OCTETS) throw new Error("Cannot keep what is said: it is too much");
    const last = this.#turns.at(-1);
    if (last?.talk === talk && last.side === side) last.octets += octets;
    else this.#turns.push({ talk, side, octets });
  }
}
