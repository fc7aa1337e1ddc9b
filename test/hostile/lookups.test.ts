/** Answers that come late, never, or with the wrong things in them: users and names. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Lookup } from "#base/lookup.ts";
import type { User, Users } from "#base/ports/users.ts";
import { Scene } from "./scene.ts";

const BY_ACCOUNT: readonly string[] = [
  "listen on 192.0.2.1",
  'action "deliver" maildir "~/Maildir"',
  'match from any for domain "example.test" action "deliver"',
];

function user(name: string): User {
  return { name, uid: 1000, gid: 1000, home: `/home/${name}` };
}

/** Every second user does not exist; the first one asked for is answered last. */
class SlowUsers implements Users {
  after: (ms: number, run: () => void) => void = () => undefined;

  async lookup(name: string): Promise<Lookup<User>> {
    const number = Number(name.slice(1));
    await new Promise<void>((resolve) => this.after((50 - number) * 20, resolve));
    return number % 2 === 0 ? { kind: "found", value: user(name) } : { kind: "absent" };
  }
}

test("PIPE-05: replies to fifty recipients come in their order, however long each look-up takes", async () => {
  const users = new SlowUsers();
  const scene = await Scene.start(1, { lines: BY_ACCOUNT, users });
  users.after = (ms, run) => void scene.world.clock.after(ms, run);
  const client = await scene.client();
  await scene.run(client.before("helo"));
  const recipients = Array.from({ length: 50 }, (_, n) => `RCPT TO:<u${n}@example.test>\r\n`);
  await scene.run(client.write(`MAIL FROM:<a@example.test>\r\n${recipients.join("")}`));
  await scene.run(client.reply());
  for (let n = 0; n < 50; n++) {
    const expected = n % 2 === 0 ? /^250 / : new RegExp(`^550 .*u${n}@`);
    assert.match((await scene.run(client.reply(120_000))) ?? "", expected);
  }
});

test("TBL-05: a user database that is down refuses for now, and nobody for good", async () => {
  const scene = await Scene.start(1, { lines: BY_ACCOUNT });
  scene.world.users.fail(new Error("down"));
  const client = await scene.client();
  await scene.run(client.before("helo"));
  await scene.run(client.write("MAIL FROM:<a@example.test>\r\nRCPT TO:<u@example.test>\r\n"));
  await scene.run(client.reply());
  assert.match((await scene.run(client.reply())) ?? "", /^451 /);
});

test("TBL-01, NOD-03: names that mean something elsewhere are no users", async () => {
  const scene = await Scene.start(1, { lines: BY_ACCOUNT });
  scene.world.users.set(user("bob"));
  const client = await scene.client();
  await scene.run(client.before("helo"));
  await scene.run(client.write("MAIL FROM:<a@example.test>\r\n"));
  await scene.run(client.reply());
  for (const name of ["__proto__", "constructor", "-rf", '"bob\\ "', '"bo b"', "bob/x", "root:x"]) {
    await scene.run(client.write(`RCPT TO:<${name}@example.test>\r\n`));
    assert.match((await scene.run(client.reply())) ?? "", /^5/, name);
  }
  await scene.run(client.write("RCPT TO:<BoB+x@example.test>\r\n"));
  assert.match((await scene.run(client.reply())) ?? "", /^250 /);
});

for (const [what, names] of [
  ["controls", ["evil\r\nBcc: x", "a\0b"]],
  ["blanks and quotes", ["a b.test", 'x";id;"']],
  ["a name of 300 octets", [`${"a".repeat(300)}.test`]],
  ["a hundred names", Array.from({ length: 100 }, (_, n) => `n${n}.test`)],
] as const) {
  test(`DNS-04, DNS-05: a reverse name of ${what} adds nothing to field or log`, async () => {
    const scene = await Scene.start();
    scene.world.resolver.setPointers("198.51.100.99", [...names]);
    assert.match(await scene.sendsMail(), /^250 /);
    await scene.world.clock.advance(100);
    const [received = "", ...rest] = (scene.stored[0]?.text ?? "").split(/\r\n(?!\t)/);
    assert.match(
      received,
      /^Received: from client\.test \((?:<unknown>|n0\.test) \[198\.51\.100\.99\]\)/,
    );
    assert.equal(rest[0], "Subject: good");
    for (const line of scene.log) assert.match(line, /^[ -~]*$/);
  });
}

test("DNS-05: a client whose reverse name is 'localhost' may not do more for it", async () => {
  const scene = await Scene.start(1, {
    lines: ["listen on 192.0.2.1", 'action "out" relay', 'match from local for any action "out"'],
  });
  scene.world.resolver.setPointers("198.51.100.7", ["localhost"]);
  const client = await scene.client("198.51.100.7");
  await scene.run(client.before("helo"));
  await scene.run(client.write("MAIL FROM:<a@example.test>\r\nRCPT TO:<x@external.test>\r\n"));
  await scene.run(client.reply());
  assert.match((await scene.run(client.reply())) ?? "", /^550 /);
});

for (const [address, mayRelay] of [
  ["127.0.0.1", true],
  ["127.1.2.3", true],
  ["198.51.100.7", false],
  ["0.0.0.0", false],
  ["10.0.0.1", false],
] as const) {
  test(`REL-01, REL-02: ${address} ${mayRelay ? "is" : "is not"} of this machine`, async () => {
    const scene = await Scene.start(1, {
      lines: ["listen on 192.0.2.1", 'action "out" relay', 'match from local for any action "out"'],
    });
    const client = await scene.client(address);
    await scene.run(client.before("helo"));
    await scene.run(client.write("MAIL FROM:<a@example.test>\r\nRCPT TO:<x@external.test>\r\n"));
    await scene.run(client.reply());
    assert.match((await scene.run(client.reply())) ?? "", mayRelay ? /^250 / : /^550 /);
  });
}
