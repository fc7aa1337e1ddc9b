import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint } from "#base/endpoint.ts";
import { runSmtp } from "./smtp-run.ts";
import { Sink, type SinkSettings } from "#test/support/sink.ts";
import { tlsServer } from "#test/support/tls-server.ts";
import { SimWorld } from "#world/sim/world.ts";

const SOCKET: Endpoint = { kind: "unix", path: "/tmp/barbaz.sock" };
const INPUT = "subject: test\n\ntest";
const HOUR_MS = 3_600_000;
const ACCEPTED = "250 2.0.0 593c830c Message accepted for delivery";

/** The input in two pieces. */
async function* readInput(): AsyncGenerator<Uint8Array> {
  yield Buffer.from(INPUT.slice(0, 14));
  yield Buffer.from(INPUT.slice(14));
}

const FILES: ReadonlyMap<string, string> = new Map([
  ["/login", "tim\nsecret\n"],
  ["/half", "tim\n"],
  ["/ca", "names=other.example"],
]);

interface Run {
  readonly code: number;
  readonly printed: readonly string[];
  readonly complaints: readonly string[];
  readonly sink: Sink;
}

async function run(
  words: readonly string[],
  settings: SinkSettings = {},
  at: Endpoint = SOCKET,
  world: SimWorld = new SimWorld(1),
): Promise<Run> {
  const printed: string[] = [];
  const complaints: string[] = [];
  const sink = new Sink({
    ...settings,
    reply: (line, session) =>
      settings.reply?.(line, session) ?? (line.startsWith("TEXT") ? ACCEPTED : undefined),
  });
  await sink.listen(world.network, at);
  world.resolver.setAddresses("localhost", ["::1", "127.0.0.1"]);
  world.resolver.setServers("shaky.example", "failing");
  const { network, resolver, clock, tls } = world;
  const running = runSmtp(
    {
      network,
      resolver,
      clock,
      tls,
      readFile: (path) => FILES.get(path) ?? { why: `${path}: no such file` },
      systemAuthorities: () => ({ pem: "names=mx.example" }),
      nonce: () => "nonce",
      hostname: "here.example",
      loginName: () => "gilles",
      input: readInput(),
      print: (line) => printed.push(line),
      complain: (line) => complaints.push(line),
    },
    words,
  );
  const code = await clock.runUntilSettled(running, HOUR_MS);
  return { code, printed, complaints, sink };
}

test("smtp submits over a UNIX-domain socket and prints the final reply", async () => {
  const { code, printed, sink } = await run(["-s", "/tmp/barbaz.sock", "RECIPIENT"]);
  assert.deepEqual([code, printed], [0, [`RECIPIENT: EOM: ${ACCEPTED}`]]);
  assert.deepEqual(sink.messages, [
    { reversePath: "gilles", forwardPaths: ["RECIPIENT"], text: "subject: test\r\n\r\ntest\r\n" },
  ]);
  assert.deepEqual([sink.lines[0], sink.lines.at(-1)], ["EHLO here.example", "QUIT"]);
});

test("smtp goes on after a refused recipient, and its exit status tells", async () => {
  const { code, printed } = await run(["-s", "/tmp/barbaz.sock", "a@x", "b@x"], {
    reply: (line) => (line === "RCPT TO:<a@x>" ? "550-5.1.1 no\r\n550 5.1.1 such user" : undefined),
  });
  assert.equal(code, 1);
  assert.deepEqual(printed, ["a@x: RCPT: 550 5.1.1 no such user", `b@x: EOM: ${ACCEPTED}`]);
});

test("smtp speaks LMTP over a UNIX-domain socket", async () => {
  const { code, printed } = await run(["-s", "lmtp:/tmp/barbaz.sock", "a", "b"], {
    dialect: "lmtp",
  });
  assert.deepEqual([code, printed], [0, [`a: EOM: ${ACCEPTED}`, `b: EOM: ${ACCEPTED}`]]);
});

test("smtp tries each address of the default server", async () => {
  const at: Endpoint = { kind: "tcp", host: "127.0.0.1", port: 25 };
  const { code, complaints } = await run(["-F", "", "-H", "me", "a"], {}, at);
  assert.equal(code, 0);
  assert.deepEqual(complaints, ["smtp: connection error: Connection refused (at CONNECT)"]);
});

test("smtp prints the dialog with -v, and sends nothing with -n", async () => {
  const { code, complaints, printed } = await run(["-nv", "-s", "/tmp/barbaz.sock"]);
  assert.equal(code, 0);
  assert.deepEqual(printed, []);
  assert.deepEqual(complaints, [
    "trying unix:/tmp/barbaz.sock",
    "<<< 220 sink.example ESMTP",
    ">>> EHLO here.example",
    "<<< 250 sink.example",
    ">>> QUIT",
    "<<< 221 2.0.0 Bye",
  ]);
});

