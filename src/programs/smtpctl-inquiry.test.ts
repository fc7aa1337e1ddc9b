import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type ControlAnswer, type ControlRequest, done, failed } from "#model/ipc/control-link.ts";
import { NO_FILTER, type QueueFilter } from "#model/queue-filter.ts";
import { ScriptedDaemon } from "#test/support/scripted-daemon.ts";

const MSGID = "5f2a1b3c";
const EVPID = "5f2a1b3c00000001";
const HOUR_MS = 3_600_000;

/** What is asked, by the command line. */
const SELECTIONS: readonly (readonly [args: string, request: ControlRequest])[] = [
  [
    "show queue --from a@b.example",
    showing({ from: [{ kind: "address", address: "a@b.example" }] }),
  ],
  ["show queue --from @", showing({ from: [{ kind: "null" }] })],
  ["show queue --from <>", showing({ from: [{ kind: "null" }] })],
  ["show queue --to @*.example", showing({ to: [{ kind: "domain", domain: "*.example" }] })],
  ["show queue --to root", showing({ to: [{ kind: "local-part", localPart: "root" }] })],
  [
    "--domain b.example show queue --domain @c.example",
    showing({ domains: ["b.example", "c.example"] }),
  ],
  ["show queue --route relay* --action out", showing({ routes: ["relay*"], actions: ["out"] })],
  [
    "show queue --reason limit* --error *spam*",
    showing({ reasons: ["limit*"], errors: ["*spam*"] }),
  ],
  ["show queue --state pending", showing({ state: "pending" })],
  ["--state /var/x show queue --state inflight", showing({ state: "inflight" })],
  ["show queue --age >1h", showing({ olderThanMs: HOUR_MS })],
  [
    "show queue --age >1h --age >2h --age <1d",
    showing({ olderThanMs: 2 * HOUR_MS, newerThanMs: 24 * HOUR_MS }),
  ],
  [`show queue ${MSGID} --state pending`, showing({ state: "pending" }, MSGID)],
  [
    "show queue --limit 7",
    { kind: "show-queue", target: matching({}, undefined, 7), form: "text" },
  ],
  [
    "show queue --count",
    { kind: "show-counts", target: { kind: "all" }, by: undefined, groups: undefined },
  ],
  [
    "show queue --by domain --limit 10 --from @",
    {
      kind: "show-counts",
      target: matching({ from: [{ kind: "null" }] }),
      by: "domain",
      groups: 10,
    },
  ],
  [
    "schedule --domain b.example",
    { kind: "schedule", target: matching({ domains: ["b.example"] }), isSure: false },
  ],
  [
    "remove all --domain b.example -y",
    { kind: "remove", target: matching({ domains: ["b.example"] }), isSure: true },
  ],
  [
    `pause envelope ${EVPID.toUpperCase()} --yes`,
    { kind: "pause-envelope", target: { kind: "id", id: EVPID }, isSure: true, paused: true },
  ],
  [
    "res env all --limit 3",
    {
      kind: "pause-envelope",
      target: matching({}, undefined, 3),
      isSure: false,
      paused: false,
    },
  ],
];

function matching(
  some: Partial<QueueFilter>,
  within?: string,
  limit?: number,
): Extract<ControlRequest, { kind: "show-queue" }>["target"] {
  return { kind: "matching", filter: { ...NO_FILTER, ...some }, within, limit };
}

function showing(some: Partial<QueueFilter>, within?: string): ControlRequest {
  return { kind: "show-queue", target: matching(some, within), form: "text" };
}

