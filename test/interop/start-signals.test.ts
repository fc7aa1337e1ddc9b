/** Signals in the first moments of the daemon, whatever it is at: it ends cleanly, or keeps them. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { processesOf } from "./daemon-processes.ts";
import { unlessStartable } from "./daemon.ts";
import { freePort, until } from "./greeting.ts";
import { endOf } from "./peer-program.ts";
import { Scratch } from "./scratch.ts";

const PROGRAM = new URL("../../bin/smtpd", import.meta.url).pathname;
const skip = await unlessStartable();

/** SIGHUP in the masks of proc(5). Node itself hears what ends it. */
const HANGUP_BIT = 1n;

/** A daemon that is starting, its processes followed. */
class Start {
  readonly folder: string;
  readonly child: ChildProcess;
  readonly errors: Promise<string>;
  readonly ended: Promise<number>;
  readonly #seen = new Set<number>();

  static async in(scratch: Scratch): Promise<Start> {
    const { folder } = scratch;
    const lines = [
      `listen on 127.0.0.1 port ${await freePort()}`,
      `listen on socket "${folder}/in.sock"`,
      "match from any for any reject",
    ];
    writeFileSync(`${folder}/smtpd.conf`, `${lines.join("\n")}\n`);
    return new Start(folder);
  }

  private constructor(folder: string) {
    this.folder = folder;
    const words = ["-d", "-f", `${folder}/smtpd.conf`, "--state", `${folder}/state`];
    this.child = spawn(PROGRAM, words, { stdio: ["ignore", "ignore", "pipe"] });
    if (this.child.stderr === null) throw new Error("Cannot read what smtpd says");
    this.errors = text(this.child.stderr);
    this.ended = endOf(this.child);
    const look = setInterval(() => this.roles, 5);
    void this.ended.then(() => clearInterval(look));
  }

  get roles(): readonly string[] {
    return processesOf(this.child.pid ?? 0).map(({ pid, role }) => {
      this.#seen.add(pid);
      return role;
    });
  }

  /** The program itself does, not what starts it. */
  get hearsHangup(): boolean {
    const command = readFileSync(`/proc/${this.child.pid}/cmdline`, "utf8");
    if (!/\/programs\/smtpd\.[jt]s\0/u.test(command)) return false;
    const status = readFileSync(`/proc/${this.child.pid}/status`, "utf8");
    const caught = BigInt(`0x${/^SigCgt:\s*([0-9a-f]+)$/mu.exec(status)?.[1] ?? "0"}`);
    return (caught & HANGUP_BIT) !== 0n;
  }

  async nothingIsLeft(): Promise<void> {
    const isOver = (): boolean => [...this.#seen].every((pid) => !existsSync(`/proc/${pid}`));
    await until(isOver, "end of all processes");
    const left = readdirSync(this.folder, { recursive: true, withFileTypes: true });
    assert.deepEqual(
      left.filter((entry) => entry.isSocket()).map(({ name }) => name),
      [],
    );
  }
}

/** With its configuration. */
const ROLES: readonly string[] = ["queue", "dispatcher", "control", "local"];

const MOMENTS: readonly (readonly [what: string, isNow: (start: Start) => boolean])[] = [
  ["it runs its first program", (start) => start.hearsHangup && start.roles.length > 1],
  ["it has made its state folder", ({ folder }) => existsSync(`${folder}/state`)],
  ["it has bound its sockets", ({ folder }) => existsSync(`${folder}/in.sock`)],
  ["its first process is there", ({ roles }) => ROLES.some((role) => roles.includes(role))],
  ["all of them are", ({ roles }) => ROLES.every((role) => roles.includes(role))],
];

for (const [what, isNow] of MOMENTS)
  test(`SIGTERM when ${what} ends it, and nothing is left`, { skip }, async () => {
    await using scratch = new Scratch();
    const start = await Start.in(scratch);
    await until(() => isNow(start), what);
    start.child.kill("SIGTERM");
    assert.equal(await start.ended, 0, await start.errors);
    await start.nothingIsLeft();
    assert.doesNotMatch(await start.errors, /cannot|stopped before|starting it again/u);
  });

test("SIGHUP as soon as the program is there is kept until it can be obeyed", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const start = await Start.in(scratch);
  await until(() => start.hearsHangup, "a program that hears it");
  start.child.kill("SIGHUP");
  let said = "";
  start.child.stderr?.on("data", (some: Buffer) => (said += String(some)));
  await until(() => said.includes("info: configuration reloaded"), "reload");
  start.child.kill("SIGTERM");
  assert.equal(await start.ended, 0);
  await start.nothingIsLeft();
});
