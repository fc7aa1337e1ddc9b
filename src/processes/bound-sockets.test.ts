import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Config } from "#model/config/config.ts";
import { SimUsers } from "#world/sim/users.ts";
import { configOf } from "#test/support/config-of.ts";
import { type BoundSockets, bindSockets, type Rebinding } from "./bound-sockets.ts";

const ACCOUNTS = { users: new SimUsers([]), group: async () => ({ kind: "absent" }) as const };

function configWith(...listeners: readonly string[]): Config {
  return configOf(
    "compat none",
    ...listeners,
    'action "out" relay',
    'match from any for any action "out"',
  );
}

/** A folder, and sockets bound in it for a first configuration. */
async function boundFor(t: TestContext, listeners: (folder: string) => readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), "postrider-bound-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const config = configWith(...listeners(folder));
  const sockets = await bindSockets(config, join(folder, "control.sock"), ACCOUNTS);
  assert.ok(!("kind" in sockets), JSON.stringify(sockets));
  t.after(() => sockets.close());
  return { folder, sockets };
}

async function rebinding(sockets: BoundSockets, config: Config): Promise<Rebinding> {
  const made = await sockets.rebind(config);
  assert.ok(made.kind === "rebinding", JSON.stringify(made));
  return made;
}

test("what stays keeps its socket, what is new is bound, what is gone is removed", async (t) => {
  const { folder, sockets } = await boundFor(t, (path) => [
    `listen on socket "${path}/a.sock"`,
    `listen on socket "${path}/b.sock"`,
  ]);
  const [a, b] = sockets.listenerFds;
  const next = await rebinding(
    sockets,
    configWith(`listen on socket "${folder}/c.sock"`, `listen on socket "${folder}/a.sock"`),
  );
  assert.deepEqual(
    next.fresh.map(({ endpoint }) => endpoint),
    [`unix:${folder}/c.sock`],
  );
  assert.deepEqual(sockets.listenerFds, [a, b], "nothing is given up yet");
  next.commit();
  assert.deepEqual([sockets.listenerFds.length, sockets.listenerFds[1]], [2, a]);
  assert.deepEqual(
    ["a", "b", "c"].map((name) => existsSync(`${folder}/${name}.sock`)),
    [true, false, true],
  );
});

test("what is abandoned leaves nothing behind", async (t) => {
  const { folder, sockets } = await boundFor(t, (path) => [`listen on socket "${path}/a.sock"`]);
  const next = await rebinding(sockets, configWith(`listen on socket "${folder}/b.sock"`));
  assert.ok(existsSync(`${folder}/b.sock`));
  next.abandon();
  assert.deepEqual(
    ["a", "b"].map((name) => existsSync(`${folder}/${name}.sock`)),
    [true, false],
  );
});

test("one that cannot be bound gives up those that could, and is named with its line", async (t) => {
  const { folder, sockets } = await boundFor(t, () => []);
  const stranger = createServer().listen(0, "127.0.0.1");
  await once(stranger, "listening");
  t.after(() => stranger.close());
  const { port } = stranger.address() as AddressInfo;
  const refused = await sockets.rebind(
    configWith(`listen on socket "${folder}/a.sock"`, `listen on 127.0.0.1 port ${port}`),
  );
  assert.ok(refused.kind === "cannot-bind");
  assert.equal(refused.at.line, 3);
  assert.match(refused.why, /in use by another program$/u);
  assert.equal(existsSync(`${folder}/a.sock`), false);
});

test("who may connect to a socket that stays changes with the configuration", async (t) => {
  const { folder, sockets } = await boundFor(t, (path) => [
    `listen on socket "${path}/a.sock" mode 0600`,
  ]);
  const mode = (): number => statSync(`${folder}/a.sock`).mode & 0o777;
  assert.equal(mode(), 0o600);
  const next = await rebinding(
    sockets,
    configWith(`listen on socket "${folder}/a.sock" mode 0660`),
  );
  assert.equal(mode(), 0o600);
  next.commit();
  assert.equal(mode(), 0o660);
});
