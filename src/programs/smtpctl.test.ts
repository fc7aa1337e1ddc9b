import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { promisify } from "node:util";
import type { Connection, Listening, Network } from "#base/ports/network.ts";
import {
  type ControlAnswer,
  type ControlRequest,
  controlAnswerCodec,
  controlRequestCodec,
} from "#model/ipc/control-link.ts";
import { encodeFrame, FrameReader } from "#model/ipc/frame.ts";
import { NOBODY_AT_THE_TERMINAL } from "#test/support/smtpctl-setting.ts";
import { nodeNetwork } from "#world/node/network.ts";
import { SimClock } from "#world/sim/clock.ts";
import { runSmtpctl } from "./smtpctl-run.ts";
import { statePaths } from "./state-paths.ts";

const ESC = "\u001b";
const USAGE = "usage: smtpctl [--json] [--state dir] command [argument ...]\n";

type Answer = (request: ControlRequest) => readonly ControlAnswer[];

/** A daemon that answers each request on a connection as the test says. */
function serve(connection: Connection, answer: Answer): void {
  const reader = new FrameReader(controlRequestCodec, 8192);
  connection.start({
    data(chunk) {
      reader.push(chunk, (request) => {
        for (const each of answer(request)) connection.write(encodeFrame(controlAnswerCodec, each));
      });
    },
    end: () => connection.end(),
    drain() {},
    closed() {},
  });
}

function row(line: string, json: unknown): ControlAnswer {
  return { kind: "row", line, json: JSON.stringify(json) };
}

function bytes(text: string): ControlAnswer {
  return { kind: "bytes", bytes: Buffer.from(text) };
}

function done(count = 0): ControlAnswer {
  return { kind: "done", ok: true, text: "", count };
}

function failed(text: string): ControlAnswer {
  return { kind: "done", ok: false, text, count: 0 };
}

const MSGID = "5f2a1b3c";
const EVPID = "5f2a1b3c00000001";

