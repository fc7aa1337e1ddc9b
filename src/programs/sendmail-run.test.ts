import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint } from "#base/endpoint.ts";
import { FilesError } from "#base/ports/files.ts";
import type { Dropped } from "#engine/enqueue/drop-box.ts";
import type { OutgoingMail } from "#engine/enqueue/outgoing-mail.ts";
import { Sink, type SinkSettings } from "#test/support/sink.ts";
import { SimWorld } from "#world/sim/world.ts";
import { runSendmail } from "./sendmail-run.ts";
import { TemporaryBody } from "./sendmail-store.ts";

const SOCKET: Endpoint = { kind: "unix", path: "/run/enqueue.sock" };
const HOUR_MS = 3_600_000;

interface Machine {
  readonly input?: string;
  /** Undefined: no daemon is there. */
  readonly daemon?: SinkSettings | undefined;
  readonly dropped?: Dropped;
  readonly mailName?: string;
  readonly fails?: true;
}

interface Run {
  readonly code: number;
  readonly printed: readonly string[];
  readonly complaints: readonly string[];
  readonly drops: readonly (OutgoingMail & { readonly text: string })[];
  readonly became: readonly string[];
  readonly sink: Sink;
}

async function* inputOf({
  input = "Subject: x\n\nhello\n",
  fails,
}: Machine): AsyncGenerator<Uint8Array> {
  yield Buffer.from(input);
  if (fails === true) throw new FilesError("EIO", "i/o error");
}

async function run(words: string | readonly string[], machine: Machine = {}): Promise<Run> {
  const world = new SimWorld(1);
  const printed: string[] = [];
  const complaints: string[] = [];
  const drops: (OutgoingMail & { readonly text: string })[] = [];
  const became: string[] = [];
  const sink = new Sink(machine.daemon);
  if (!("daemon" in machine) || machine.daemon !== undefined)
    await sink.listen(world.network, SOCKET);
  using store = new TemporaryBody();
  const running = runSendmail(
    {
      network: world.network,
      clock: world.clock,
      identity: { loginName: "ann", gecos: "Ann", mailName: machine.mailName ?? "mx.example" },
      endpoint: SOCKET,
      input: inputOf(machine),
      store,
      dropBox: {
        async drop(mail, text) {
          const pieces: Uint8Array[] = [];
          for await (const piece of text.chunks()) pieces.push(piece);
          drops.push({ ...mail, text: Buffer.concat(pieces).toString("latin1") });
          return machine.dropped ?? { kind: "dropped" };
        },
      },
      async become(program, rest) {
        became.push([program, ...rest].join(" "));
        return 3;
      },
      pump: () => Promise.resolve(4),
      print: (line) => printed.push(line),
      complain: (line) => complaints.push(line),
    },
    typeof words === "string" ? words.split(" ").filter(Boolean) : words,
  );
  const code = await world.clock.runUntilSettled(running, HOUR_MS);
  return { code, printed, complaints, drops, became, sink };
}

/** A daemon that says `reply` to a line that begins with `start`. */
function saying(start: string, reply: string): SinkSettings {
  return {
    extensions: ["PIPELINING", "DSN", "LIMITS RCPTMAX=1000"],
    reply: (line) => (line.startsWith(start) ? reply : undefined),
  };
}

test("sendmail hands in a message and says nothing", async () => {
  const { code, printed, complaints, sink } = await run("-f c@z a@x b");
  assert.deepEqual([code, printed, complaints], [0, [], []]);
  assert.deepEqual(sink.messages, [
    {
      reversePath: "c@z",
      forwardPaths: ["a@x", "b@mx.example"],
      text: "Subject: x\r\nFrom: <c@z>\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\n\r\nhello\r\n",
    },
  ]);
});

test("sendmail hands on what the sender wants to be told", async () => {
  const { sink } = await run("-N success,delay -R hdrs -V id a@x", {
    daemon: { extensions: ["DSN"] },
  });
  assert.deepEqual(
    sink.lines.filter((line) => /^(?:MAIL|RCPT)/.test(line)),
    ["MAIL FROM:<ann@mx.example> RET=HDRS ENVID=id", "RCPT TO:<a@x> NOTIFY=SUCCESS,DELAY"],
  );
});