describe("smtpctl", () => {
  for (const [args, request] of SELECTIONS) {
    test(`${args} asks for what is meant`, async () => {
      const daemon = new ScriptedDaemon();
      daemon.answer = () => [done()];
      assert.equal((await daemon.run(args.split(" "))).status, 0);
      assert.deepEqual(daemon.asked, [request]);
    });
  }

  const wrongs: readonly (readonly [args: string, why: string])[] = [
    ["show queue --age 1h", "--age wants '>DURATION' or '<DURATION', such as '>1h': got 1h"],
    ["show queue --age >1", "--age wants '>DURATION' or '<DURATION', such as '>1h': got >1"],
    ["show queue --limit 0", "--limit wants a number: got 0"],
    ["show queue --limit 1e3", "--limit wants a number: got 1e3"],
    [
      "show queue --by colour",
      "--by wants one of domain, from, to, reason, error, route, action: got colour",
    ],
    ["show queue --by domain --count", "--by counts: --count is too much"],
    ["show queue --state pending --state inflight", "--state wants one state: got several"],
    ["show queue -y", "'show queue' takes no --yes"],
    ["show stats --from a", "'show stats' takes no --from"],
    ["schedule all -f x", "'schedule all' takes no -f"],
    ["stop --state pending", "'stop' takes no --state"],
    ["remove all --count", "'remove all' takes no --count"],
    [`show queue --error ${"x".repeat(600)}`, "--error is too long"],
    [`show queue ${"--to a ".repeat(17).trim()}`, "--to is given more than 16 times"],
  ];
  for (const [args, why] of wrongs) {
    test(`${args.slice(0, 60)} is told what is wrong, and asks nobody`, async () => {
      const daemon = new ScriptedDaemon();
      const { complains, status } = await daemon.run(args.split(" "));
      assert.deepEqual([complains.split("\n")[0], status], [`smtpctl: ${why}`, 255]);
      assert.deepEqual(daemon.asked, []);
    });
  }

  test("an order that only --limit bounds has to name what it is about", async () => {
    const { complains, status } = await new ScriptedDaemon().run(["remove", "--limit", "5"]);
    assert.deepEqual([complains, status], ["possibilities are:\n  EVPID\n  MSGID\n  all\n", 255]);
  });
});

describe("an order about many envelopes", () => {
  const MANY: readonly ControlAnswer[] = [
    { kind: "row", line: `${EVPID}|a\u001b[2J`, json: `{"evpid":"${EVPID}"}` },
    { kind: "unsure", count: 51 },
    failed("nothing was changed"),
  ];
  const SAID = `${EVPID}|a\\033[2J\n`;

  function daemonWithMany(): ScriptedDaemon {
    const daemon = new ScriptedDaemon();
    // Some have left the queue by the second request.
    daemon.answer = (request) => ("isSure" in request && request.isSure ? [done(49)] : MANY);
    return daemon;
  }

  test("in a script changes nothing, shows some of them, and says how to", async () => {
    const daemon = daemonWithMany();
    assert.deepEqual(await daemon.run(["remove", "all"]), {
      prints: "",
      complains:
        `${SAID}51 envelopes would be removed; nothing was changed: ` +
        "more than 50 are changed with -y\n",
      status: 2,
    });
    assert.equal(daemon.asked.length, 1);
  });

  test("in a script that reads JSON says it in JSON too", async () => {
    const { prints, complains, status } = await daemonWithMany().run(["remove", "all", "--json"]);
    assert.equal(prints, '{"ok":false,"count":0,"meant":51}\n');
    assert.match(complains, /^\{"evpid":"5f2a1b3c00000001"\}\n51 envelopes would be removed/u);
    assert.equal(status, 2);
  });

  test("is carried out when the person at the terminal says yes, and tells what was changed then", async () => {
    const questions: string[] = [];
    const made = await daemonWithMany().run(["schedule", "all"], {
      async confirm(question) {
        questions.push(question);
        return true;
      },
    });
    assert.deepEqual(questions, ["51 envelopes would be scheduled: do it?"]);
    assert.deepEqual(made, { prints: "49 envelopes scheduled\n", complains: SAID, status: 0 });
  });

  test("is not carried out when the person says anything else", async () => {
    const daemon = daemonWithMany();
    const made = await daemon.run(["schedule", "all"], { confirm: async () => false });
    assert.deepEqual(made, { prints: "", complains: `${SAID}nothing was changed\n`, status: 2 });
    assert.equal(daemon.asked.length, 1);
  });

  test("needs nobody with -y", async () => {
    const { prints, status } = await daemonWithMany().run(["remove", "all", "-y"]);
    assert.deepEqual([prints, status], ["49 envelopes removed\n", 0]);
  });
});
