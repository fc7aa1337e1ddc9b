/**
 * The real daemon for tests that end it badly: all of it or one of its processes is
 * killed, and it is started again on the same state and the same listeners.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { NetConnectOpts } from "node:net";
import { type DaemonProcess, processesOf } from "./daemon-processes.ts";
import { freePort, until } from "./greeting.ts";
import { endOf, type Finished, run } from "./peer-program.ts";
import type { Scratch } from "./scratch.ts";

const READY = "info: ready\n";
const STOP_WITHIN_MS = 30_000;
const LOG_END_BYTES = 1500;

const PROGRAM = new URL("../../bin/smtpd", import.meta.url).pathname;
const CONTROL_PROGRAM = new URL("../../bin/smtpctl", import.meta.url).pathname;

export interface KillableSettings {
  /** Actions and matches. */
  readonly rules: readonly string[];
  /** In the scratch folder if left out. */
  readonly stateFolder?: string;
  /** More arguments of smtpd. */
  readonly options?: readonly string[];
}

export class KillableDaemon implements AsyncDisposable {
  /** A TCP port of 127.0.0.1, and a UNIX-domain socket. */
  readonly servers: readonly [NetConnectOpts, NetConnectOpts];
  readonly stateFolder: string;
  readonly #configPath: string;
  readonly #logPath: string;
  #options: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(
    scratch: Scratch,
    port: number,
    { rules, stateFolder, options = [] }: KillableSettings,
  ) {
    const path = `${scratch.folder}/in.sock`;
    this.servers = [{ host: "127.0.0.1", port }, { path }];
    this.stateFolder = stateFolder ?? `${scratch.folder}/state`;
    this.#options = options;
    this.#configPath = `${scratch.folder}/smtpd.conf`;
    this.#logPath = `${scratch.folder}/log`;
    const listeners = [`listen on 127.0.0.1 port ${port}`, `listen on socket "${path}"`];
    writeFileSync(this.#configPath, `${[...listeners, ...rules].join("\n")}\n`);
    writeFileSync(this.#logPath, "");
  }

  /** Not started yet. It is stopped by `scratch`. */
  static async make(scratch: Scratch, settings: KillableSettings): Promise<KillableDaemon> {
    return scratch.use(new KillableDaemon(scratch, await freePort(), settings));
  }

  /** What it has logged so far, over all its lives. */
  get log(): string {
    return readFileSync(this.#logPath, "latin1");
  }

  /** Its last words, for messages of tests that failed. */
  get logEnd(): string {
    return this.log.slice(-LOG_END_BYTES);
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Its processes but the parent. */
  get children(): readonly DaemonProcess[] {
    return processesOf(this.pid).filter(({ pid }) => pid !== this.pid);
  }

  /** Resolves when mail can flow; `options` replace the arguments that it was made with. */
  async start(options: readonly string[] = this.#options): Promise<void> {
    this.#options = options;
    const readyBefore = this.#readyCount();
    const child = this.#spawn();
    this.#child = child;
    await until(
      () => this.#readyCount() > readyBefore || child.exitCode !== null,
      "line that says ready in the log",
    );
    if (child.exitCode !== null) throw new Error(`Cannot start smtpd:\n${this.logEnd}`);
  }

  /** Starts another one, which is to end by itself: says how it did. */
  async startInVain(options: readonly string[] = this.#options): Promise<Finished> {
    return run([PROGRAM, "-d", "-f", this.#configPath, "--state", this.stateFolder, ...options]);
  }

  /** SIGKILL to every process that there still is; resolves when they are gone. */
  async kill(): Promise<void> {
    const { pid } = this;
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = endOf(child);
    // First it is held, so that it starts nothing while its children are counted.
    process.kill(pid, "SIGSTOP");
    const pids = processesOf(pid).map((each) => each.pid);
    for (const each of pids) process.kill(each, "SIGKILL");
    await until(() => !pids.some(isRunning), "end of every process");
    // The system tells of it before Node does.
    await ended;
  }

  /** SIGKILL to the parent alone; resolves when the others have ended because of it. */
  async killParent(): Promise<void> {
    const { children, pid } = this;
    process.kill(pid, "SIGKILL");
    const pids = [pid, ...children.map((child) => child.pid)];
    await until(() => !pids.some(isRunning), "end of the children of a dead parent");
  }

  /** SIGKILL to one process of `role`; false if there is none. */
  killOne(role: string): boolean {
    const victim = this.children.find((child) => child.role === role);
    if (victim !== undefined) process.kill(victim.pid, "SIGKILL");
    return victim !== undefined;
  }

  smtpctl(...words: readonly string[]): Promise<Finished> {
    return run(this.control(...words));
  }

  /** The command line of smtpctl for this daemon. */
  control(...words: readonly string[]): readonly string[] {
    return ["env", `POSTRIDER_STATE=${this.stateFolder}`, CONTROL_PROGRAM, ...words];
  }

  /** `smtpctl spool compact`, for a daemon that does not run. */
  get compaction(): readonly string[] {
    return this.control("spool", "compact", "-f", this.#configPath);
  }

  /** Has everything that waits tried now, until nothing waits any more. */
  async drain(): Promise<void> {
    await until(
      async () => {
        const { code, output } = await this.smtpctl("show", "queue");
        if (code === 0 && output === "") return true;
        if (/\|pending\|/.test(output)) await this.smtpctl("schedule", "all", "-y");
        return false;
      },
      `empty queue\n${this.log.slice(-2000)}`,
    );
  }

  /** Resolves with the exit status of the daemon that runs now; -1 if a signal ended it. */
  ended(): Promise<number> {
    if (this.#child === undefined)
      throw new TypeError("Cannot wait for a daemon: none was started");
    return endOf(this.#child);
  }

  /** SIGTERM; resolves with the exit status. */
  stop(): Promise<number> {
    const ended = this.ended();
    process.kill(this.pid, "SIGTERM");
    return ended;
  }

  /** SIGTERM, as an operator would. @throws if it does not end well. */
  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = endOf(child);
    child.kill("SIGTERM");
    const limit = setTimeout(() => child.kill("SIGKILL"), STOP_WITHIN_MS);
    const code = await ended;
    clearTimeout(limit);
    if (code !== 0) throw new Error(`Cannot stop smtpd: it ended with ${code}\n${this.logEnd}`);
  }

  #spawn(): ChildProcess {
    const log = openSync(this.#logPath, "a");
    const child = spawn(
      PROGRAM,
      ["-d", "-f", this.#configPath, "--state", this.stateFolder, ...this.#options],
      { stdio: ["ignore", log, log] },
    );
    closeSync(log);
    return child;
  }

  #readyCount(): number {
    return this.log.split(READY).length - 1;
  }
}

/** Fields of proc_pid_stat(5) behind the name; the first is the state. */
function statusOf(pid: number): readonly string[] {
  const stat = readProc(pid, "stat");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/**
 * A zombie, which its parent has not waited for, does nothing any more; but a killed process
 * whose other threads are in the middle of a sync or a link is one that is not done yet.
 */
function isRunning(pid: number): boolean {
  const [state = ""] = statusOf(pid);
  if (state === "" || state === "X") return false;
  return state !== "Z" || threadCount(pid) > 1;
}

function threadCount(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).length;
  } catch {
    return 0;
  }
}

/** Empty if there is no such process any more. */
function readProc(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "latin1");
  } catch {
    return "";
  }
}
