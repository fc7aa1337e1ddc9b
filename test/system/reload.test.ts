/**
 * Another configuration is taken up while everything runs: what goes on by the old one,
 * what begins by the new one, and what a bad file changes, which is nothing.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Endpoint } from "#base/endpoint.ts";
import type { Connection } from "#base/ports/network.ts";
import type { Role } from "#processes/roles.ts";
import { RecordingHandler } from "#world/sim/recording-handler.ts";
import { SimWorld } from "#world/sim/world.ts";
import { domainRules, MailHost, VMAIL } from "./mail-host.ts";

const NAME = "mail.a.example";
const ADDRESS = "192.0.2.1";
const SMTP: Endpoint = { kind: "tcp", host: ADDRESS, port: 25 };
const SUBMISSION: Endpoint = { ...SMTP, port: 587 };
const STEP_MS = 60_000;

const RULES = ["compat none", ...domainRules(NAME, "a.example")];
const ACTIONS = RULES.slice(0, 3);
const REFUSING = [
  ...ACTIONS,
  'match from any for domain "a.example" reject',
  'match from local for any action "out"',
];

/** Takes mail for a.example; `rules` come instead of that. */
async function host(
  seed: number,
  rules: readonly string[] = RULES,
  files: ReadonlyMap<string, string> = new Map(),
): Promise<{ readonly world: SimWorld; readonly a: MailHost }> {
  const world = new SimWorld(seed);
  world.users.set(VMAIL);
  const a = await MailHost.make(world, { name: NAME, address: ADDRESS, rules, files });
  return { world, a };
}

/** A session that a test holds open. */
class Session {
  readonly #world: SimWorld;
  readonly #connection: Connection;
  readonly #heard: RecordingHandler = new RecordingHandler();

