/** Clients of a UNIX-domain socket of whom the system has said who they are. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { LocalUser, Peer } from "#base/endpoint.ts";
import { ABSENT, found } from "#base/lookup.ts";
import { EMPTY_DNS } from "#base/ports/resolver.ts";
import type { SenderRules } from "#model/authentication.ts";
import type { Listener } from "#model/config/listener.ts";
import type { Event } from "#model/events.ts";
import type { RecipientQuery, Resolution } from "#model/resolution.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimRandom } from "#world/sim/random.ts";
import { configOf } from "#test/support/config-of.ts";
import { listenerAt } from "#test/support/listeners.ts";
import { MemoryConnection } from "#test/support/memory-connection.ts";
import { DEFAULT_LIMITS, type SessionLimits } from "./limits.ts";
import { SmtpServer } from "./smtp-server.ts";

const SOCKET = { kind: "unix", path: "/run/in.sock" } as const;
const ANNA: LocalUser = { uid: 1000, name: found("anna") };
const NAMELESS: LocalUser = { uid: 4242, name: ABSENT };
const UNKNOWN: LocalUser = { uid: 1000, name: { kind: "unavailable", cause: new Error("no") } };

const { listeners } = configOf(
  'table paths { anna = "anna@here.example", "uid=4242" = "robot@here.example" }',
  "listen on socket senders <paths>",
  'action "a" maildir',
  'match for any action "a"',
);
const SENDERS = listeners[0]?.senders;

/** Anna may send as herself, and the nameless user as its robot. */
const RULES: SenderRules = {
  mayUse: (_table, user, path) =>
    found(
      `${user} ${path}` === "anna anna@here.example" ||
        `${user} ${path}` === "uid=4242 robot@here.example",
    ),
};

class Scene {
  readonly clock = new SimClock();
  readonly events: Event[] = [];
  readonly asked: string[] = [];
  readonly listener: Listener;
  text = "";
  readonly #server: SmtpServer;

  constructor(listener: Partial<Listener> = {}, limits: Partial<SessionLimits> = {}) {
    this.listener = listenerAt(SOCKET, listener);
    this.#server = new SmtpServer(
      { clock: this.clock, random: new SimRandom(1), resolver: EMPTY_DNS },
      {
        maxMessageBytes: 1_000_000,
        maxRecipients: 10,
        maxMailsPerSession: 100,
        limits: { ...DEFAULT_LIMITS, ...limits },
      },
      {
        routing: { resolve: (query) => this.#resolve(query) },
        intake: {
          hasRoom: () => true,
          open: () => ({
            msgid: "0000002a",
            write: (text) => {
              this.text += Buffer.from(text).toString("latin1");
              return true;
            },
            drained: () => Promise.resolve(),
            commit: async () => ({ kind: "accepted" }),
            abort: () => undefined,
          }),
        },
        observe: (event) => void this.events.push(event),
        senders: RULES,
      },
    );
  }

  /** What a client is told, by the codes of its replies. */
  async say(user: LocalUser | undefined, ...lines: readonly string[]): Promise<readonly string[]> {
    const remote: Peer = { ...SOCKET, user };
    const connection = new MemoryConnection(remote, SOCKET);
    this.#server.accept(connection, this.listener);
    for (const line of lines) {
      const wire = Buffer.from(`${line}\r\n`, "latin1");
      connection.feed(wire, wire.length);
      await this.clock.settle();
    }
    return Array.from(connection.output.matchAll(/^\d{3}(?= )/gmu), ([code]) => code);
  }

  #resolve({ origin, via }: RecipientQuery): Resolution {
    this.asked.push(`${via} ${origin.address} ${origin.username}`);
    return { kind: "accepted", envelopes: [] };
  }
}

const MAIL = ["EHLO localhost", "MAIL FROM:<anna@here.example>", "RCPT TO:<b@x.example>"];
const MESSAGE = [...MAIL, "DATA", "Subject: s\r\n\r\nhi\r\n."];