/** What the daemon has, and what smtpctl makes of it. */
const CASES: readonly {
  readonly args: string;
  readonly asks: ControlRequest;
  readonly answers: readonly ControlAnswer[];
  readonly prints: string;
  readonly complains?: string;
  readonly status?: number;
  readonly isTerminal?: boolean;
}[] = [
  {
    args: "show queue",
    asks: { kind: "show-queue", target: { kind: "all" }, form: "text" },
    answers: [done()],
    prints: "",
  },
  {
    args: "show queue 5F2A1B3C",
    asks: { kind: "show-queue", target: { kind: "id", id: MSGID }, form: "text" },
    answers: [
      row(`${EVPID}|inet4|mta||a@b|c@d|c@d|1|2|3|1|pending|60|TempFail\\033`, {}),
      row(`${EVPID}|${ESC}[2J\n`, {}),
      done(),
    ],
    prints: `${EVPID}|inet4|mta||a@b|c@d|c@d|1|2|3|1|pending|60|TempFail\\033\n${EVPID}|\\033[2J\\n\n`,
  },
  {
    args: "show queue --json",
    asks: { kind: "show-queue", target: { kind: "all" }, form: "json" },
    answers: [row("x", { evpid: EVPID, error: `${ESC}\u202e` }), done()],
    prints: `{"evpid":"${EVPID}","error":"\\u001b\\u202e"}\n`,
  },
  {
    args: `show envelope ${EVPID}`,
    asks: { kind: "show-envelope", evpid: EVPID },
    answers: [
      { kind: "row", line: `sender: a@b\nhelo: ${ESC}\n`, json: "" },
      { kind: "row", line: "", json: '{"sender":"a@b"}' },
      done(),
    ],
    prints: "sender: a@b\nhelo: \\033\n",
  },
  {
    args: `show message ${EVPID}`,
    asks: { kind: "show-message", id: EVPID },
    answers: [bytes(`Subject: ${ESC}[2J\r`), bytes("\n\r\nhello\r\n"), done()],
    prints: `Subject: ${ESC}[2J\r\n\r\nhello\r\n`,
  },
  {
    args: `show message ${MSGID}`,
    asks: { kind: "show-message", id: MSGID },
    isTerminal: true,
    answers: [bytes(`Subject: ${ESC}[2J\r`), bytes("\n\r\nhello\r\n"), done()],
    prints: "Subject: \\033[2J\n\nhello\n",
  },
  {
    args: `show message ${MSGID} --json`,
    asks: { kind: "show-message", id: MSGID },
    answers: [bytes("hell"), bytes("o w"), bytes("orld"), done()],
    prints: `{"id":"${MSGID}","base64":"${Buffer.from("hello world").toString("base64")}"}\n`,
  },
  {
    args: `show message ${MSGID} --json`,
    asks: { kind: "show-message", id: MSGID },
    answers: [failed("no such message")],
    prints: "",
    complains: "command failed: no such message\n",
    status: 1,
  },
  {
    args: "show status",
    asks: { kind: "show-status" },
    answers: [
      row("MDA running", { mda: "running" }),
      row("MTA paused", { mta: "paused" }),
      row("SMTP running", { smtp: "running" }),
      done(),
    ],
    prints: "MDA running\nMTA paused\nSMTP running\n",
  },
  {
    args: "--json show status",
    asks: { kind: "show-status" },
    answers: [
      row("MDA running", { mda: "running" }),
      row("SMTP paused", { smtp: "paused" }),
      done(),
    ],
    prints: '{"mda":"running","smtp":"paused"}\n',
  },
  {
    args: "show stats",
    asks: { kind: "show-stats" },
    answers: [
      row("", { uptime: 93_784 }),
      row("", { "smtp.session": 2, "log.warning": 1 }),
      row("", { "log.warning": 3 }),
      done(),
    ],
    prints: "log.warning=4\nsmtp.session=2\nuptime.human=1d2h3m4s\nuptime=93784\n",
  },
  {
    args: "show stats --json",
    asks: { kind: "show-stats" },
    answers: [row("", { uptime: 5 }), failed("queue is restarting")],
    prints: '{"uptime":5,"uptime.human":"5s"}\n',
    complains: "command failed: queue is restarting\n",
    status: 1,
  },
  {
    args: "schedule all",
    asks: { kind: "schedule", target: { kind: "all" }, isSure: false },
    answers: [done(2)],
    prints: "2 envelopes scheduled\n",
  },
  {
    args: `remove ${EVPID}`,
    asks: { kind: "remove", target: { kind: "id", id: EVPID }, isSure: false },
    answers: [done(1)],
    prints: "1 envelope removed\n",
  },
  {
    args: `remove ${EVPID} --json`,
    asks: { kind: "remove", target: { kind: "id", id: EVPID }, isSure: false },
    answers: [done(1)],
    prints: '{"ok":true,"count":1}\n',
  },
  {
    args: `pause envelope ${MSGID}`,
    asks: {
      kind: "pause-envelope",
      target: { kind: "id", id: MSGID },
      isSure: false,
      paused: true,
    },
    answers: [done(0)],
    prints: "0 envelopes paused\n",
  },
  {
    args: "resume envelope all",
    asks: { kind: "pause-envelope", target: { kind: "all" }, isSure: false, paused: false },
    answers: [done(3)],
    prints: "3 envelopes resumed\n",
  },
  {
    args: "pause smtp",
    asks: { kind: "pause", subsystem: "smtp", paused: true },
    answers: [done()],
    prints: "command succeeded\n",
  },
  {
    args: "resume mta",
    asks: { kind: "pause", subsystem: "mta", paused: false },
    answers: [failed(`already running${ESC}`)],
    prints: "",
    complains: "command failed: already running\\033\n",
    status: 1,
  },
  {
    args: "log verbose",
    asks: { kind: "log", verbose: true },
    answers: [done()],
    prints: "command succeeded\n",
  },
  {
    args: "reload",
    asks: { kind: "reload" },
    answers: [
      { kind: "row", line: `smtpd.conf:2: warning: odd\n  x${ESC}`, json: '{"complaint":1}' },
      { kind: "row", line: "", json: '{"stranded":{"envelopes":0}}' },
      done(),
    ],
    prints: "configuration reloaded\n",
    complains: "smtpd.conf:2: warning: odd\n  x\\033\n",
  },
  {
    args: "--json reload",
    asks: { kind: "reload" },
    answers: [{ kind: "row", line: "odd", json: '{"complaint":{"line":2}}' }, failed("bad")],
    prints: '{"ok":false,"why":"bad","complaints":[{"line":2}]}\n',
    complains: "command failed: bad\n",
    status: 1,
  },
  {
    args: "update table lists",
    asks: { kind: "update-table", name: "lists" },
    answers: [done()],
    prints: "table lists reloaded\n",
  },
  { args: "stop", asks: { kind: "stop" }, answers: [done()], prints: "command succeeded\n" },
  {
    args: "send tls-reports",
    asks: { kind: "send-tls-reports" },
    answers: [failed("no TLS reports are configured")],
    prints: "",
    complains: "command failed: no TLS reports are configured\n",
    status: 1,
  },
];

