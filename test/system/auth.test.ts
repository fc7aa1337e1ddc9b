/**
 * A mail system whose clients authenticate: while lookup and the helper for the system's
 * users are killed, and while users and listeners change under it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { simHash, SimPasswordHashing } from "#world/sim/password-hashing.ts";
import { RecordingHandler } from "#world/sim/recording-handler.ts";
import { SimWorld } from "#world/sim/world.ts";
import { MailHost, VMAIL } from "./mail-host.ts";

const NAME = "mail.a.example";
const SOCKET = `/${NAME}/submit.sock`;
const STEP_MS = 60_000;

const DELIVERY: readonly string[] = [
  `action "local" maildir "/${NAME}/mail/%{dest.user}" user vmail`,
  'match from auth for any action "local"',
  "match from any for any reject",
];

function rulesOf(password: string, auth = "auth"): readonly string[] {
  return [
    `table logins { ann = "${simHash(password)}" }`,
    `listen on socket "${SOCKET}" ${auth} <logins>`,
    ...DELIVERY,
  ];
}

async function host(rules: readonly string[]): Promise<{ world: SimWorld; a: MailHost }> {
  const world = new SimWorld(1);
  world.users.set(VMAIL);
  const a = await MailHost.make(world, {
    name: NAME,
    address: "192.0.2.1",
    rules,
    hashing: new SimPasswordHashing(),
    systemPasswords: {
      check: async (user, password) =>
        user === "root" || password !== "right" ? "refused" : "accepted",
    },
  });
  return { world, a };
}

/** The codes that the commands of a new client get. */
async function codes(world: SimWorld, ...commands: readonly string[]): Promise<readonly string[]> {
  const endpoint = { kind: "unix", path: SOCKET } as const;
  const connecting = world.network.connect(endpoint, { timeoutMs: STEP_MS });
  const connection = await world.clock.runUntilSettled(connecting, STEP_MS);
  if ("code" in connection) return [];
  const heard = new RecordingHandler();
  connection.start(heard);
  await world.clock.advance(1000);
  const all: string[] = [];
  for (const command of ["EHLO client.example", ...commands]) {
    const before = heard.text.length;
    connection.write(Buffer.from(`${command}\r\n`));
    await world.clock.advance(15_000);
    all.push(heard.text.slice(before).trimEnd().split("\r\n").at(-1)?.slice(0, 3) ?? "");
  }
  connection.destroy();
  await world.clock.advance(1000);
  return all.slice(1);
}

function plain(user: string, password: string): string {
  return `AUTH PLAIN ${Buffer.from(`\0${user}\0${password}`).toString("base64")}`;
}

const SENDS = ["MAIL FROM:<ann@a.example>", "RCPT TO:<box@a.example>"] as const;

test("who authenticates may send, and only then", async () => {
  const { world } = await host(rulesOf("right"));
  assert.deepEqual(await codes(world, ...SENDS), ["530", "503"]);
  assert.deepEqual(await codes(world, plain("ann", "wrong"), ...SENDS), ["535", "530", "503"]);
  assert.deepEqual(await codes(world, plain("ann", "right"), ...SENDS), ["235", "250", "250"]);
});

test("while lookup is gone nobody is told that a password is wrong", async () => {
  const { world, a } = await host(rulesOf("right"));
  for (let n = 0; n < 5; n++) {
    a.kill("lookup");
    const [code = ""] = await codes(world, plain("ann", "right"));
    assert.match(code, /^(?:235|454)$/u);
  }
  await world.clock.advance(5 * STEP_MS);
  assert.deepEqual(await codes(world, plain("ann", "right"), ...SENDS), ["235", "250", "250"]);
});

test("a new password counts after a reload, and after the table alone was read again", async () => {
  const { world, a } = await host(rulesOf("first"));
  for (const [password, order] of [
    ["second", ["reload"]],
    ["third", ["update", "table", "logins"]],
  ] as const) {
    a.rules = rulesOf(password);
    await a.control(...order);
    assert.deepEqual(await codes(world, plain("ann", "first")), ["535"], order.join(" "));
    assert.deepEqual(await codes(world, plain("ann", password)), ["235"], order.join(" "));
  }
});

test("a reload may bring authentication, and take it away", async () => {
  const open = [`listen on socket "${SOCKET}"`, ...DELIVERY];
  const { world, a } = await host(open);
  assert.deepEqual(await codes(world, plain("ann", "right")), ["503"]);
  a.rules = rulesOf("right");
  await a.control("reload");
  await world.clock.advance(STEP_MS);
  assert.deepEqual(await codes(world, plain("ann", "right"), ...SENDS), ["235", "250", "250"]);
  a.rules = open;
  await a.control("reload");
  assert.deepEqual(await codes(world, plain("ann", "right")), ["503"]);
});

test("the system's users are asked about by way of the helper, which may die too", async () => {
  const { world, a } = await host([`listen on socket "${SOCKET}" auth`, ...DELIVERY]);
  assert.deepEqual(await codes(world, plain("ann", "right"), ...SENDS), ["235", "250", "250"]);
  assert.deepEqual(await codes(world, plain("root", "right")), ["535"]);
  a.kill("auth");
  const [code = ""] = await codes(world, plain("ann", "right"));
  assert.match(code, /^(?:235|454)$/u);
  await world.clock.advance(5 * STEP_MS);
  assert.deepEqual(await codes(world, plain("ann", "right")), ["235"]);
  a.kill("lookup");
  await world.clock.advance(5 * STEP_MS);
  assert.deepEqual(await codes(world, plain("ann", "right")), ["235"]);
});
