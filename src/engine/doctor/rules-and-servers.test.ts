/** What is said of the daemon and its rules, and how servers are tried. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Connection } from "#base/ports/network.ts";
import type {
  ExplainedEnvelope,
  ExplainedRecipient,
  Explanation,
  ExplainFault,
  ExplainQuestion,
} from "#model/explanation.ts";
import { configOf } from "#test/support/config-of.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimNetwork } from "#world/sim/network.ts";
import { SimRandom } from "#world/sim/random.ts";
import { SimResolver } from "#world/sim/resolver.ts";
import { checkUp, CHECK_WITHIN_MS } from "./checkup.ts";
import { neededAddresses, type Rehearse } from "./needed-addresses.ts";
import { openRelayChecks } from "./open-relay.ts";
import { outgoingCheck, type OutgoingServer } from "./outgoing.ts";
import { ownNames, publicAddresses, servedDomains } from "./own-names.ts";
import { SMTP_TRY_MS, trySmtp } from "./smtp-try.ts";
import { type Check, ok, type Verdict } from "./verdict.ts";

const SMTP = { kind: "tcp", host: "192.0.2.25", port: 25 } as const;

class World {
  readonly clock = new SimClock();
  readonly network = new SimNetwork(this.clock, new SimRandom(1));
  /** What the server was told. */
  readonly heard: string[] = [];

  /** A server that gives these replies, one to each line and the first at once. */
  async serve(...replies: readonly string[]): Promise<void> {
    await this.network.listen(SMTP, (connection) => this.#talk(connection, [...replies]));
  }

  #talk(connection: Connection, replies: string[]): void {
    const say = (): void => {
      const reply = replies.shift();
      if (reply !== undefined) connection.write(Buffer.from(`${reply}\r\n`));
    };
    let text = "";
    connection.start({
      data: (bytes) => {
        text += String(Buffer.from(bytes));
        for (let end = text.indexOf("\r\n"); end >= 0; end = text.indexOf("\r\n")) {
          this.heard.push(text.slice(0, end));
          text = text.slice(end + 2);
          say();
        }
      },
      end: () => connection.end(),
      drain() {},
      closed() {},
    });
    say();
  }

  async look({ look }: Check): Promise<string> {
    return told(await this.clock.runUntilSettled(look(), 600_000));
  }
}

function told({ health, found }: Verdict): string {
  return `${health}: ${found}`;
}

describe("a server that is tried", () => {
  const CASES: readonly (readonly [
    replies: readonly string[],
    told: string,
    heard: readonly string[],
  ])[] = [
    [["220 hi", "250 ok", "550 no"], "MAIL: 550", ["EHLO x", "MAIL", "QUIT"]],
    [["220 hi", "250-a\r\n250 ok", "250 ok"], "MAIL: 250", ["EHLO x", "MAIL", "QUIT"]],
    [["554 go away"], ": 554", ["QUIT"]],
    [["220 hi", "502 what"], "EHLO x: 502", ["EHLO x", "QUIT"]],
    [["HTTP/1.1 400"], "silent: it does not speak SMTP", ["QUIT"]],
    [[], "silent: it said nothing in time", ["QUIT"]],
  ];
  for (const [replies, expected, heard] of CASES) {
    test(`with ${JSON.stringify(replies)} is left after ${expected}`, async () => {
      const world = new World();
      await world.serve(...replies);
      const tried = await world.clock.runUntilSettled(
        trySmtp(SMTP, ["EHLO x", "MAIL"], world),
        10 * SMTP_TRY_MS,
      );
      await world.clock.advance(100);
      assert.equal(world.clock.pendingTimers, 0, "nothing keeps the program once both have ended");
      await world.clock.advance(10 * SMTP_TRY_MS);
      const said =
        tried.kind === "answered"
          ? `${tried.command}: ${tried.reply.code}`
          : `${tried.kind}: ${"why" in tried ? tried.why : ""}`;
      assert.ok(said.startsWith(expected), said);
      assert.deepEqual(world.heard, heard);
      assert.equal(world.network.openConnections, 0);
    });
  }
});

