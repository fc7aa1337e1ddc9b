/**
 * sendmail(8) and signals: whenever one comes, the message is taken once, or its caller is told
 * that it is not known to be. Nothing is handed in by halves, and nothing half is left to be.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { test } from "node:test";
import { COMPLETE_MODE } from "#engine/enqueue/dropped-names.ts";
import { until } from "./greeting.ts";
import { run, unlessInstalled } from "./peer-program.ts";
import { Scratch } from "./scratch.ts";

const SENDMAIL = new URL("../../bin/sendmail", import.meta.url).pathname;
const MAIL = "Subject: whole\n\nfirst line\nlast line\n";
const PERMISSION_BITS = 0o7777;

/** A daemon that answers the end of a text when it is told to, as one whose disk is slow. */
class SlowDaemon implements AsyncDisposable {
  readonly texts: string[] = [];
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  private constructor() {
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(path: string): Promise<SlowDaemon> {
    const daemon = new SlowDaemon();
    daemon.#server.listen(path);
    await once(daemon.#server, "listening");
    return daemon;
  }

  /** To who has sent a text, if he is there still. */
  answer(): void {
    for (const socket of this.#open) socket.write("250 2.0.0 Taken\r\n");
  }

  #serve(socket: Socket): void {
    this.#open.add(socket);
    socket.on("close", () => this.#open.delete(socket));
    socket.on("error", () => undefined);
    let heard = "";
    let state: "commands" | "text" = "commands";
    socket.on("data", (bytes: Buffer) => {
      heard += bytes.toString("latin1");
      for (;;) {
        const mark = state === "text" ? "\r\n.\r\n" : "\r\n";
        const end = heard.indexOf(mark);
        if (end < 0) return;
        const unit = heard.slice(0, end);
        heard = heard.slice(end + mark.length);
        if (state === "text") this.texts.push(unit);
        else socket.write(replyTo(unit));
        state = state === "commands" && unit === "DATA" ? "text" : "commands";
      }
    });
    socket.write("220 slow.example ESMTP\r\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

function replyTo(command: string): string {
  if (command.startsWith("EHLO")) return "250 slow.example\r\n";
  return command === "DATA" ? "354 Go\r\n" : "250 2.0.0 Ok\r\n";
}

function sendmail(state: string): ChildProcess {
  const child = spawn(SENDMAIL, ["-i", "anna@in.example"], {
    env: { ...process.env, POSTRIDER_STATE: state },
    stdio: ["pipe", "ignore", "ignore"],
  });
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(MAIL);
  return child;
}

/** Messages that the drop folder has complete, of which none may be half. */
function dropped(folder: string): readonly string[] {
  return readdirSync(folder)
    .map((name) => `${folder}/${name}`)
    .filter((path) => (statSync(path).mode & PERMISSION_BITS) === COMPLETE_MODE)
    .map((path) => readFileSync(path, "latin1"));
}

for (const signal of ["SIGHUP", "SIGINT", "SIGTERM", "SIGPIPE"] as const)
  test(`sendmail that ${signal} finds between text and reply does not say that it was taken before it was`, async () => {
    await using scratch = new Scratch();
    mkdirSync(`${scratch.folder}/offline`);
    await using daemon = await SlowDaemon.start(`${scratch.folder}/enqueue.sock`);
    const child = sendmail(scratch.folder);
    const ended = once(child, "exit");
    await until(() => daemon.texts.length === 1, "text");
    child.kill(signal);
    // Node keeps SIGPIPE from every program: who writes to nobody is told by the write.
    if (signal === "SIGPIPE") daemon.answer();
    const [code, by] = (await ended) as [number | null, string | null];
    assert.deepEqual([code, by], signal === "SIGPIPE" ? [0, null] : [null, signal]);
    const [text = "", ...more] = daemon.texts;
    assert.match(text, /\r\nfirst line\r\nlast line$/u);
    assert.deepEqual(more, [], "it is sent once");
    assert.deepEqual(dropped(`${scratch.folder}/offline`), [], "and not kept as well");
  });

/** The calls by which a message comes into the drop folder, in their order. */
const CALLS: readonly string[] = ["pwrite64", "fchmod", "fsync"];

for (const signal of ["SIGHUP", "SIGINT", "SIGTERM", "SIGPIPE"] as const)
  for (const call of CALLS)
    test(`sendmail that ${signal} finds at the ${call} of a drop leaves a whole message or none`, {
      skip: unlessInstalled("strace"),
    }, async () => {
      await using scratch = new Scratch();
      const folder = `${scratch.folder}/offline`;
      mkdirSync(folder, { mode: 0o700 });
      const inject = ["-e", `trace=${call}`, "-e", `inject=${call}:signal=${signal}:when=1`];
      const strace = ["strace", "-f", "-qq", "-o", `${scratch.folder}/calls`, ...inject];
      const environment = ["env", `POSTRIDER_STATE=${scratch.folder}`];
      const { code } = await run([...environment, ...strace, SENDMAIL, "-i", "a@in.example"], MAIL);
      assert.ok(
        readFileSync(`${scratch.folder}/calls`, "latin1").includes(`--- ${signal} `),
        "it came",
      );
      const kept = dropped(folder);
      for (const text of kept) assert.match(text, /first line\r?\nlast line\r?\n$/u);
      assert.ok(kept.length <= 1);
      // Its caller is told that it is kept only if it is.
      if (code === 0 || code === 75) assert.equal(kept.length, 1, String(code));
    });
