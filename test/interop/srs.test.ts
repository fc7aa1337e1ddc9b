/** Addresses that SRS has rewritten, between us and postsrsd under one key. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { test } from "node:test";
import { text } from "node:stream/consumers";
import { decodeSrs, encodeSrs } from "#protocols/mail/srs.ts";
import { freePort, until } from "./greeting.ts";
import { endOf, programPath, unlessInstalled } from "./peer-program.ts";
import { Scratch } from "./scratch.ts";

const KEY = "a key that both have";
const DAY_MS = 86_400_000;

/** Its two tables over TCP: one rewrites, the other finds the way back. */
class Postsrsd implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ports: Readonly<Record<"forward" | "back", number>>;

  private constructor(child: ChildProcess, ports: Readonly<Record<"forward" | "back", number>>) {
    this.#child = child;
    this.#ports = ports;
  }

  static async start(scratch: Scratch): Promise<Postsrsd> {
    const secret = `${scratch.folder}/secret`;
    writeFileSync(secret, `${KEY}\n`);
    const ports = { forward: await freePort(), back: await freePort() };
    const listens = ["-l", "127.0.0.1", "-f", String(ports.forward), "-r", String(ports.back)];
    const child = spawn(programPath("postsrsd"), ["-s", secret, "-d", "here.example", ...listens], {
      stdio: "ignore",
    });
    const postsrsd = scratch.use(new Postsrsd(child, ports));
    await until(async () => (await postsrsd.ask("back", "x")) !== "", "answer of postsrsd");
    return postsrsd;
  }

  /** The address that it has for another one, or its error; "" if it is not there. */
  async ask(table: "forward" | "back", address: string): Promise<string> {
    const socket = connect(this.#ports[table], "127.0.0.1");
    socket.end(`get ${address}\n`);
    const answer = await text(socket).catch(() => "");
    return answer.replace(/^200 /u, "").trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = endOf(this.#child);
    this.#child.kill("SIGTERM");
    await ended;
  }
}

test("postsrsd and we take each other's addresses", {
  skip: unlessInstalled("postsrsd"),
}, async () => {
  await using scratch = new Scratch();
  const postsrsd = await Postsrsd.start(scratch);
  const nowMs = Date.now();
  const further = "SRS0=abcd=2S=home.example=ann@one.example";
  for (const path of ["ann@home.example", "Ann+x=y@Home.example", further]) {
    const ours = encodeSrs(path, "here.example", { key: KEY, nowMs });
    assert.equal((await postsrsd.ask("back", ours)).toLowerCase(), path.toLowerCase());
    const theirs = await postsrsd.ask("forward", path);
    assert.match(theirs, /^SRS[01]=/u);
    const decoded = decodeSrs(theirs, { keys: [KEY], nowMs, ttlMs: DAY_MS });
    assert.ok(decoded.kind === "decoded");
    assert.equal(decoded.address.toLowerCase(), path.toLowerCase());
  }
});
