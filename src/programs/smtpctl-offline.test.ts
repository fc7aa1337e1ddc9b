import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Network } from "#base/ports/network.ts";
import { NO_KEYS } from "#engine/spool/queue-keys.ts";
import { untried } from "#engine/spool/unfinished.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimDisk } from "#world/sim/disk.ts";
import { SimRandom } from "#world/sim/random.ts";
import { localEnvelope, messageOf, textOf } from "#test/support/letters.ts";
import { type Ran, ScriptedDaemon } from "#test/support/scripted-daemon.ts";
import { type OfflineSpool, type OpenSpool, offlineQueue } from "./smtpctl-offline.ts";

const EVPID = "0000000a00000001";

const DISK = new SimDisk(new SimClock(), new SimRandom(1));

/** A tried envelope of ann, and a suspended one of bob whose message has a hostile sender. */
const SPOOL: OfflineSpool = {
  messages: [
    {
      message: { ...messageOf("0000000a", 5), acceptedAtMs: 1000 },
      envelopes: [
        {
          ...untried(localEnvelope("0000000a", "in", "ann")),
          retryCount: 2,
          lastTryAtMs: 5000,
          lastResult: {
            evpid: EVPID,
            outcome: "deferred",
            status: "4.2.0",
            diagnostic: "No room",
            remote: "",
          },
        },
      ],
    },
    {
      message: {
        ...messageOf("0000000b", 5),
        acceptedAtMs: 2000,
        reversePath: "\u001b[2J|x@evil.example",
      },
      envelopes: [{ ...untried(localEnvelope("0000000b", "in", "bob")), held: true }],
    },
  ],
  text: () => textOf(Buffer.from("hi\r\n")),
  trace: {
    files: DISK.files(),
    folder: "/spool/trace",
    keys: NO_KEYS,
    pause: async () => undefined,
  },
};

const NOBODY: Network = {
  listen: () => Promise.reject(new Error("smtpctl listens on nothing")),
  connect: async () => ({ kind: "network-fault", code: "ENOENT", message: "no such file" }),
};

const LINE_A = `${EVPID}|inet4|mda||a@x.example|ann@y.example|ann@y.example|1|3601|5|2|offline||No room\n`;
const LINE_B =
  "0000000b00000001|inet4|mda|suspend|\\033[2J\\174x@evil.example|bob@y.example|bob@y.example|2|3602|0|0|offline||\n";

async function run(args: string, open: OpenSpool = async () => SPOOL): Promise<Ran> {
  const daemon = new ScriptedDaemon();
  return daemon.run(args.split(" "), {
    network: NOBODY,
    offline: offlineQueue(open, daemon.clock),
  });
}

const CASES: readonly (readonly [args: string, prints: string])[] = [
  ["show queue", LINE_A + LINE_B],
  ["show queue 0000000b", LINE_B],
  ["show queue --to ann", LINE_A],
  ["show queue --reason suspended", LINE_B],
  ["show queue --state offline --limit 1", LINE_A],
  ["show queue --state pending", ""],
  ["show queue --count", "2\n"],
  [`show message ${EVPID}`, "hi\r\n"],
  ["show message 0000000b", "hi\r\n"],
  [
    "trace 0000000b",
    '1970-01-01T00:00:02.000Z 0000000b accepted from <\\033[2J|x@evil.example> by h [192.0.2.1], HELO "h"; 5 bytes, no Message-ID\n' +
      '1970-01-01T00:00:02.000Z 0000000b00000001 to <bob@y.example> for user "bob": action "in" by rule smtpd.conf:1\n' +
      "now 0000000b00000001 suspended, and no daemon runs\n",
  ],
];

describe("smtpctl without a daemon", () => {
  for (const [args, prints] of CASES) {
    test(`answers ${args} from the spool`, async () => {
      assert.deepEqual(await run(args), { prints, complains: "", status: 0 });
    });
  }

  test("shows an envelope with what is known of it", async () => {
    const { prints } = await run(`show envelope ${EVPID}`);
    assert.match(prints, /^errorline: No room$/mu);
    assert.match(prints, /^waits: no daemon runs$/mu);
  });

  const failures: readonly (readonly [args: string, why: string])[] = [
    ["show envelope 0000000a00000002", "command failed: no such envelope\n"],
    ["show message 0000000a00000002", "command failed: no such message\n"],
    ["trace nobody@y.example", "command failed: nothing is known of it\n"],
    ["show status", "smtpctl: smtpd doesn't seem to be running\n"],
    ["remove all", "smtpctl: smtpd doesn't seem to be running\n"],
  ];
  for (const [args, why] of failures) {
    test(`says of ${args} what it cannot`, async () => {
      assert.deepEqual(await run(args), { prints: "", complains: why, status: 1 });
    });
  }

  test("says so where there is no spool, and why one cannot be read", async () => {
    assert.equal(
      (await run("show queue", async () => undefined)).complains,
      "smtpctl: smtpd doesn't seem to be running\n",
    );
    assert.equal(
      (await run("show queue", async () => "it is encrypted")).complains,
      "smtpctl: smtpd doesn't seem to be running, and the spool /state/spool cannot be read: " +
        "it is encrypted\n",
    );
  });
});