  /** Greeted; undefined if nobody listens. */
  static async open(
    t: TestContext,
    world: SimWorld,
    endpoint: Endpoint = SMTP,
  ): Promise<Session | undefined> {
    const { clock, network } = world;
    const connecting = network.connect(endpoint, { timeoutMs: STEP_MS });
    const connection = await clock.runUntilSettled(connecting, STEP_MS);
    if ("code" in connection) return undefined;
    const session = new Session(world, connection);
    t.after(() => connection.destroy());
    await clock.advance(1000);
    if (!session.#heard.text.startsWith("220 ")) return undefined;
    await session.say("EHLO client.example");
    return session;
  }

  private constructor(world: SimWorld, connection: Connection) {
    this.#world = world;
    this.#connection = connection;
    connection.start(this.#heard);
  }

  /** The last line of the reply; "" if there is none. */
  async say(command: string): Promise<string> {
    const before = this.#heard.text.length;
    this.#connection.write(Buffer.from(`${command}\r\n`));
    await this.#world.clock.advance(1000);
    return this.#heard.text.slice(before).trimEnd().split("\r\n").at(-1) ?? "";
  }

  /** The code that a recipient gets. */
  async recipient(address: string): Promise<string> {
    await this.say("RSET");
    await this.say("MAIL FROM:<b@b.example>");
    return (await this.say(`RCPT TO:<${address}>`)).slice(0, 3);
  }
}

/** What new clients are told of `address`, one after the other, so that every dispatcher has its turn. */
async function told(t: TestContext, world: SimWorld, address: string): Promise<readonly string[]> {
  const codes: string[] = [];
  for (let n = 0; n < 4; n++) {
    const session = await Session.open(t, world);
    codes.push((await session?.recipient(address)) ?? "nobody");
  }
  return [...new Set(codes)];
}

const LETTER = { from: "b@b.example", to: ["anna@a.example"], text: "Subject: hello\n\nhello\n" };

test("a session ends by the rules that it began with, and every new one begins by the new rules", async (t) => {
  const { world, a } = await host(1);
  const open = await Session.open(t, world);
  assert.equal(await open?.recipient("anna@a.example"), "250");
  a.rules = REFUSING;
  assert.equal(await a.control("reload"), "configuration reloaded\n");
  assert.equal(await open?.recipient("anna@a.example"), "250");
  assert.deepEqual(await told(t, world, "anna@a.example"), ["550"]);
  a.rules = RULES;
  await a.control("reload");
  assert.deepEqual(await told(t, world, "anna@a.example"), ["250"]);
});

test("a bad file changes nothing, and each complaint is shown and logged", async (t) => {
  const { world, a } = await host(2);
  a.rules = ["action", ...REFUSING, "match nothing"];
  const shown = await a.control("reload");
  assert.match(shown, /^smtpd\.conf:2:7: /mu);
  assert.match(shown, /^smtpd\.conf:8:7: /mu);
  assert.match(shown, /^command failed: nothing has changed$/mu);
  assert.deepEqual(await told(t, world, "anna@a.example"), ["250"]);
  assert.ok(a.log.some((line) => line.startsWith("warn: smtpd.conf:2:7: ")));
  assert.ok(a.log.includes("warn: configuration not reloaded: nothing has changed"));
});

test("--json says in one object what is wrong, and where", async () => {
  const { a } = await host(3);
  a.rules = ["match nothing"];
  const bad = JSON.parse(await firstLine(a.control("--json", "reload"))) as ReloadJson;
  assert.equal(bad.ok, false);
  assert.equal(bad.complaints[0]?.file, "smtpd.conf");
  assert.equal(bad.complaints[0]?.line, 2);
  a.rules = RULES;
  const good = JSON.parse(await firstLine(a.control("--json", "reload"))) as ReloadJson;
  assert.deepEqual([good.ok, good.stranded], [true, { envelopes: 0, actions: [] }]);
});

interface ReloadJson {
  readonly ok: boolean;
  readonly complaints: readonly { readonly file: string; readonly line: number }[];
  readonly stranded?: unknown;
}

async function firstLine(text: Promise<string>): Promise<string> {
  return (await text).split("\n", 1).join("");
}

test("a listener that stays keeps its clients, one that comes is heard, one that goes is not", async (t) => {
  const { world, a } = await host(4);
  a.rules = [`listen on ${ADDRESS} port 587`, ...RULES];
  const before = await Session.open(t, world);
  await a.control("reload");
  assert.equal(await before?.say("NOOP"), "250 2.0.0 Ok");
  const submitting = await Session.open(t, world, SUBMISSION);
  assert.equal(await submitting?.recipient("anna@a.example"), "250");
  a.rules = RULES;
  await a.control("reload");
  assert.equal(await Session.open(t, world, SUBMISSION), undefined);
  assert.equal(await submitting?.recipient("anna@a.example"), "250", "it may finish");
  assert.equal(await before?.say("NOOP"), "250 2.0.0 Ok");
});

test("an endpoint that cannot be had is named with its line, and nothing changes", async (t) => {
  const { world, a } = await host(5);
  await world.network.listen(SUBMISSION, () => undefined);
  a.rules = [`listen on ${ADDRESS} port 2525`, `listen on ${ADDRESS} port 587`, ...REFUSING];
  assert.match(
    await a.control("reload"),
    /^smtpd\.conf:3:\d+: cannot listen on 192\.0\.2\.1:587/mu,
  );
  assert.deepEqual(await told(t, world, "anna@a.example"), ["250"]);
  assert.equal(await Session.open(t, world, { ...SMTP, port: 2525 }), undefined);
});

test("mail whose action is gone waits, is counted and shown, and goes on when the action is back", async () => {
  const { world, a } = await host(6);
  await a.control("pause", "mda");
  await a.submit(LETTER);
  a.rules = RULES.map((line) => line.replace('"local"', '"mailboxes"'));
  assert.equal(
    await a.control("reload"),
    '1 envelope waits for actions that are gone: "local"\nconfiguration reloaded\n',
  );
  await a.control("resume", "mda");
  assert.deepEqual(
    a.log.filter((line) => / mda (?:paused|resumed)$/u.test(line)),
    ["info: mda paused", "info: mda resumed"],
  );
  await world.clock.advance(STEP_MS);
  const [waiting = ""] = await a.queue();
  assert.match(waiting, /\|pending\|0\|action 'local' is gone from the configuration$/u);
  assert.match(
    await a.control("show", "envelope", waiting.slice(0, 16)),
    /^waits: action 'local' is gone from the configuration$/mu,
  );
  a.rules = RULES;
  assert.equal(await a.control("reload"), "configuration reloaded\n");
  await world.clock.advance(STEP_MS);
  assert.equal((await a.mailbox("anna")).length, 1);
  assert.deepEqual(await a.queue(), []);
});

test("mail that a session sends by rules that are gone waits for their action too", async (t) => {
  const { world, a } = await host(7);
  const open = await Session.open(t, world);
  a.rules = RULES.map((line) => line.replace('"local"', '"mailboxes"'));
  await a.control("reload");
  assert.equal(await open?.recipient("anna@a.example"), "250");
  await open?.say("DATA");
  assert.match((await open?.say("Subject: hello\r\n\r\nhello\r\n.")) ?? "", /^250 /u);
  assert.match((await a.queue())[0] ?? "", /action 'local' is gone/u);
  await a.stop();
  await a.start();
  assert.match((await a.queue())[0] ?? "", /action 'local' is gone/u, "after a restart as well");
});

test("a mailbox that moves gets the next letter, though its agent was warm", async () => {
  const { world, a } = await host(8);
  await a.submit(LETTER);
  await world.clock.advance(1000);
  a.rules = RULES.map((line) => line.replace("/mail/%{dest.user}", "/mail/%{dest.user}-new"));
  await a.control("reload");
  await a.submit(LETTER);
  await world.clock.advance(1000);
  assert.deepEqual(
    [(await a.mailbox("anna")).length, (await a.mailbox("anna-new")).length],
    [1, 1],
  );
});

const ROLES: readonly Role[] = ["dispatcher", "queue", "agent"];

for (const role of ROLES) {
  test(`a ${role} that dies after a reload is started with the new configuration`, async (t) => {
    const { world, a } = await host(9);
    await a.submit(LETTER);
    a.rules = [
      `listen on ${ADDRESS} port 587`,
      ...RULES.map((line) => line.replace("a.example", "c.example")),
    ];
    await a.control("reload");
    a.kill(role);
    await world.clock.advance(STEP_MS);
    assert.deepEqual(await told(t, world, "anna@c.example"), ["250"]);
    const session = await Session.open(t, world, SUBMISSION);
    assert.equal(await session?.recipient("anna@c.example"), "250");
  });

  test(`a ${role} that dies while a reload goes on does not keep the others from it`, async (t) => {
    const { world, a } = await host(10);
    await a.submit(LETTER);
    a.rules = REFUSING;
    const reloaded = a.control("reload");
    await world.clock.advance(1);
    a.kill(role);
    assert.equal(await reloaded, "configuration reloaded\n");
    await world.clock.advance(STEP_MS);
    assert.deepEqual(await told(t, world, "anna@a.example"), ["550"]);
  });
}

test("a table that is read again is seen by sessions that are open, and nothing else changes", async (t) => {
  const rules = [
    "table domains file:/domains",
    ...ACTIONS,
    'match from any for domain <domains> action "local"',
  ];
  const { world, a } = await host(11, rules, new Map([["/domains", "a.example\n"]]));
  const open = await Session.open(t, world);
  assert.equal(await open?.recipient("anna@c.example"), "550");
  a.files = new Map([["/domains", "a.example\nc.example\n"]]);
  assert.equal(await a.control("update", "table", "domains"), "table domains reloaded\n");
  assert.equal(await open?.recipient("anna@c.example"), "250");
  assert.deepEqual(await told(t, world, "anna@c.example"), ["250"]);
  a.files = new Map();
  assert.match(await a.control("update", "table", "domains"), /command failed/u);
  assert.equal(await open?.recipient("anna@c.example"), "250");
});

test("reloads that are asked for at once are made one after the other, and all are answered", async (t) => {
  const { world, a } = await host(12);
  a.rules = REFUSING;
  const answers = [a.control("reload"), a.control("reload"), a.control("reload")];
  await world.clock.advance(STEP_MS);
  assert.deepEqual(new Set(await Promise.all(answers)), new Set(["configuration reloaded\n"]));
  const reloads = a.log.filter((line) => line === "info: configuration reloaded");
  assert.equal(reloads.length, 2, "the last two were one");
  assert.deepEqual(await told(t, world, "anna@a.example"), ["550"]);
});

test("a program that embeds the system gives it another configuration by a call", async (t) => {
  const { world, a } = await host(13);
  a.rules = REFUSING;
  assert.equal((await a.reload()).kind, "reloaded");
  assert.deepEqual(await told(t, world, "anna@a.example"), ["550"]);
});

test("a reload while the system stops is refused, and nothing stays open", async (t) => {
  const { world, a } = await host(14);
  await Session.open(t, world);
  const stopped = a.stop();
  a.rules = [`listen on ${ADDRESS} port 587`, ...RULES];
  const refused = await a.reload();
  assert.deepEqual(refused, { kind: "refused", why: "smtpd is stopping", complaints: [] });
  await stopped;
  assert.equal(await Session.open(t, world, SUBMISSION), undefined);
});
