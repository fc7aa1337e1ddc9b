/** LOG-02: whoever reads the real daemon's log may be stuck or gone; mail flows all the same. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { nodeClock } from "#world/node/clock.ts";
import { nodeNetwork } from "#world/node/network.ts";
import { HostileClient } from "#test/hostile/client.ts";
import { processesOf } from "./daemon-processes.ts";
import { unlessStartable } from "./daemon.ts";
import { freePort, until } from "./greeting.ts";
import { endOf } from "./peer-program.ts";
import { MAIL_USER, Scratch } from "./scratch.ts";

const PROGRAM = new URL("../../bin/smtpd", import.meta.url).pathname;
/** Each makes three log lines and more: a pipe takes 64 KiB. */
const MAILS = 300;
const ENDS_WITHIN_MS = 10_000;

const skip = await unlessStartable();

interface Piped {
  readonly child: ChildProcess;
  readonly port: number;
  readonly mail: string;
}

/** Starts the daemon with its log on a pipe of ours. */
async function piped(scratch: Scratch): Promise<Piped> {
  const port = await freePort();
  const mail = scratch.mailFolder("mail");
  writeFileSync(
    `${scratch.folder}/smtpd.conf`,
    `listen on 127.0.0.1 port ${port}\n` +
      `action "d" maildir "${mail}/box" user "${MAIL_USER}"\nmatch from any for any action "d"\n`,
  );
  const args = ["-d", "-f", "smtpd.conf", "--state", `${scratch.folder}/state`];
  const child = spawn(PROGRAM, args, { stdio: ["ignore", "ignore", "pipe"], cwd: scratch.folder });
  let said = "";
  child.stderr.on("data", (bytes: Buffer) => {
    said += bytes.toString("latin1");
  });
  await until(() => said.includes("info: ready"), `start: ${said}`);
  return { child, port, mail };
}

async function sends(port: number, count: number): Promise<void> {
  for (let sent = 0; sent < count; ) {
    const opened = await nodeNetwork().connect(
      { kind: "tcp", host: "127.0.0.1", port },
      { timeoutMs: 5000 },
    );
    assert.ok(!("code" in opened), "the daemon takes connections");
    const client = new HostileClient(opened, nodeClock());
    await client.before("helo");
    for (let inSession = 0; inSession < 50 && sent < count; inSession++, sent++) {
      await client.write("MAIL FROM:<a@example.test>\r\nRCPT TO:<b@example.test>\r\nDATA\r\n");
      for (let n = 0; n < 3; n++) await client.reply();
      await client.write("Subject: x\r\n\r\nx\r\n.\r\n");
      assert.match((await client.reply()) ?? "(no reply)", /^250 /);
    }
    client.leave();
  }
}

/** SIGTERM; the daemon must be gone in time, with all its processes. */
async function stops({ child }: Piped): Promise<void> {
  const startedMs = performance.now();
  const ended = endOf(child);
  child.kill("SIGTERM");
  const limit = setTimeout(() => child.kill("SIGKILL"), ENDS_WITHIN_MS);
  assert.equal(await ended, 0);
  clearTimeout(limit);
  assert.ok(performance.now() - startedMs < ENDS_WITHIN_MS);
}

for (const how of ["stuck", "gone"] as const) {
  test(`a reader of the log that is ${how} stops neither mail nor restarts nor the end`, {
    skip,
  }, async () => {
    await using scratch = new Scratch();
    const daemon = await piped(scratch);
    const { child, port, mail } = daemon;
    if (how === "stuck") child.stderr?.pause();
    else child.stderr?.destroy();
    await sends(port, MAILS);
    await until(() => readdirSync(`${mail}/box/new`).length === MAILS, "delivery of all");
    // The parent has something to say, too.
    const dispatcher = processesOf(child.pid ?? 0).find(({ role }) => role === "dispatcher");
    process.kill(dispatcher?.pid ?? 0, "SIGKILL");
    await until(async () => {
      const now = processesOf(child.pid ?? 0).filter(({ role }) => role === "dispatcher");
      return now.length > 0 && now.every(({ pid }) => pid !== dispatcher?.pid);
    }, "another dispatcher");
    await sends(port, 1);
    await stops(daemon);
  });
}