describe("port 25", () => {
  const resolver = new SimResolver({
    addresses: { "mx.d.example": ["192.0.2.25"] },
    unavailable: ["down.example"],
  });
  const lookOut = (world: World, server: OutgoingServer): Promise<string> =>
    world.look(outgoingCheck(server, { network: world.network, clock: world.clock, resolver }));
  const look = (world: World, host: string): Promise<string> =>
    lookOut(world, { kind: "named", host });
  /** By the server that root's mail would go to. */
  const lookByRoot = (world: World, rehearse: Rehearse): Promise<string> =>
    lookOut(world, { kind: "next-hop", address: "root@d.example", rehearse });

  test("is open where a server greets", async () => {
    const world = new World();
    await world.serve("220 mx.d.example ESMTP");
    assert.equal(
      await look(world, "mx.d.example"),
      "ok: 192.0.2.25, port 25: 220 mx.d.example ESMTP",
    );
    await world.clock.advance(1000);
    assert.deepEqual(world.heard, ["QUIT"]);
  });
  test("is closed where nobody answers, and unknown where nobody was asked", async () => {
    const world = new World();
    world.network.fail(SMTP, { kind: "black-hole" });
    assert.match(await look(world, "mx.d.example"), /^fail: 192\.0\.2\.25, port 25: /u);
    assert.equal(await lookOut(world, { kind: "nobody" }), "unknown: no connection was tried");
    assert.match(await look(world, "down.example"), /^unknown: /u);
    assert.match(await look(world, "none.example"), /^unknown: none\.example has no address/u);
  });
  test("is open to a server that takes nothing from here", async () => {
    const world = new World();
    await world.serve("554 no reverse name");
    assert.match(await look(world, "mx.d.example"), /^warn: .* 554 no reverse name$/u);
  });
  test("is tried with the server that root's mail goes to, if it leaves this machine", async () => {
    const world = new World();
    await world.serve("220 mx.d.example ESMTP");
    const asked: ExplainQuestion[] = [];
    const goes = await lookByRoot(world, async (question) => {
      asked.push(question);
      return explained(recipient(250, [relayedBy(["smtps://a.d.example", "mx.d.example"])]));
    });
    assert.equal(
      goes,
      "ok: 192.0.2.25, port 25, where mail of root@d.example goes: 220 mx.d.example ESMTP",
    );
    assert.deepEqual(
      asked.map(({ forwardPaths, dns }) => ({ forwardPaths, dns })),
      [{ forwardPaths: ["root@d.example"], dns: true }],
    );
  });
  test("is tried with the first server that root's mail could go to", async () => {
    const world = new World();
    await world.serve("220 mx.d.example ESMTP");
    const by = relayedBy(["gone.d.example", "mx.d.example"], "", ["gone.d.example"]);
    assert.match(await lookByRoot(world, async () => explained(recipient(250, [by]))), /^ok: /u);
  });
  const NOWHERE: readonly (readonly [Explanation | ExplainFault, string])[] = [
    [{ kind: "explain-fault", why: "it is busy" }, "it is busy"],
    [
      explained(recipient(250, [relayedBy(["gone.d.example"], "", ["gone.d.example"])])),
      "mail of root@d.example leaves this machine: gone.d.example: has no address",
    ],
    [
      explained(recipient(250, [envelope("ann@d.example", "local")])),
      "no connection was tried, as mail of root@d.example stays here",
    ],
    [
      explained(
        recipient(250, [
          relayedBy([
            "smtp+tls://smart.example:587",
            "smtps://smart.example:25",
            "lmtp://in.example:25",
          ]),
        ]),
      ),
      "mail of root@d.example leaves this machine: by no host at port 25",
    ],
    [
      explained(recipient(250, [relayedBy([], "4.4.3 Temporary failure in MX lookup")])),
      "mail of root@d.example leaves this machine: 4.4.3 Temporary failure in MX lookup",
    ],
    [explained(recipient(250, [relayedBy(["none.example"])])), "none.example has no address"],
  ];
  for (const [answer, why] of NOWHERE) {
    test(`is unknown where root's mail leads to no server there: ${why}`, async () => {
      assert.equal(await lookByRoot(new World(), async () => answer), `unknown: ${why}`);
    });
  }
});

const RULES = [
  "listen on 192.0.2.25 port 25",
  'action "in" maildir user nobody',
  'action "out" relay',
  'match from any for domain "d.example" action "in"',
  'match from local for any action "out"',
];

function recipient(
  code: number,
  envelopes: ExplainedRecipient["envelopes"] = [],
): ExplainedRecipient {
  const reply = { code, enhanced: "", text: "text" };
  return { forwardPath: "a@b", steps: [], stepsLeftOut: 0, reply, envelopes, envelopesLeftOut: 0 };
}

