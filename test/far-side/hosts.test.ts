/**
 * Single servers of the real world, and what one message to each comes to: when it was tried,
 * what was said, how many copies there are. Times are seconds since it was accepted.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatReason } from "#engine/scheduler/wait-reason.ts";
import type { HostPlan, SitePlan } from "#test/support/far-side/far-side.ts";
import type { Trouble } from "#test/support/far-side/trouble.ts";
import { faultsOf, NO_TALLY } from "./oracle.ts";
import { groupsOf } from "./reports.ts";
import { TwoSides } from "./two-sides.ts";

const HOUR_MS = 3_600_000;
const TO = "user1@far.example";

function host(name: string, preference: number, ...troubles: readonly Trouble[]): HostPlan {
  return {
    name: `${name}.far.example`,
    preference,
    addresses: [`192.0.2.${preference}`],
    port: 25,
    troubles,
    extensions: ["PIPELINING"],
    isWordy: false,
    speaksTls: false,
  };
}

function always(stage: Trouble["stage"], deed: Trouble["deed"], lastsMs = Infinity): Trouble {
  return { stage, deed, recurs: "always", lastsMs };
}

const GOOD = host("good", 20);
const DEAD = always("connect", { kind: "black-hole" });

interface Story {
  readonly name: string;
  readonly hosts: readonly HostPlan[];
  readonly greylistMs?: number;
  readonly to?: string;
  readonly hours?: number;
  /** `SECONDS OUTCOME WORDS (HOST)` of each attempt, the words without their tag. */
  readonly attempts: readonly string[];
  readonly copies: number;
  /** Why it still waits. */
  readonly waits?: string;
}

const STORIES: readonly Story[] = [
  {
    name: "one bad exchanger of three costs nothing but the time it takes",
    hosts: [host("dead", 10, DEAD), GOOD, host("other", 30)],
    attempts: ["0 delivered 250 2.0.0 Taken (good)"],
    copies: 1,
  },
  {
    name: "a greylist by triplet is waited for, and lets the second try in",
    hosts: [GOOD],
    greylistMs: 300_000,
    attempts: [
      "0 deferred 451 4.7.1 Greylisted, come back later (good)",
      "400 delivered 250 2.0.0 Taken (good)",
    ],
    copies: 1,
  },
  {
    name: "a greylist that is longer than the first wait needs a third try, and says so meanwhile",
    hosts: [GOOD],
    greylistMs: 1_200_000,
    hours: 0.3,
    attempts: [
      "0 deferred 451 4.7.1 Greylisted, come back later (good)",
      "400 deferred 451 4.7.1 Greylisted, come back later (good)",
    ],
    copies: 0,
    waits: "retry in 520 s: 451 4.7.1 Greylisted, come back later #",
  },
  {
    name: "every second connection that is refused delays the first try",
    hosts: [
      host("fickle", 10, {
        stage: "connect",
        deed: { kind: "refuse" },
        recurs: "every-second",
        lastsMs: Infinity,
      }),
    ],
    attempts: [
      "0 deferred Connection refused (at CONNECT) (fickle)",
      "400 delivered 250 2.0.0 Taken (fickle)",
    ],
    copies: 1,
  },
  {
    name: "a reply that is lost behind the final dot makes a second copy (RFC 1047)",
    hosts: [
      host("mute", 10, {
        stage: "taken",
        deed: { kind: "close" },
        recurs: "every-second",
        lastsMs: Infinity,
      }),
    ],
    attempts: [
      "0 deferred Server closed the connection (at EOM) (mute)",
      "400 delivered 250 2.0.0 Taken (mute)",
    ],
    copies: 2,
  },
  {
    name: "a final dot that is never answered is waited for ten minutes, not tried elsewhere",
    hosts: [host("mute", 10, always("dot", { kind: "silence" }, 60_000)), GOOD],
    attempts: ["0 deferred Timed out (at EOM) (mute)", "1600 delivered 250 2.0.0 Taken (mute)"],
    copies: 1,
  },
  {
    name: "a tarpit that lets each octet of its replies drip is borne",
    hosts: [
      host(
        "tar",
        10,
        ...(["banner", "ehlo", "mail", "rcpt", "data", "taken"] as const).map((stage) =>
          always(stage, { kind: "drip", delayMs: 1000 }),
        ),
      ),
    ],
    attempts: ["0 delivered 250 2.0.0 Taken (tar)"],
    copies: 1,
  },
  {
    name: "a refusal for good is final at once",
    hosts: [GOOD],
    to: "nobody1@far.example",
    attempts: ["0 failed 550 5.1.1 No such user (good)"],
    copies: 0,
  },
  {
    name: "a mailbox that stays full is tried for four days, and then fails in its server's words",
    hosts: [GOOD],
    to: "full1@far.example",
    hours: 120,
    attempts: Array.from(
      { length: 30 },
      (_, n) => `${400 * n * n} deferred 452 4.2.2 Mailbox full (good)`,
    ),
    copies: 0,
  },
  {
    name: "a server that greets with 421 for an hour is tried at each time of the back-off",
    hosts: [host("busy", 10, always("banner", { kind: "reply", code: 421 }, HOUR_MS))],
    attempts: [
      "0 deferred 421 Not now (busy)",
      "400 deferred 421 Not now (busy)",
      "1600 deferred 421 Not now (busy)",
      "3600 delivered 250 2.0.0 Taken (busy)",
    ],
    copies: 1,
  },
];

