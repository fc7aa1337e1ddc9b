/**
 * The real daemon hands mail on to Postfix's smtp-sink, over TCP and over a UNIX-domain
 * socket. Whole servers have files of their own, peer-*.test.ts.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { test } from "node:test";
import { Daemon, unlessStartable } from "./daemon.ts";
import { freePort, greeted } from "./greeting.ts";
import { endOf, programPath, run, unlessInstalled } from "./peer-program.ts";
import { arrivals, MAIL_USER, RUNS_AS_ROOT, Scratch } from "./scratch.ts";

const unstartable = await unlessStartable();

const SMTP = new URL("../../bin/smtp", import.meta.url).pathname;
const TEXT = "From: <a@client.example>\nSubject: onwards\n\nfirst\n.\n.second\n";

/** A server of somebody else, stopped at the end of its test. */
class Server implements AsyncDisposable {
  readonly #child: ChildProcess;

  constructor(command: readonly string[]) {
    const [program = "", ...args] = command;
    this.#child = spawn(programPath(program), args, { stdio: "ignore" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = endOf(this.#child);
    this.#child.kill("SIGTERM");
    await ended;
  }
}

/** Gives one message for each of `recipients` to the daemon. */
async function submit(daemon: Daemon, ...recipients: readonly string[]): Promise<void> {
  const server = daemon.endpoints.socketPath;
  const { code, output } = await run(
    [SMTP, "-F", "a@client.example", "-s", server, ...recipients],
    TEXT,
  );
  assert.equal(code, 0, output);
}

/** smtp-sink that writes each message to a file of its own in `folder`. */
function sinkCommand(folder: string, address: string): readonly string[] {
  const asRoot = RUNS_AS_ROOT ? ["-u", MAIL_USER] : [];
  return ["smtp-sink", ...asRoot, "-d", `${folder}/%M.`, address, "100"];
}

function assertWhole(text: string | undefined, log: string): void {
  const lines = text?.replaceAll("\r\n", "\n") ?? "";
  assert.ok(lines.includes("Subject: onwards\n"), `header is kept:\n${lines}\n${log}`);
  assert.ok(lines.includes("\n\nfirst\n.\n.second\n"), `text is kept:\n${lines}\n${log}`);
}

test("smtp-sink takes relayed mail over TCP", {
  skip: unstartable || unlessInstalled("smtp-sink"),
}, async () => {
  await using scratch = new Scratch();
  const folder = scratch.mailFolder("sink");
  const port = await freePort();
  scratch.use(new Server(sinkCommand(folder, `127.0.0.1:${port}`)));
  await greeted({ port });
  const daemon = await Daemon.start(scratch, [
    `action "out" relay host "smtp://127.0.0.1:${port}"`,
    'match from any for any action "out"',
  ]);
  await submit(daemon, "b@out.example");
  const [text] = await arrivals(folder, 1, ".second");
  assertWhole(text, daemon.log);
});

test("smtp-sink takes relayed mail over a UNIX-domain socket", {
  skip: unlessInstalled("smtp-sink"),
}, async () => {
  await using scratch = new Scratch();
  const folder = scratch.mailFolder("sink");
  const path = `${scratch.mailFolder("run")}/sink.sock`;
  scratch.use(new Server(sinkCommand(folder, `unix:${path}`)));
  await greeted({ path });
  const daemon = await Daemon.start(scratch, [
    `action "out" relay host "unix:${path}"`,
    'match from any for any action "out"',
  ]);
  await submit(daemon, "b@out.example");
  const [text] = await arrivals(folder, 1, ".second");
  assertWhole(text, daemon.log);
});