function explained(...recipients: readonly ExplainedRecipient[]): Explanation {
  const at = { file: "f", line: 1, column: 1 };
  return {
    kind: "explanation",
    listener: { at, endpoint: "", tag: "", chosen: "named" },
    client: { address: "", hostname: "", helo: "", username: "", tls: false },
    greeting: [],
    recipients,
    rules: [],
    maxMessageBytes: 1,
  };
}

function envelope(
  destination: string,
  kind: "local" | "relay",
  trouble = "",
): ExplainedRecipient["envelopes"][number] {
  const at = { file: "f", line: 1, column: 1 };
  const base = { destination, rule: "f:1", action: "a", actionAt: at, method: kind, ttlMs: 1 };
  if (kind === "relay")
    return {
      ...base,
      way: { kind, by: "", hops: [], problem: "", helo: "", sources: [], tls: "", limits: [] },
    };
  const as = trouble === "" ? undefined : ({ kind: "none", name: "root", why: trouble } as const);
  return { ...base, way: { kind, user: "ann", as, into: "" } };
}

/** Root's mail leaves by these hosts, of which `lost` have no address, or by none, as there is a problem. */
function relayedBy(
  hosts: readonly string[],
  problem = "",
  lost: readonly string[] = [],
): ExplainedEnvelope {
  const hops = hosts.map((host) => {
    const lack = lost.includes(host) ? "has no address" : "";
    return { host, preference: 10, addresses: [], tls: "", problem: lack };
  });
  const { way, ...base } = envelope("admin@elsewhere.example", "relay");
  assert.equal(way.kind, "relay");
  return { ...base, way: { ...way, hops, problem } };
}

function keptBy(name: string, uid: number, user: string): ExplainedEnvelope {
  const as = { kind: "found", name, uid, home: "/var/mail" } as const;
  return { ...envelope("root@d.example", "local"), way: { kind: "local", user, as, into: "" } };
}

const lookAtRelay = async (
  world: World,
  name: string,
  rehearse: Rehearse,
  rules: readonly string[] = RULES,
): Promise<string> => {
  const checks = openRelayChecks({
    network: world.network,
    clock: world.clock,
    config: configOf(...rules),
    domain: "d.example",
    ownAddresses: ["127.0.0.1", "192.0.2.25"],
    rehearse,
  });
  const check = checks.find((each) => each.name === name);
  assert.ok(check !== undefined);
  return world.look(check);
};
const refuses: Rehearse = async () => explained(recipient(550));
const relays: Rehearse = async () =>
  explained(recipient(250, [envelope("v@elsewhere.invalid", "relay")]));
const keeps: Rehearse = async () => explained(recipient(250, [envelope("v@d.example", "local")]));
const delays: Rehearse = async () => explained(recipient(451));

describe("an open relay", () => {
  test("by its rules is told with the place", async () => {
    const open = [...RULES.slice(0, -1), 'match from any for any action "out"'];
    assert.match(await lookAtRelay(new World(), "open-relay-rules", refuses), /^ok: /u);
    assert.match(
      await lookAtRelay(new World(), "open-relay-rules", refuses, open),
      /^fail: .*:5: OPEN RELAY/u,
    );
  });
  test("by a form of address is told with the form", async () => {
    assert.match(await lookAtRelay(new World(), "open-relay-forms", refuses), /^ok: /u);
    assert.equal(
      await lookAtRelay(new World(), "open-relay-forms", relays),
      "fail: mail of a stranger to <a@b> would be relayed",
    );
    assert.match(await lookAtRelay(new World(), "open-relay-forms", keeps), /^ok: /u);
    assert.match(await lookAtRelay(new World(), "open-relay-forms", delays), /^unknown: /u);
    const inner = ["listen on 127.0.0.1 port 25", ...RULES.slice(1)];
    assert.equal(
      await lookAtRelay(new World(), "open-relay-forms", relays, inner),
      "ok: only this machine reaches it",
    );
    const fault: ExplainFault = { kind: "explain-fault", why: "no" };
    assert.equal(
      await lookAtRelay(new World(), "open-relay-forms", async () => fault),
      "unknown: no",
    );
  });
  test("that runs is found out although the file has better rules, and no message is sent", async () => {
    const world = new World();
    await world.serve("220 hi", "250 ok", "250 ok", "250 ok");
    assert.match(
      await lookAtRelay(world, "open-relay-try", refuses),
      /^fail: the daemon relays what the rules would not/u,
    );
    await world.clock.advance(60_000);
    assert.deepEqual(world.heard, [
      "EHLO stranger.invalid",
      "MAIL FROM:<stranger@stranger.invalid>",
      "RCPT TO:<victim@elsewhere.invalid>",
      "QUIT",
    ]);
  });
  test("is none where the daemon refuses, or takes what the rules let this machine do", async () => {
    const world = new World();
    await world.serve("220 hi", "250 ok", "250 ok", "550 no");
    assert.equal(
      await lookAtRelay(world, "open-relay-try", refuses),
      "ok: refused at RCPT TO: 550 no",
    );
    const other = new World();
    await other.serve("220 hi", "250 ok", "250 ok", "250 ok");
    assert.match(
      await lookAtRelay(other, "open-relay-try", relays),
      /^ok: taken from .* as the rules say$/u,
    );
    assert.match(await lookAtRelay(new World(), "open-relay-try", refuses), /^unknown: /u);
  });
});