/** Runs smtpctl in this process and returns everything that it did. */
async function run(
  args: string,
  setting: {
    readonly network: Network;
    readonly stateFolder: string;
    readonly isTerminal?: boolean;
  },
): Promise<{ readonly prints: string; readonly complains: string; readonly status: number }> {
  let prints = "";
  let complains = "";
  const status = await runSmtpctl(args.split(" "), {
    network: setting.network,
    ...NOBODY_AT_THE_TERMINAL,
    stateFolder: setting.stateFolder,
    clock: new SimClock(),
    uid: 0,
    output: {
      print: (text) => (prints += typeof text === "string" ? text : Buffer.from(text).toString()),
      complain: (text) => (complains += text),
      drained: () => undefined,
      isTerminal: setting.isTerminal ?? false,
    },
  });
  return { prints, complains, status };
}

/** Where the daemon of a state folder answers; its folder is made. */
function controlSocketIn(stateFolder: string): string {
  const { controlSocket } = statePaths(stateFolder, 0);
  mkdirSync(dirname(controlSocket));
  return controlSocket;
}

describe("smtpctl", () => {
  const network = nodeNetwork();
  let stateFolder = "";
  let listening: Listening;
  let answer: Answer | undefined;

  before(async () => {
    stateFolder = mkdtempSync(join(tmpdir(), "smtpctl-"));
    const endpoint = { kind: "unix", path: controlSocketIn(stateFolder) } as const;
    const bound = await network.listen(endpoint, (connection) =>
      serve(connection, (request) => answer?.(request) ?? []),
    );
    if ("kind" in bound) throw new Error(bound.message);
    listening = bound;
  });

  after(() => {
    listening.close();
    rmSync(stateFolder, { recursive: true });
  });

  for (const c of CASES) {
    test(`${c.args} asks for ${JSON.stringify(c.asks)} and shows the answer`, async () => {
      const asked: ControlRequest[] = [];
      answer = (request) => {
        asked.push(request);
        return c.answers;
      };
      const made = await run(c.args, { network, stateFolder, isTerminal: c.isTerminal ?? false });
      assert.deepEqual(asked, [c.asks]);
      assert.deepEqual(made, {
        prints: c.prints,
        complains: c.complains ?? "",
        status: c.status ?? 0,
      });
    });
  }

  test("makes the daemon wait while nobody reads what it prints", async () => {
    const rowCount = 5_000;
    answer = () => [...Array.from({ length: rowCount }, () => row("x".repeat(1024), {})), done()];
    const reader = Promise.withResolvers<void>();
    const waiting = Promise.withResolvers<void>();
    let printedBytes = 0;
    const running = runSmtpctl(["show", "queue"], {
      ...NOBODY_AT_THE_TERMINAL,
      network,
      clock: new SimClock(),
      stateFolder,
      uid: 0,
      output: {
        print: (text) => (printedBytes += text.length),
        complain: assert.fail,
        isTerminal: false,
        drained() {
          waiting.resolve();
          return reader.promise;
        },
      },
    });
    await waiting.promise;
    // What had been read before is printed; a few pieces may still come.
    for (let turns = 0; turns < 20; turns++) await turn();
    assert.ok(printedBytes < 1024 * 1024, `${printedBytes} bytes printed to nobody`);
    reader.resolve();
    assert.equal(await running, 0);
    assert.equal(printedBytes, rowCount * 1025);
  });

  test("run as a program prints what it is told and exits with its status", async () => {
    answer = () => [row("MDA running", { mda: "running" }), done()];
    const program = resolve(import.meta.dirname, "..", "..", "bin", "smtpctl");
    const { stdout } = await promisify(execFile)(program, [
      "--state",
      stateFolder,
      "show",
      "status",
    ]);
    assert.equal(stdout, "MDA running\n");
    await assert.rejects(promisify(execFile)(program, ["frobnicate"]), { code: 255 });
  });
});

