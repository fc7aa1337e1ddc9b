/** `smtpctl explain` and `smtpctl config diff` ask a whole running system. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { printExplanation } from "#engine/explain/print-explanation.ts";
import { type Explanation, type ExplainQuestion, questionOf } from "#model/explanation.ts";
import { type RunningDaemon, runningDaemon } from "#programs/smtpctl-running.ts";
import { statePaths } from "#programs/state-paths.ts";
import { SimWorld } from "#world/sim/world.ts";
import { MailHost, VMAIL } from "./mail-host.ts";

const HOST = { name: "mail.a.example", address: "192.0.2.1" } as const;
const MINUTE_MS = 60_000;

const RULES = [
  'table aliases { team = "ann, x@b.example", many = "include:/lists/many" }',
  'table logins { ann = "$2b$secret" }',
  `action "home" maildir "/${HOST.name}/mail/%{user.username}" alias <aliases> user vmail`,
  'action "out" relay',
  'match from any mail-from "@spam.example" for any reject',
  'match from any for domain "a.example" action "home"',
  'match from auth <logins> for any action "out"',
  'match auth { ben = "$2b$secret" } from any for any action "out"',
  'match from local for any action "out"',
];

const QUESTION = questionOf(["team@a.example"], {
  reversePath: "ann@c.example",
  source: "198.51.100.7",
  dns: true,
});

async function running(): Promise<{ world: SimWorld; host: MailHost; daemon: RunningDaemon }> {
  const world = new SimWorld(1);
  world.users.set(VMAIL);
  world.resolver.setMx("b.example", [{ preference: 5, exchange: "mx.b.example" }]);
  world.resolver.setAddresses("mx.b.example", ["192.0.2.2"]);
  world.resolver.setPointers("198.51.100.7", ["client.c.example"]);
  const host = await MailHost.make(world, { ...HOST, rules: RULES });
  return {
    world,
    host,
    daemon: runningDaemon(world.network, () => statePaths(`/${HOST.name}`, 0)),
  };
}

async function explained(
  world: SimWorld,
  daemon: RunningDaemon,
  question: Partial<ExplainQuestion> = {},
): Promise<Explanation> {
  const asked = daemon.explain({ ...QUESTION, ...question }, undefined);
  const answer = await world.clock.runUntilSettled(asked, MINUTE_MS);
  assert.equal(answer.kind, "explanation", JSON.stringify(answer));
  return answer.kind === "explanation" ? answer : assert.fail();
}

test("a running system explains by its own configuration, and nothing comes of it", async () => {
  const { world, host, daemon } = await running();
  const logged = host.log.length;
  const told = printExplanation(await explained(world, daemon));
  for (const part of [
    "client 198.51.100.7 [client.c.example], HELO client.c.example, not authenticated, no TLS\n",
    "    yes smtpd.conf:7 match from any for domain a.example action home\n",
    "      user ann, from <aliases> team\n",
    "      address x@b.example, from <aliases> team\n",
    "  250 2.1.5 Destination address valid: Recipient ok\n",
    "    maildir for ann, written as vmail, uid 500\n",
    "    into /mail.a.example/mail/ann\n",
    "      5 mx.b.example [192.0.2.2]\n",
  ])
    assert.ok(told.includes(part), `${part} is not in\n${told}`);
  assert.deepEqual(await host.queue(), []);
  assert.deepEqual(await host.mailbox("ann"), []);
  assert.deepEqual(host.log.slice(logged), []);
});

test("what is explained is what a client is told", async () => {
  const { world, host, daemon } = await running();
  const explanation = await explained(world, daemon, {
    reversePath: "x@spam.example",
  });
  const reply = explanation.recipients[0]?.reply;
  const sent = await host.submit({
    from: "x@spam.example",
    to: QUESTION.forwardPaths,
    text: "Subject: s\r\n\r\nx\r\n",
  });
  assert.ok(reply !== undefined && reply.code === 550, JSON.stringify(explanation));
  const words = `${reply.code} ${reply.enhanced} ${reply.text}`;
  assert.ok(sent.lines.join("\n").includes(words), sent.lines.join("\n"));
});

test("an explanation of an enormous list is bounded, and says what it leaves out", async () => {
  const world = new SimWorld(1);
  world.users.set(VMAIL);
  const names = Array.from({ length: 30 }, (_, index) => `list${index}`);
  const lists = names.map((name) => {
    const members = Array.from({ length: 100 }, (_, index) => `${name}user${index}`);
    return `${name} = "${members.join(", ")}"`;
  });
  const many = `many = "${names.join(", ")}", ${lists.join(", ")}`;
  const rules = RULES.map((rule) => rule.replace('many = "include:/lists/many"', many));
  await MailHost.make(world, { ...HOST, rules });
  const daemon = runningDaemon(world.network, () => statePaths(`/${HOST.name}`, 0));
  const { recipients } = await explained(world, daemon, { forwardPaths: ["many@a.example"] });
  const [recipient] = recipients;
  assert.equal(recipient?.reply.code, 250);
  assert.equal(recipient.envelopes.length + recipient.envelopesLeftOut, 3000);
  assert.ok(recipient.envelopesLeftOut > 0 && recipient.stepsLeftOut > 0);
});

test("who asks for what cannot be explained is told so", async () => {
  const { world, daemon } = await running();
  const cases: readonly (readonly [Partial<ExplainQuestion>, RegExp])[] = [
    [{ listener: "nowhere" }, /^no listener is called nowhere$/u],
    [{ source: "not-an-address" }, /^not an IP address: not-an-address$/u],
    [{ forwardPaths: Array.from({ length: 11 }, () => "a@b.example") }, /^at most 10 recipients/u],
    [{ reversePath: "a".repeat(1000) }, /^no text may be longer than 400 bytes$/u],
    [{ forwardPaths: ["a@b.example\r\nDATA"] }, /control characters/u],
  ];
  for (const [question, why] of cases) {
    const asked = daemon.explain({ ...QUESTION, ...question }, undefined);
    const answer = await world.clock.runUntilSettled(asked, MINUTE_MS);
    assert.match(answer.kind === "explain-fault" ? answer.why : "explained", why);
  }
});

test("DNS that fails is told where the way out would be", async () => {
  const { world, daemon } = await running();
  world.resolver.setServers("b.example", "failing");
  const explanation = await explained(world, daemon);
  assert.match(printExplanation(explanation), /relay by MX of b\.example: 4\.4\.3 /u);
});

test("a server is shown as a relay host is written, be it an address", async () => {
  const { world, daemon } = await running();
  const forwardPaths = ["x@b.example", "x@[192.0.2.9]", "x@[IPv6:2001:db8::1]"];
  const { recipients } = await explained(world, daemon, { username: "ben", forwardPaths });
  const ways = recipients.flatMap(({ envelopes }) => envelopes.map(({ way }) => way));
  const hosts = ways.map((way) => (way.kind === "relay" ? way.hops.map(({ host }) => host) : []));
  assert.deepEqual(hosts, [["mx.b.example"], ["192.0.2.9"], ["[2001:db8::1]"]]);
});

test("no password of a list in a rule is told", async () => {
  const { world, daemon } = await running();
  const explanation = await explained(world, daemon, {
    username: "ben",
    forwardPaths: ["x@b.example"],
  });
  assert.match(printExplanation(explanation), /yes smtpd\.conf:9 match from any for any auth /u);
  assert.doesNotMatch(JSON.stringify(explanation), /\$2b/u);
});

test("the parts of the running configuration come without its secrets", async () => {
  const { world, daemon } = await running();
  const outline = await world.clock.runUntilSettled(daemon.outline(undefined), MINUTE_MS);
  assert.ok(typeof outline !== "string", "no outline");
  assert.deepEqual(
    outline.filter(({ section }) => section === "rule").map(({ at }) => at?.line),
    [6, 7, 8, 9, 10],
  );
  assert.doesNotMatch(JSON.stringify(outline), /\$2b/u);
});

test("while there is no daemon that is what is said", async () => {
  const { world, host, daemon } = await running();
  await host.stop();
  const answer = await world.clock.runUntilSettled(daemon.explain(QUESTION, undefined), MINUTE_MS);
  assert.deepEqual(answer, {
    kind: "explain-fault",
    why: "smtpd doesn't seem to be running",
  });
});
