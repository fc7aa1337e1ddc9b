/**
 * The real daemon as a process: `bin/smtpd -d` with a configuration of the test, on a
 * free port of 127.0.0.1 and on a UNIX-domain socket, all in the scratch folder.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { freePort, until } from "./greeting.ts";
import { endOf, run } from "./peer-program.ts";
import { RUNS_AS_ROOT, type Scratch } from "./scratch.ts";

const READY = "info: ready";
const STOP_WITHIN_MS = 10_000;

const PROGRAM = new URL("../../bin/smtpd", import.meta.url).pathname;

/** Where the daemon listens. */
export interface Endpoints {
  readonly port: number;
  readonly socketPath: string;
}

/** `node:test`'s `skip`: why the daemon cannot run here, or false. */
export async function unlessStartable(): Promise<string | false> {
  if (!RUNS_AS_ROOT) return false;
  const { code } = await run(["getent", "passwd", "_smtpd"]);
  return code === 0 ? false : "the users of the daemon are missing (tools/install-users)";
}

/** Stopped by the scratch folder that it was started in. */
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
    const daemon = scratch.use(new Daemon(endpoints, child, logPath));
    const ended = endOf(child).then(() => {
      throw new Error("Cannot start smtpd: it ended");
    });
    try {
      await Promise.race([
        ended,
        until(() => daemon.log.includes(READY), "line that says ready in the log"),
      ]);
    } catch (error) {
      throw new Error(`Cannot start smtpd:\n${daemon.log}`, { cause: error });
    } finally {
      ended.catch(() => undefined); // From here on it may end.
    }
    return daemon;
  }

  /** Of its parent process. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** What it has logged so far. */
  get log(): string {
    return readFileSync(this.#logPath, "utf8");
  }

  /** SIGTERM, as an operator would, and waits for the end; @throws if it does not come. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return; // The test has failed by that already.
    const ended = endOf(this.#child);
    this.#child.kill("SIGTERM");
    const limit = setTimeout(() => this.#child.kill("SIGKILL"), STOP_WITHIN_MS);
    const code = await ended;
    clearTimeout(limit);
    if (code !== 0) throw new Error(`Cannot stop smtpd: it ended with ${code}\n${this.log}`);
  }
}
