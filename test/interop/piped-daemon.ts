/** The real daemon as a child of the test, its log on a pipe, with one Maildir for all mail. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { nodeClock } from "#world/node/clock.ts";
import { nodeNetwork } from "#world/node/network.ts";
import { HostileClient } from "#test/hostile/client.ts";
import { freePort, until } from "./greeting.ts";
import { endOf } from "./peer-program.ts";
import { MAIL_USER, type Scratch } from "./scratch.ts";

const PROGRAM = new URL("../../bin/smtpd", import.meta.url).pathname;
/** Nothing may hold it up, a delivery that has not begun least of all. */
const ENDS_WITHIN_MS = 30_000;

export interface PipedDaemon {
  readonly child: ChildProcess;
  readonly port: number;
  /** The Maildir's new/. */
  readonly arrived: string;
}

/** @param maxOpenFiles RLIMIT_NOFILE of the daemon and all its processes. */
export async function startPiped(scratch: Scratch, maxOpenFiles?: number): Promise<PipedDaemon> {
  const port = await freePort();
  const mail = scratch.mailFolder("mail");
  writeFileSync(
    `${scratch.folder}/smtpd.conf`,
    `listen on 127.0.0.1 port ${port}\n` +
      `action "d" maildir "${mail}/box" user "${MAIL_USER}"\nmatch from any for any action "d"\n`,
  );
  const words = [PROGRAM, "-d", "-f", "smtpd.conf", "--state", `${scratch.folder}/state`];
  const limit = maxOpenFiles === undefined ? "" : `ulimit -n ${maxOpenFiles}; `;
  const child = spawn("/bin/sh", ["-c", `${limit}exec "$@"`, "sh", ...words], {
    stdio: ["ignore", "ignore", "pipe"],
    cwd: scratch.folder,
  });
  let said = "";
  child.stderr.on("data", (bytes: Buffer) => {
    said += bytes.toString("latin1");
  });
  await until(() => said.includes("info: ready"), `start: ${said}`);
  return { child, port, arrived: `${mail}/box/new` };
}

/** SIGTERM; it must be gone in time, and have ended well. */
export async function stopPiped({ child }: PipedDaemon): Promise<void> {
  const ended = endOf(child);
  child.kill("SIGTERM");
  const limit = setTimeout(() => child.kill("SIGKILL"), ENDS_WITHIN_MS);
  assert.equal(await ended, 0);
  clearTimeout(limit);
}

/** Sends so many messages, each of which must be accepted. */
export async function sendsMails(port: number, count: number): Promise<void> {
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