describe("postmaster and root", () => {
  const CASES: readonly (readonly [answer: Explanation | ExplainFault, told: string])[] = [
    [explained(recipient(250, [envelope("a@d.example", "local")])), "ok: goes to ann"],
    [
      explained(recipient(250, [envelope("a@e.example", "relay")])),
      "ok: goes to a@e.example, by relay",
    ],
    [
      explained(recipient(250, [envelope("root@d.example", "local", "root gets no mail")])),
      "fail: goes to ann, where nobody gets it: root gets no mail",
    ],
    [
      explained(recipient(250, [keptBy("mail", 8, "mail")])),
      "warn: is kept by mail, an account of the system",
    ],
    [explained(recipient(250, [keptBy("vmail", 150, "ann")])), "ok: goes to ann"],
    [explained(recipient(250)), "warn: is taken, and goes nowhere"],
    [explained(recipient(550)), "fail: mail is refused: 550 text"],
    [explained(recipient(451)), "unknown: mail would be put off: 451 text"],
    [explained(), "unknown: the rules would not take the sender"],
    [{ kind: "explain-fault", why: "no listener" }, "unknown: no listener"],
  ];
  for (const [answer, expected] of CASES)
    test(expected, async () => {
      const [check] = neededAddresses(["d.example"], "mx.d.example", async () => answer);
      assert.ok(check !== undefined);
      assert.equal(check.subject, "postmaster@d.example");
      assert.equal(told(await check.look()), expected);
    });
});

test("what is served and what it is called comes from the rules", () => {
  const config = configOf(
    ...RULES,
    "listen on 192.0.2.26 hostname Other.example",
    'match from local for domain "inner.example" action "in"',
    'match from any for domain { "E.example", "*.f.example" } action "in"',
    'match from any for domain regex "x" action "in"',
    'match from any for domain "backup.example" action "out"',
  );
  const { domains, leftOut } = servedDomains(config);
  assert.deepEqual(domains, ["d.example", "e.example"]);
  assert.equal(leftOut.length, 1);
  assert.ok(ownNames(config).includes("other.example"));
});

test("private addresses are not what the world sees", () => {
  const shown = [
    "10.1.2.3",
    "192.168.1.1",
    "172.20.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "::1",
    "fe80::1%eth0",
    "fd00::1",
    "8.8.8.8",
    "2001:4860::1",
  ];
  assert.deepEqual(publicAddresses(shown), ["8.8.8.8", "2001:4860::1"]);
});

test("checks come in their order, and what does not end in time is unknown", async () => {
  const clock = new SimClock();
  const never = Promise.withResolvers<Verdict>().promise;
  const checks: readonly Check[] = Array.from({ length: 60 }, (_, at) => ({
    name: `c${at}`,
    subject: "",
    look: () => (at % 2 === 0 ? never : Promise.resolve(ok("well"))),
  }));
  const began = clock.monotonicMs();
  const all = await clock.runUntilSettled(checkUp(checks, clock), 10 * CHECK_WITHIN_MS);
  assert.deepEqual(
    all.map(({ name }) => name),
    checks.map(({ name }) => name),
  );
  assert.deepEqual(all.slice(0, 2).map(told), [
    "unknown: it was not looked at in time",
    "ok: well",
  ]);
  assert.ok(clock.monotonicMs() - began <= 120_000);
});
