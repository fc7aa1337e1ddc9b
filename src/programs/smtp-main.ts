/**
 * smtp(1) on a real machine: where its network, its input and its output are.
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { type SmtpWorld, runSmtp } from "./smtp-run.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeNetwork } from "#world/node/network.ts";
import { systemAuthorities } from "#world/node/tls/system-authorities.ts";
import { nodeTls } from "#world/node/tls/tls.ts";
import { nodeResolver } from "#world/node/dns/resolver.ts";

function readFile(path: string): string | { readonly why: string } {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    return { why: error instanceof Error ? error.message : String(error) };
  }
}

/** Runs with the arguments after the program's name; returns the exit code. */
export function main(words: readonly string[]): Promise<number> {
  const world: SmtpWorld = {
    network: nodeNetwork(),
    resolver: nodeResolver(),
    clock: nodeClock(),
    tls: nodeTls(),
    readFile,
    systemAuthorities,
    nonce: () => randomBytes(18).toString("hex"),
    hostname: hostname(),
    loginName: () => userInfo().username,
    input: process.stdin,
    print: (line) => console.log(line),
    complain: (line) => console.error(line),
  };
  return runSmtp(world, words);
}
