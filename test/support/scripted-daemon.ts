/**
 * smtpctl(8) and a daemon that answers as a test says, in memory and on virtual time.
 */
import type { Network } from "#base/ports/network.ts";
import {
  type ControlAnswer,
  type ControlRequest,
  controlAnswerCodec,
  controlRequestCodec,
} from "#model/ipc/control-link.ts";
import { encodeFrame, FrameReader } from "#model/ipc/frame.ts";
import { MAX_REQUEST_BYTES } from "#processes/control-client.ts";
import { runSmtpctl, type SmtpctlSetting } from "#programs/smtpctl-run.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimNetwork } from "#world/sim/network.ts";
import { SimRandom } from "#world/sim/random.ts";
import { NOBODY_AT_THE_TERMINAL } from "./smtpctl-setting.ts";

const MAX_MS = 3_600_000;

export interface Ran {
  readonly prints: string;
  readonly complains: string;
  readonly status: number;
}

export class ScriptedDaemon {
  readonly clock: SimClock = new SimClock();
  /** All that it was asked. */
  readonly asked: ControlRequest[] = [];
  answer: (request: ControlRequest) => readonly ControlAnswer[] = () => [];
  readonly #sim: SimNetwork = new SimNetwork(this.clock, new SimRandom(1));

  /** Runs smtpctl until it ends. */
  async run(args: readonly string[], setting: Partial<SmtpctlSetting> = {}): Promise<Ran> {
    let prints = "";
    let complains = "";
    const status = await this.clock.runUntilSettled(
      runSmtpctl(args, {
        ...NOBODY_AT_THE_TERMINAL,
        network: this.#network(),
        clock: this.clock,
        stateFolder: "/state",
        uid: 0,
        output: {
          print: (text) => (prints += typeof text === "string" ? text : Buffer.from(text)),
          complain: (text) => (complains += text),
          drained: () => undefined,
          isTerminal: false,
        },
        ...setting,
      }),
      MAX_MS,
    );
    return { prints, complains, status };
  }

  #network(): Network {
    return {
      listen: () => Promise.reject(new Error("smtpctl listens on nothing")),
      connect: async (endpoint) => {
        const [client, server] = this.#sim.pair(endpoint);
        const reader = new FrameReader(controlRequestCodec, MAX_REQUEST_BYTES);
        server.start({
          data: (bytes) => {
            reader.push(bytes, (request) => {
              this.asked.push(request);
              for (const answer of this.answer(request))
                server.write(encodeFrame(controlAnswerCodec, answer));
            });
          },
          end: () => server.end(),
          drain() {},
          closed() {},
        });
        return client;
      },
    };
  }
}