test("sendmail prints the dialog with -v", async () => {
  const { printed } = await run("-v a@x");
  assert.deepEqual(printed, [
    "<<< 220 sink.example ESMTP",
    ">>> EHLO localhost",
    "<<< 250 sink.example",
    ">>> MAIL FROM:<ann@mx.example>",
    "<<< 250 2.0.0 Ok",
    ">>> RCPT TO:<a@x>",
    "<<< 250 2.1.5 Ok",
    ">>> DATA",
    "<<< 354 Go on",
    "<<< 250 2.0.0 Taken",
    ">>> QUIT",
    "<<< 221 2.0.0 Bye",
  ]);
});

test("sendmail sends what follows a dot as text, never as commands", async () => {
  const { code, sink } = await run("-i a@x", { input: "Subject: x\n\na\n.\nMAIL FROM:<evil@x>\n" });
  assert.equal(code, 0);
  assert.deepEqual(
    sink.messages.map(({ text }) => text.slice(text.indexOf("\r\n\r\n") + 4)),
    ["a\r\n.\r\nMAIL FROM:<evil@x>\r\n"],
  );
  assert.deepEqual(
    sink.lines.filter((line) => line.startsWith("MAIL")),
    ["MAIL FROM:<ann@mx.example>"],
  );
});

test("sendmail sends it to nobody if one recipient is refused", async () => {
  const { code, complaints, sink, drops } = await run("a@x b@x c@x", {
    daemon: saying("RCPT TO:<b@x>", "550 5.1.1 no such user"),
  });
  assert.equal(code, 67);
  assert.deepEqual(complaints, ["sendmail: b@x: 550 5.1.1 no such user"]);
  assert.deepEqual([sink.messages, drops], [[], []]);
});

const REFUSALS: readonly (readonly [
  start: string,
  reply: string,
  code: number,
  complaint: string,
])[] = [
  ["MAIL", "550 5.7.1 not yours", 77, "550 5.7.1 not yours"],
  ["MAIL", "552 5.3.4 too big", 65, "552 5.3.4 too big"],
  ["RCPT", "550 5.1.2 no such host", 68, "a@x: 550 5.1.2 no such host"],
  ["RCPT", "553 5.1.3 bad", 65, "a@x: 553 5.1.3 bad"],
  ["RCPT", "550 no", 69, "a@x: 550 no"],
  ["TEXT", "554 5.6.0 bad", 65, "554 5.6.0 bad"],
  ["BANNER", "554 5.3.2 no", 69, "554 5.3.2 no"],
];

for (const [start, reply, code, complaint] of REFUSALS) {
  test(`sendmail exits with ${code} after '${reply}' to ${start}, and the message is the caller's`, async () => {
    const ran = await run("a@x", { daemon: saying(start, reply) });
    assert.deepEqual([ran.code, ran.complaints], [code, [`sendmail: ${complaint}`]]);
    assert.deepEqual([ran.sink.messages, ran.drops], [[], []]);
  });
}

const WAITS: readonly (readonly [name: string, daemon: SinkSettings | undefined])[] = [
  ["there is no daemon", undefined],
  ["the daemon has no time", saying("BANNER", "421 4.3.2 busy")],
  ["the daemon goes away", saying("MAIL", "drop")],
  ["the daemon says nothing", saying("EHLO", "silent")],
  ["a recipient is refused for now", saying("RCPT", "451 4.3.0 later")],
  ["the queue is full", saying("TEXT", "452 4.3.1 full")],
  ["nobody knows whether it was taken", saying("TEXT", "drop")],
];

for (const [name, daemon] of WAITS) {
  test(`sendmail puts the message by when ${name}`, async () => {
    const { code, printed, complaints, drops } = await run("-v -Ndelay a@x b", { daemon });
    assert.deepEqual([code, printed.at(-1), complaints], [75, "queued offline", []]);
    assert.deepEqual(drops, [
      {
        reversePath: "ann@mx.example",
        forwardPaths: ["a@x", "b@mx.example"],
        notify: ["delay"],
        returns: undefined,
        envelopeId: "",
        is8bit: false,
        text: "Subject: x\r\nFrom: Ann <ann@mx.example>\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\n\r\nhello\r\n",
      },
    ]);
  });
}

test("sendmail says why when the message can be put nowhere", async () => {
  const { code, complaints } = await run("a@x", {
    daemon: undefined,
    dropped: { kind: "failed", why: "no room" },
  });
  assert.equal(code, 69);
  assert.deepEqual(complaints, [
    "sendmail: No such socket (at CONNECT)",
    "sendmail: cannot keep the message for later: no room",
  ]);
});

