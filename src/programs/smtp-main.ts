/**
 * smtp(1) on a real machine: where its network, its input and its output are.
 */
import { hostname, userInfo } from "node:os";
import { type SmtpWorld, runSmtp } from "./smtp-run.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeNetwork } from "#world/node/network.ts";
import { nodeResolver } from "#world/node/dns/resolver.ts";

/** Runs with the arguments after the program's name; returns the exit code. */
export function main(words: readonly string[]): Promise<number> {
  const world: SmtpWorld = {
    network: nodeNetwork(),
    resolver: nodeResolver(),
    clock: nodeClock(),
    hostname: hostname(),
    loginName: () => userInfo().username,
    input: process.stdin,
    print: (line) => console.log(line),
    complain: (line) => console.error(line),
  };
  return runSmtp(world, words);
}
