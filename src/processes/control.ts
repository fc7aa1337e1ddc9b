/**
 * The clients of the control socket: how many there may be, and who answers them.
 *
 * Clients are bounded; one too many is told so and sent away.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Connection } from "#base/ports/network.ts";
import { type ControlAnswer, controlAnswerCodec, failed } from "#model/ipc/control-link.ts";
import { encodeFrame } from "#model/ipc/frame.ts";
import type { Asker } from "./control-asker.ts";
import { CLIENT_TIMEOUT_MS, ControlClient } from "./control-client.ts";
import { counterRow } from "./counter-row.ts";
import { type Answerers, answerersOf, askInTurn } from "./control-routes.ts";

/** Clients at once, as many as OpenSMTPD allows. */
export const MAX_CLIENTS = 32;

const TOO_MANY: ControlAnswer = failed("too many clients");

export class Control {
  readonly #askers: Answerers<Asker>;
  readonly #clock: Clock;
  readonly #clients = new Set<ControlClient>();

  constructor(askers: Answerers<Asker>, clock: Clock) {
    this.#askers = askers;
    this.#clock = clock;
  }

  /** Takes a connection of the control socket, which then belongs to it. */
  accept(connection: Connection): void {
    if (this.#clients.size >= MAX_CLIENTS) {
      sendAway(connection, this.#clock);
      return;
    }
    const client: ControlClient = new ControlClient(connection, this.#clock, {
      ask: (request, take) => {
        if (request.kind === "show-stats") take(this.#ownCounter());
        return askInTurn(answerersOf(request, this.#askers), request, take);
      },
      closed: () => this.#clients.delete(client),
    });
    this.#clients.add(client);
  }

  #ownCounter(): ControlAnswer {
    return counterRow({ name: "control.session", value: this.#clients.size });
  }

  /** The daemon ends: clients get what was answered so far. */
  close(): void {
    for (const client of this.#clients) client.endNow();
  }
}

function sendAway(connection: Connection, clock: Clock): void {
  const cancelTimer = clock.after(CLIENT_TIMEOUT_MS, () => connection.destroy());
  connection.start({
    data() {},
    end: () => connection.end(),
    drain() {},
    closed: cancelTimer,
  });
  connection.write(encodeFrame(controlAnswerCodec, TOO_MANY));
  connection.end();
}
