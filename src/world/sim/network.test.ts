import { SimClock } from "./clock.ts";
import { SimNetwork } from "./network.ts";
import { networkContract } from "./network-contract.ts";
import { simRandom } from "./random.ts";

for (const chunkBytes of ["random", "whole", 65_536] as const) {
  networkContract(`simulated network (chunks: ${chunkBytes})`, async () => {
    const clock = new SimClock();
    return {
      network: new SimNetwork(clock, simRandom(1), { chunkBytes, windowBytes: 1_048_576 }),
      socketPath: "/run/smtp.sock",
      settled: (promise) => clock.runUntilSettled(promise, 60_000),
      dispose: async () => {},
    };
  });
}