const FAILURES: readonly {
  readonly words: string;
  readonly complaint: string;
  readonly banner?: string;
}[] = [
  { words: "-s /tmp/barbaz.sock", complaint: "no recipient" },
  { words: "-s foo://x a", complaint: "invalid url scheme foo" },
  { words: "-s smtp+notls://u:p@x a", complaint: "credentials are sent over TLS only" },
  { words: "-a /login -s /tmp/barbaz.sock a", complaint: "credentials are sent over TLS only" },
  { words: "-a /gone -s smtps://x a", complaint: "/gone: no such file" },
  { words: "-a /half -s smtps://x a", complaint: "/half: no user and password" },
  { words: "-T ciphers=( -s smtps://x a", complaint: "invalid ciphers: (" },
  { words: "-T protocols=ssl3 -s smtps://x a", complaint: "unknown TLS protocol: ssl3" },
  { words: "-T cafile=/gone -s smtps://x a", complaint: "/gone: no such file" },
  { words: "-s absent.example a", complaint: "absent.example: host not found" },
  { words: "-s shaky.example a", complaint: "shaky.example: temporary failure in look-up" },
  { words: "-s /tmp/other.sock a", complaint: "no more host" },
  { words: "-s /tmp/barbaz.sock a", banner: "554 go away", complaint: "no more host" },
  { words: "-s /tmp/barbaz.sock a", banner: "hello", complaint: "no more host" },
];

for (const { words, complaint, banner } of FAILURES) {
  test(`smtp ${words} fails with '${complaint}'${banner === undefined ? "" : ` after '${banner}'`}`, async () => {
    const { code, complaints } = await run(words.split(" "), {
      reply: (line) => (line === "BANNER" ? banner : undefined),
    });
    assert.equal(code, 1);
    assert.equal(complaints.at(-1), `smtp: ${complaint}`);
  });
}

/** A server mx.example that shows this certificate. */
async function runOverTls(
  words: string,
  certificate: string,
  start: "starttls" | "at-once" = "starttls",
): Promise<Run> {
  const world = new SimWorld(1);
  world.resolver.setAddresses("mx.example", ["192.0.2.1"]);
  const server = tlsServer(world.tls, { certificate });
  const extensions = start === "starttls" ? ["STARTTLS", "AUTH PLAIN"] : ["AUTH PLAIN"];
  const port = start === "starttls" ? 25 : 465;
  const at = { kind: "tcp", host: "192.0.2.1", port } as const;
  return run([...words.split(" "), "a"], { extensions, tls: { server, start } }, at, world);
}

const OVER_TLS: readonly {
  readonly words: string;
  readonly certificate?: string;
  readonly start?: "at-once";
  /** What the server hears of it; undefined: the complaint in its place. */
  readonly heard?: readonly string[];
  readonly complaint?: string;
}[] = [
  { words: "-s mx.example", heard: ["STARTTLS", "TLS mx.example"] },
  { words: "-s smtp+notls://mx.example", heard: [] },
  { words: "-s smtp+tls://mx.example", heard: ["STARTTLS", "TLS mx.example"] },
  { words: "-s smtps://mx.example", start: "at-once", heard: ["TLS mx.example"] },
  {
    words: "-s smtps://tim:secret@mx.example",
    start: "at-once",
    heard: ["TLS mx.example", "AUTH PLAIN AHRpbQBzZWNyZXQ="],
  },
  {
    words: "-v -a /login -s smtp+tls://mx.example",
    heard: ["STARTTLS", "TLS mx.example", "AUTH PLAIN AHRpbQBzZWNyZXQ="],
  },
  {
    words: "-s mx.example",
    certificate: "names=other.example",
    complaint: "Server certificate not verified: UNABLE_TO_VERIFY_LEAF_SIGNATURE (at TLS)",
  },
  {
    words: "-S other.example -T cafile=/ca -s mx.example",
    certificate: "names=other.example",
    heard: ["STARTTLS", "TLS other.example"],
  },
  {
    words: "-C -s smtp+tls://mx.example",
    certificate: "names=other.example",
    heard: ["STARTTLS", "TLS mx.example"],
  },
];

for (const { words, certificate = "names=mx.example", start, heard, complaint } of OVER_TLS) {
  test(`smtp ${words} ${complaint === undefined ? "is under TLS as it asks" : "sends nothing"} where ${certificate} is shown`, async () => {
    const { code, complaints, sink } = await runOverTls(words, certificate, start);
    if (heard === undefined) {
      assert.equal(code, 1);
      assert.ok(
        complaints.some((line) => line.includes(complaint ?? "")),
        complaints.join("\n"),
      );
      assert.equal(sink.messages.length, 0);
      return;
    }
    assert.equal(code, 0, complaints.join("\n"));
    assert.deepEqual(
      sink.lines.filter((line) => /^(?:STARTTLS|TLS|AUTH)/u.test(line)),
      heard,
    );
    assert.doesNotMatch(complaints.join("\n"), /secret|AHRpbQ/u);
  });
}

test("smtp shows its usage with -h and after a mistake", async () => {
  const help = await run(["-h"]);
  assert.deepEqual([help.code, help.printed.length], [0, 1]);
  const mistake = await run(["-x"]);
  assert.equal(mistake.code, 1);
  assert.deepEqual(mistake.complaints, ["smtp: unknown option -- x", ...help.printed]);
});
