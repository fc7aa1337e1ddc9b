/**
 * The real daemon as a process: `bin/smtpd -d` with a configuration of the test, on a
 * free port of 127.0.0.1 and on a UNIX-domain socket, all in the scratch folder.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { closeSync, openSync } from "node:fs";
import { freePort, greeted } from "./greeting.ts";
import { endOf } from "./peer-program.ts";
import type { Scratch } from "./scratch.ts";

const PROGRAM = new URL("../../bin/smtpd", import.meta.url).pathname;

/** Where the daemon listens. */
export interface Endpoints {
  readonly port: number;
  readonly socketPath: string;
}

export class Daemon implements AsyncDisposable {
  readonly endpoints: Endpoints;
  readonly #child: ChildProcess;
  readonly #logPath: string;

  private constructor(endpoints: Endpoints, child: ChildProcess, logPath: string) {
    this.endpoints = endpoints;
    this.#child = child;
    this.#logPath = logPath;
  }

  /** Starts it with `rules` (actions and matches) behind its two listeners. */
  static async start(scratch: Scratch, rules: readonly string[]): Promise<Daemon> {
    const { folder } = scratch;
    const endpoints = { port: await freePort(), socketPath: `${folder}/in.sock` };
    const lines = [
      `listen on 127.0.0.1 port ${endpoints.port}`,
      `listen on socket "${endpoints.socketPath}"`,
      ...rules,
    ];
    writeFileSync(`${folder}/smtpd.conf`, `${lines.join("\n")}\n`);
    const logPath = `${folder}/log`;
    const log = openSync(logPath, "a");
    const child = spawn(
      PROGRAM,
      ["-d", "-f", `${folder}/smtpd.conf`, "--state", `${folder}/state`],
      { stdio: ["ignore", log, log] },
    );
    closeSync(log);
    const daemon = new Daemon(endpoints, child, logPath);
    const ended = endOf(child).then(() => {
      throw new Error(`Cannot start smtpd: it ended\n${daemon.log}`);
    });
    await Promise.race([
      ended,
      Promise.all([greeted({ port: endpoints.port }), greeted({ path: endpoints.socketPath })]),
    ]);
    ended.catch(() => undefined); // From here on it may end.
    return daemon;
  }

  /** What it has logged so far. */
  get log(): string {
    return readFileSync(this.#logPath, "utf8");
  }

  /** SIGTERM, as an operator would, and waits for the end. */
  async [Symbol.asyncDispose](): Promise<void> {
    const ended = endOf(this.#child);
    this.#child.kill("SIGTERM");
    await ended;
  }
}
