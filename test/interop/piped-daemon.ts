/** The real daemon as a child of the test, its log on a pipe, with one Maildir for all mail. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import type { Endpoint } from "#base/endpoint.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeNetwork } from "#world/node/network.ts";
import { HostileClient } from "#test/hostile/client.ts";
import { processesOf } from "./daemon-processes.ts";
import { freePort, until } from "./greeting.ts";
import { endOf } from "./peer-program.ts";
import { MAIL_USER, type Scratch } from "./scratch.ts";

const PROGRAM = new URL("../../bin/smtpd", import.meta.url).pathname;
/** Nothing may hold it up, a delivery that has not begun least of all. */
const ENDS_WITHIN_MS = 30_000;

/** Killed with its scratch folder if the test has failed and has not stopped it. */
export class PipedDaemon implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly port: number;
  /** The Maildir's new/, there once something was delivered. */
  readonly #arrived: string;
  #said = "";

  private constructor(child: ChildProcess, port: number, arrived: string) {
    this.child = child;
    this.port = port;
    this.#arrived = arrived;
  }

  /**
   * @param maxOpenFiles RLIMIT_NOFILE of the daemon and all its processes.
   * @param rules instead of the one Maildir; what they deliver is for the test to find.
   */
  static async start(
    scratch: Scratch,
    maxOpenFiles?: number,
    rules?: readonly string[],
  ): Promise<PipedDaemon> {
    const port = await freePort();
    const mail = scratch.mailFolder("mail");
    const oneMaildir = [
      `action "d" maildir "${mail}/box" user "${MAIL_USER}"`,
      'match from any for any action "d"',
    ];
    const lines = [`listen on 127.0.0.1 port ${port}`, ...(rules ?? oneMaildir)];
    writeFileSync(`${scratch.folder}/smtpd.conf`, `${lines.join("\n")}\n`);
    const words = [PROGRAM, "-d", "-f", "smtpd.conf", "--state", `${scratch.folder}/state`];
    const limit = maxOpenFiles === undefined ? "" : `ulimit -n ${maxOpenFiles}; `;
    const child = spawn("/bin/sh", ["-c", `${limit}exec "$@"`, "sh", ...words], {
      stdio: ["ignore", "ignore", "pipe"],
      cwd: scratch.folder,
    });
    const daemon = scratch.use(new PipedDaemon(child, port, `${mail}/box/new`));
    child.stderr.on("data", (bytes: Buffer) => {
      daemon.#said += bytes.toString("latin1");
    });
    await until(() => daemon.log.includes("info: ready"), "start");
    return daemon;
  }

  /** What it has logged so far. */
  get log(): string {
    return this.#said;
  }

  /** Resolves when so many messages have been delivered since the start. */
  async delivered(count: number): Promise<void> {
    const arrived = (): number =>
      existsSync(this.#arrived) ? readdirSync(this.#arrived).length : 0;
    await until(() => arrived() === count, `delivery of ${count}`);
  }

  /** SIGTERM; it must be gone in time, and have ended well. */
  async stop(): Promise<void> {
    const ended = endOf(this.child);
    this.child.kill("SIGTERM");
    const limit = setTimeout(() => this.child.kill("SIGKILL"), ENDS_WITHIN_MS);
    assert.equal(await ended, 0);
    clearTimeout(limit);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { child } = this;
    const ended = endOf(child);
    if (child.exitCode === null && child.signalCode === null)
      for (const { pid } of processesOf(child.pid ?? 0)) killed(pid);
    await ended;
  }
}

/** A client that has said EHLO; the daemon takes it. */
export async function greetedClient(where: number | string): Promise<HostileClient> {
  const endpoint: Endpoint =
    typeof where === "string"
      ? { kind: "unix", path: where }
      : { kind: "tcp", host: "127.0.0.1", port: where };
  const opened = await nodeNetwork().connect(endpoint, { timeoutMs: 5000 });
  assert.ok(!("code" in opened), "the daemon takes connections");
  const client = new HostileClient(opened, nodeClock());
  await client.before("helo");
  return client;
}

/** Sends a message, which must be accepted. */
export async function sendsMail(client: HostileClient): Promise<void> {
  await client.write("MAIL FROM:<a@example.test>\r\nRCPT TO:<b@example.test>\r\nDATA\r\n");
  for (let n = 0; n < 3; n++) await client.reply();
  await client.write("Subject: x\r\n\r\nx\r\n.\r\n");
  assert.match((await client.reply()) ?? "(no reply)", /^250 /);
}

/** Sends so many messages, each of which must be accepted. */
export async function sendsMails(port: number, count: number): Promise<void> {
  for (let sent = 0; sent < count; ) {
    const client = await greetedClient(port);
    for (let inSession = 0; inSession < 50 && sent < count; inSession++, sent++)
      await sendsMail(client);
    client.leave();
  }
}

/** It may have ended by itself. */
function killed(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "ESRCH");
  }
}