for (const story of STORIES) {
  const { name, hosts, greylistMs, to = TO, hours = 2, attempts, copies, waits } = story;
  test(name, async () => {
    const site: SitePlan = {
      domains: ["far.example"],
      naming: { kind: "named" },
      hosts,
      greylist: greylistMs === undefined ? undefined : { delayMs: greylistMs },
    };
    const sides = await TwoSides.make(1, [site]);
    const { sender, far, world } = sides;
    const mail = await sender.send({ forwardPaths: [to], body: "hello\r\n" });
    await world.clock.advance(hours * HOUR_MS);
    const waiting = await sender.waiting();
    assert.deepEqual(
      sender.attempts.map(({ attempt, result }) => {
        const { outcome, diagnostic, remote } = result;
        const seconds = Math.round((attempt.beganAtMs - mail.atMs) / 1000);
        const by = remote.slice(0, remote.indexOf("."));
        return `${seconds} ${outcome} ${withoutTag(diagnostic)} (${by})`;
      }),
      attempts,
    );
    assert.equal(far.log.copiesFor(mail.reversePath, to).length, copies);
    assert.deepEqual(
      waiting.map(
        ({ reason, lastError }) =>
          `${formatReason(reason, world.clock.wallMs())}: ${lastError.replace(/#\d+#/, "#")}`,
      ),
      waits === undefined ? [] : [waits],
    );
    assert.deepEqual(faultsOf(sides, waiting, { ...NO_TALLY }), []);
    assert.deepEqual(await sides.end(), { connections: 0, sessions: 0, timers: 0 });
  });
}

test("of several recipients each meets its own end, in one transaction", async () => {
  const site: SitePlan = {
    domains: ["far.example"],
    naming: { kind: "named" },
    hosts: [GOOD],
    greylist: undefined,
  };
  const sides = await TwoSides.make(2, [site]);
  const { sender, far, world } = sides;
  const forwardPaths = ["user1@far.example", "nobody1@far.example", "full1@far.example"];
  const mail = await sender.send({ forwardPaths, body: "hello\r\n" });
  await world.clock.advance(60_000);
  assert.deepEqual(
    sender.attempts.map(({ envelope, result }) => [envelope.destination, result.outcome]),
    [
      ["user1@far.example", "delivered"],
      ["nobody1@far.example", "failed"],
      ["full1@far.example", "deferred"],
    ],
  );
  assert.deepEqual(
    far.log.copies.map((copy) => copy.forwardPaths),
    [["user1@far.example"]],
  );
  const [report] = sender.reports;
  assert.equal(report?.to, mail.reversePath);
  assert.equal(groupsOf(report.text, "nobody1@far.example", "failed").length, 1);
  await sides.end();
});

function withoutTag(words: string): string {
  return words.replace(/ #\d+#/, "");
}