test("sendmail sends to more recipients than one transaction has, each once", async () => {
  const to = Array.from({ length: 2500 }, (_, index) => `u${index}@x`);
  const { code, sink } = await run("-t", {
    input: `To: ${to.join(",\n ")}\n\nx\n`,
    daemon: { extensions: ["PIPELINING", "LIMITS MAILMAX=5 RCPTMAX=1000"] },
  });
  assert.equal(code, 0);
  assert.deepEqual(
    sink.messages.map(({ forwardPaths }) => forwardPaths.length),
    [1000, 1000, 500],
  );
  assert.deepEqual(
    sink.messages.flatMap(({ forwardPaths }) => forwardPaths),
    to,
  );
});

test("sendmail sends to a hundred at once where the daemon names no limit", async () => {
  const { sink } = await run(Array.from({ length: 150 }, (_, index) => `u${index}@x`));
  assert.deepEqual(
    sink.messages.map(({ forwardPaths }) => forwardPaths.length),
    [100, 50],
  );
});

test("sendmail puts by what is left of many recipients, and tells of those that have it", async () => {
  const to = Array.from({ length: 1500 }, (_, index) => `u${index}@x`);
  const { code, complaints, drops } = await run("-t", {
    input: `To: ${to.join(",\n ")}\n\nx\n`,
    daemon: saying("RCPT TO:<u1234@x>", "451 4.3.0 later"),
  });
  assert.deepEqual([code, complaints], [75, []]);
  assert.deepEqual(
    drops.map(({ forwardPaths }) => forwardPaths),
    [to.slice(1000)],
  );
  const refused = await run("-t", {
    input: `To: ${to.join(",\n ")}\n\nx\n`,
    daemon: saying("RCPT TO:<u1234@x>", "550 5.1.1 no"),
  });
  assert.deepEqual(
    [refused.code, refused.complaints],
    [67, ["sendmail: sent to the first 1000 recipients alone", "sendmail: u1234@x: 550 5.1.1 no"]],
  );
});

test("sendmail names some of many recipients that were refused", async () => {
  const { complaints } = await run(
    Array.from({ length: 30 }, (_, index) => `u${index}@x`),
    {
      daemon: saying("RCPT", "550 5.1.1 no"),
    },
  );
  assert.equal(complaints.length, 21);
  assert.equal(complaints.at(-1), "sendmail: and 10 more");
});

test("sendmail shows nothing that a terminal would obey", async () => {
  const { printed, complaints } = await run("-v a@x", {
    daemon: saying("RCPT", "550 \u001b[2Jno"),
  });
  assert.doesNotMatch([...printed, ...complaints].join(""), /\p{Cc}/u);
});

const FAILURES: readonly (readonly [
  words: string,
  code: number,
  complaint: string,
  machine?: Machine,
])[] = [
  ["-z", 64, "unknown option -- z"],
  ["", 70, "no recipients"],
  ["-t", 70, "no recipients"],
  ["-t", 65, "syntax error in address: Bob Smith", { input: "To: Bob Smith\n\n" }],
  [
    "a@x",
    68,
    "this machine has no name for mail: write one into /etc/mail/mailname",
    { mailName: "" },
  ],
  ["a@x", 71, "cannot read the message: i/o error", { fails: true }],
];

for (const [words, code, complaint, machine] of FAILURES) {
  test(`sendmail '${words}' exits with ${code}: ${complaint}`, async () => {
    const ran = await run(words, machine);
    assert.deepEqual([ran.code, ran.complaints[0]], [code, `sendmail: ${complaint}`]);
    assert.deepEqual([ran.sink.sessions, ran.drops], [0, []]);
  });
}

for (const [words, became, code] of [
  ["-bp", ["smtpctl show queue"], 3],
  ["-q", ["smtpctl schedule -y all"], 3],
  ["-bi -OAliasFile=/x", ["newaliases -OAliasFile=/x"], 3],
  ["-bs", [], 4],
] as const) {
  test(`sendmail ${words} does what another program does`, async () => {
    const ran = await run(words);
    assert.deepEqual([ran.became, ran.code, ran.sink.sessions], [became, code, 0]);
  });
}
