/**
 * A mail system whose domains and users are in databases, while lookup is killed and the
 * databases go away: recipients come again, none is lost, and none is told for good that
 * it is not there.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryTableFiles } from "#test/support/memory-table-files.ts";
import { SimRandom } from "#world/sim/random.ts";
import { SimWorld } from "#world/sim/world.ts";
import { MailHost, VMAIL } from "./mail-host.ts";

const NAME = "mail.a.example";
const MINUTE_MS = 60_000;
const DAY_MS = 1440 * MINUTE_MS;
const SEEDS = 5;
const LETTERS = 20;

interface Scene {
  readonly world: SimWorld;
  readonly files: MemoryTableFiles;
  readonly host: MailHost;
}

async function scene(seed: number): Promise<Scene> {
  const world = new SimWorld(seed, { network: { latencyMs: 20 } });
  world.users.set(VMAIL);
  const files = new MemoryTableFiles();
  files.contents.set("/domains.db", new Map([["a.example", ""]]));
  files.contents.set("/users.db", new Map(["ann", "box"].map((user) => [user, "box"])));
  const host = await MailHost.make(world, {
    name: NAME,
    address: "192.0.2.1",
    tableFiles: files,
    rules: [
      "table domains db:/domains.db",
      "table users db:/users.db",
      `action "local" maildir "/${NAME}/mail/%{dest.user}" user vmail virtual <users>`,
      'action "out" relay',
      'match from any for domain <domains> action "local"',
      'match from any for any action "out"',
    ],
  });
  return { world, files, host };
}

const letter = (to: string, subject = "hello") => ({
  from: "ann@a.example",
  to: [to],
  text: `Subject: ${subject}\n\nhello\n`,
});

test("lookup killed again and again: 250 or 451, and what had a 250 arrives", async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { world, host } = await scene(seed);
    const random = new SimRandom(seed).fork("kills");
    const sending = Array.from({ length: LETTERS }, async () => {
      await new Promise<void>((resolve) => {
        world.clock.after(random.below(20_000), resolve);
      });
      return host.send(letter("ann@a.example"));
    });
    for (let n = 0; n < 12; n++) {
      await world.clock.advance(random.below(3_000));
      host.kill("lookup");
    }
    const sent = await world.clock.runUntilSettled(Promise.all(sending), DAY_MS);
    const told = `seed ${seed}: ${sent.flatMap(({ lines }) => lines).join("\n")}`;
    for (const { code, lines } of sent)
      if (code !== 0) assert.match(lines.join(), /RCPT: 451 /u, told);
    await world.clock.advance(MINUTE_MS);
    const again = await host.submit(letter("ann@a.example"));
    assert.equal(again.code, 0, told);
    await world.clock.advance(MINUTE_MS);
    const acknowledged = sent.filter(({ code }) => code === 0).length + 1;
    assert.equal((await host.mailbox("ann")).length, acknowledged, told);
  }
});

test("a database that cannot be read is 451, whoever asks for whom", async () => {
  const { files, host } = await scene(1);
  files.contents.set("/domains.db", new Error("it is damaged"));
  for (const to of ["ann@a.example", "zoe@elsewhere.example"]) {
    assert.match((await host.submit(letter(to))).lines.join(), /RCPT: 451 /u, to);
  }
  assert.match(host.log.join("\n"), /warn: table domains: it is damaged/u);
});

test("a bounce waits for the databases that say where it goes", async () => {
  const { world, files, host } = await scene(1);
  const users = files.contents.get("/users.db") ?? new Map<string, string>();
  files.contents.set("/users.db", new Error("it is damaged"));
  const { code } = await host.submit(letter("zoe@nowhere.example"));
  assert.equal(code, 0);
  await world.clock.advance(DAY_MS);
  assert.deepEqual(await host.mailbox("ann"), []);
  files.contents.set("/users.db", users);
  await world.clock.advance(DAY_MS);
  assert.match((await host.mailbox("ann")).join(), /zoe@nowhere\.example/u);
});

test("a database that cannot be read at the start keeps the system from starting", async () => {
  const { world, files, host } = await scene(1);
  await host.stop();
  files.contents.delete("/users.db");
  await assert.rejects(host.start(), /table users: ENOENT/u);
  await world.clock.advance(MINUTE_MS);
});
