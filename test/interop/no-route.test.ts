/**
 * The daemon on a machine without a network, as early in a start: nothing leads to the name
 * server. It serves, mail for elsewhere waits, and no process of it ends.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { processesOf } from "./daemon-processes.ts";
import { unlessStartable } from "./daemon.ts";
import { until } from "./greeting.ts";
import { endOf, run, unlessInstalled } from "./peer-program.ts";
import { MAIL_USER, RUNS_AS_ROOT, Scratch } from "./scratch.ts";
import { SmtpSession } from "./smtp-session.ts";

const PROGRAM = new URL("../../bin/smtpd", import.meta.url).pathname;
const CLIENT = new URL("../../bin/smtp", import.meta.url).pathname;
/** Of the machine, so that a client comes from there; its name is asked of the name server. */
const ADDRESS = "192.0.2.9";
/** With loopback, and a name server that is elsewhere. */
const APART = `
ip link set lo up
ip address add ${ADDRESS}/32 dev lo
mount --bind resolv.conf /etc/resolv.conf
exec "$@"`;

const skip =
  (await unlessStartable()) ||
  unlessInstalled("unshare") ||
  unlessInstalled("nsenter") ||
  unlessInstalled("ip") ||
  (RUNS_AS_ROOT ? false : "only root can take the network away");

/** Killed at the end of a test that has failed. */
class DaemonApart implements Disposable {
  readonly #child: ChildProcess;
  #said = "";

  constructor(folder: string) {
    const words = [PROGRAM, "-d", "-f", "smtpd.conf", "--state", `${folder}/state`];
    this.#child = spawn("unshare", ["-n", "-m", "sh", "-ec", APART, "sh", ...words], {
      stdio: ["ignore", "ignore", "pipe"],
      cwd: folder,
    });
    this.#child.stderr?.on("data", (bytes: Buffer) => {
      this.#said += bytes.toString("latin1");
    });
  }

  get log(): string {
    return this.#said;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async stop(): Promise<void> {
    const ended = endOf(this.#child);
    this.#child.kill("SIGTERM");
    assert.equal(await ended, 0, this.log);
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}

test("a daemon without a network takes mail, delivers it here, and keeps what is for elsewhere", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const mail = scratch.mailFolder("mail");
  const path = `${scratch.folder}/in.sock`;
  const lines = [
    `listen on socket "${path}"`,
    `listen on ${ADDRESS} port 2525`,
    `action "here" maildir "${mail}" user "${MAIL_USER}"`,
    'action "out" relay',
    'match from any for domain "here.example" action "here"',
    'match from any for any action "out"',
  ];
  writeFileSync(`${scratch.folder}/smtpd.conf`, `${lines.join("\n")}\n`);
  writeFileSync(`${scratch.folder}/resolv.conf`, "nameserver 192.0.2.53\n");
  using daemon = new DaemonApart(scratch.folder);
  await until(() => daemon.log.includes("info: ready"), "start");
  const before = processesOf(daemon.pid).map(({ pid }) => pid);
  for (const domain of ["far.example", "here.example"]) {
    using session = await SmtpSession.inData({ path }, `ann@${domain}`);
    assert.match(await session.say("Subject: early\r\n\r\nhello\r\n."), /^250 /u);
    await session.say("QUIT");
  }
  const inside = ["nsenter", `--target=${daemon.pid}`, "--net"];
  const server = `smtp+notls://${ADDRESS}:2525`;
  const client = [CLIENT, "-s", server, "-F", "bob@far.example", "ben@here.example"];
  const { code, output } = await run([...inside, ...client], "Subject: by TCP\n\nhello\n");
  assert.equal(code, 0, output);
  await until(() => / mta delivery .* result="TempFail" /u.test(daemon.log), "deferral");
  await until(() => daemon.log.match(/ mda delivery .* result=Ok /gu)?.length === 2, "delivery");
  // Its lines wait for its name, which nobody can tell.
  await until(
    () => / smtp connected address=192\.0\.2\.9 host=<unknown>/u.test(daemon.log),
    "lines of the TCP session",
  );
  const after = new Set(processesOf(daemon.pid).map(({ pid }) => pid));
  assert.deepEqual(
    before.filter((pid) => !after.has(pid)),
    [],
    daemon.log,
  );
  await daemon.stop();
});