describe("smtpctl without an answer", () => {
  const refusals: readonly (readonly [code: string, words: string])[] = [
    ["ENOENT", "smtpctl: smtpd doesn't seem to be running\n"],
    ["ECONNREFUSED", "smtpctl: smtpd doesn't seem to be running\n"],
    ["EACCES", "smtpctl: need root privileges\n"],
    ["EMFILE", "smtpctl: cannot reach smtpd: EMFILE happened\n"],
  ];
  for (const [code, words] of refusals) {
    test(`for ${code} says ${words.trim()}`, async () => {
      const network: Network = {
        listen: () => Promise.reject(new Error("smtpctl listens on nothing")),
        connect: async () => ({ kind: "network-fault", code, message: `${code} happened` }),
      };
      const made = await run("show queue", { network, stateFolder: "/nowhere" });
      assert.deepEqual(made, { prints: "", complains: words, status: 1 });
    });
  }

  const ends: readonly (readonly [what: string, sent: Uint8Array, words: string])[] = [
    [
      "closes at once",
      new Uint8Array(),
      "smtpctl: smtpd closed the connection before it had answered\n",
    ],
    [
      "speaks something else",
      new Uint8Array(16).fill(0xff),
      "smtpctl: incompatible smtpctl and smtpd\n",
    ],
  ];
  for (const [what, sent, words] of ends) {
    test(`of a daemon that ${what} says so`, async (t) => {
      const stateFolder = mkdtempSync(join(tmpdir(), "smtpctl-"));
      const network = nodeNetwork();
      const path = controlSocketIn(stateFolder);
      const listening = await network.listen({ kind: "unix", path }, (connection) => {
        connection.start({ data() {}, end() {}, drain() {}, closed() {} });
        connection.write(sent);
        connection.end();
      });
      t.after(() => {
        if ("close" in listening) listening.close();
        rmSync(stateFolder, { recursive: true });
      });
      const made = await run("show queue", { network, stateFolder });
      assert.deepEqual(made, { prints: "", complains: words, status: 1 });
    });
  }
});

describe("smtpctl does not ask the daemon", () => {
  const network: Network = {
    listen: () => Promise.reject(new Error("not to be called")),
    connect: () => Promise.reject(new Error("not to be called")),
  };
  const cases: readonly (readonly [args: string, complains: string, status: number])[] = [
    ["show mess", "possibilities are:\n  EVPID\n  MSGID\n", 255],
    ["show sta", "possibilities are:\n  status\n  stats\n", 255],
    ["stop at once", "invalid command\n", 255],
    [`update table ${"x".repeat(2000)}`, "possibilities are:\n  TABLE\n", 255],
    ["update table \u001b[31m", "possibilities are:\n  TABLE\n", 255],
    [
      "trace imsg",
      "smtpctl: trace imsg: nothing is traced by subsystem: `log verbose` logs more, and `trace` tells of messages and addresses\n",
      1,
    ],
    ["remove", "possibilities are:\n  EVPID\n  MSGID\n  all\n", 255],
    // It was taken for a folder, and the order then had no selection.
    [
      "remove --state suspended",
      `smtpctl: 'suspended' is no state, but a reason: --reason suspended (a folder of that name is ./suspended)\n${USAGE}`,
      255,
    ],
    [
      "show queue --state paused",
      `smtpctl: 'paused' is no state, but a reason: --reason 'paused *' (a folder of that name is ./paused)\n${USAGE}`,
      255,
    ],
    ["co", "possibilities are:\n  completion\n  config\n", 255],
    ["conf", "possibilities are:\n  diff\n", 255],
  ];
  for (const [args, complains, status] of cases) {
    test(`for "${args}"`, async () => {
      assert.deepEqual(await run(args, { network, stateFolder: "/nowhere" }), {
        prints: "",
        complains,
        status,
      });
    });
  }

  test("for an option that it does not have", async () => {
    const made = await run("show queue --frob", { network, stateFolder: "/nowhere" });
    assert.equal(made.status, 255);
    assert.match(made.complains, /^smtpctl: Unknown option '--frob'\nusage: smtpctl /);
  });
});
