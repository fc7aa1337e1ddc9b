/** bench/tls-load.c: built when it is needed, and how it is called for a scenario. */
import { spawnSync } from "node:child_process";
import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Scenario } from "./scenarios.ts";

const SOURCE = new URL("./tls-load.c", import.meta.url).pathname;
const PROGRAM = new URL("../build/bench/tls-load", import.meta.url).pathname;

/** A program, and its arguments. */
export type Command = readonly [program: string, ...args: readonly string[]];

/** Why it cannot be built here; undefined: it is there. */
export function tlsLoadFault(): string | undefined {
  const built = statSync(PROGRAM, { throwIfNoEntry: false });
  if (built !== undefined && built.mtimeMs > statSync(SOURCE).mtimeMs) return undefined;
  mkdirSync(dirname(PROGRAM), { recursive: true });
  const options = ["-O2", "-Wall", "-Wextra", "-pthread", "-o", PROGRAM, SOURCE];
  const { status, error, stderr } = spawnSync("cc", [...options, "-lssl", "-lcrypto"], {
    encoding: "utf8",
  });
  return status === 0 ? undefined : (error?.message ?? stderr);
}

export function tlsLoad(scenario: Scenario, port: number): Command {
  const { sessions, messages, messageBytes, tls } = scenario;
  const load = `-s ${sessions} -m ${messages} -l ${messageBytes} ${port}`.split(" ");
  return [PROGRAM, ...(tls ? ["-t"] : []), ...load];
}