for (const { name, user, username, from } of [
  { name: "by name", user: ANNA, username: "anna", from: "from anna@localhost, userid 1000" },
  {
    name: "by number, without a name",
    user: NAMELESS,
    username: "uid=4242",
    from: "from userid 4242",
  },
]) {
  test(`a user is known to rules, Received and log, ${name}`, async () => {
    const scene = new Scene();
    assert.deepEqual(await scene.say(user, ...MESSAGE), ["220", "250", "250", "250", "354", "250"]);
    assert.deepEqual(scene.asked, [`socket local ${username}`]);
    assert.ok(scene.text.includes(`by mx.example (Postrider, ${from}) with ESMTPA id`), scene.text);
    const [connected] = scene.events;
    assert.deepEqual(connected?.kind === "smtp-connected" && connected.user, user);
  });
}

test("with mask-src nobody is told who it was", async () => {
  const scene = new Scene({ maskSource: true });
  await scene.say(ANNA, ...MESSAGE);
  assert.ok(scene.text.includes("by mx.example (Postrider) with ESMTPA id"), scene.text);
});

test("of whom the system was not asked nothing is said", async () => {
  const scene = new Scene();
  await scene.say(undefined, ...MESSAGE);
  assert.deepEqual(scene.asked, ["socket local "]);
  assert.ok(scene.text.includes("by mx.example (Postrider) with ESMTP id"), scene.text);
});

test("a user whose name cannot be looked up now is told to come again", async () => {
  const scene = new Scene();
  assert.deepEqual(await scene.say(UNKNOWN, "EHLO localhost"), ["421"]);
  assert.deepEqual(
    scene.events.map((event) => event.kind === "smtp-turned-away" && event.limit),
    ["unknown-user"],
  );
});

test("without senders anybody may send as anybody, as OpenSMTPD has it", async () => {
  const scene = new Scene();
  assert.deepEqual(await scene.say(NAMELESS, ...MAIL), ["220", "250", "250", "250"]);
});

function mailFrom(address: string): readonly string[] {
  return ["EHLO l", `MAIL FROM:<${address}>`];
}

test("with senders a user may send as what is listed for it, and who has no name too", async () => {
  const scene = new Scene({ senders: SENDERS });
  assert.equal((await scene.say(ANNA, ...mailFrom("anna@here.example"))).at(-1), "250");
  assert.equal((await scene.say(ANNA, ...mailFrom("boss@here.example"))).at(-1), "530");
  assert.equal((await scene.say(ANNA, ...mailFrom(""))).at(-1), "530");
  assert.equal((await scene.say(NAMELESS, ...mailFrom("robot@here.example"))).at(-1), "250");
  assert.equal((await scene.say(NAMELESS, ...mailFrom("anna@here.example"))).at(-1), "530");
});

test("a listener with auth wants to be shown more than the system says", async () => {
  const auth = { mode: "required", passwords: { kind: "system" }, oauth: undefined } as const;
  const scene = new Scene({ auth });
  assert.deepEqual(await scene.say(ANNA, "EHLO l", "MAIL FROM:<a@b.example>"), [
    "220",
    "250",
    "530",
  ]);
});

test("a user sends so many messages at once, then at a rate; others are not held up by it", async () => {
  const scene = new Scene({}, { userMessagesPerSecond: 1, userMessageBurst: 2 });
  const often = [
    "EHLO l",
    ...Array.from({ length: 3 }, () => ["MAIL FROM:<a@b.example>", "RSET"]),
  ].flat();
  assert.deepEqual(await scene.say(ANNA, ...often), [
    "220",
    "250",
    "250",
    "250",
    "250",
    "250",
    "452",
    "250",
  ]);
  const refused = scene.events.find((event) => event.kind === "smtp-failed-command");
  assert.equal(refused?.kind === "smtp-failed-command" && refused.limit, "messages-per-user");
  assert.equal((await scene.say(NAMELESS, ...often)).filter((code) => code === "452").length, 1);
  await scene.clock.advance(1000);
  assert.equal((await scene.say(ANNA, "EHLO l", "MAIL FROM:<a@b.example>")).at(-1), "250");
});
