import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { networkContract } from "#world/sim/network-contract.ts";
import { nodeNetwork } from "./network.ts";

networkContract("network", async () => {
  const folder = await mkdtemp(`${tmpdir()}/postrider-network-`);
  return {
    network: nodeNetwork(),
    socketPath: `${folder}/smtp.sock`,
    settled: (promise) => promise,
    dispose: () => rm(folder, { recursive: true }),
  };
});
