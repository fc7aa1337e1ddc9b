/**
 * A whole mail system that delivers to commands, files and mailboxes: what is put off comes
 * again, what hangs is ended, and each is delivered once.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ended, SimCommands } from "#world/sim/commands.ts";
import { SimWorld } from "#world/sim/world.ts";
import { MailHost } from "./mail-host.ts";

const NAME = "mail.a.example";
const HOUR_MS = 3_600_000;
const USERS = ["ann", "ben", "_smtpx"];

interface Scene {
  readonly world: SimWorld;
  readonly commands: SimCommands;
  readonly host: MailHost;
}

async function scene(): Promise<Scene> {
  const world = new SimWorld(1, { network: { latencyMs: 20 } });
  for (const [n, name] of USERS.entries())
    world.users.set({ name, uid: 1000 + n, gid: 1000 + n, home: `/home/${name}` });
  for (const folder of ["/home/ann", "/home/ben", "/var/mail", "/srv"])
    world.disk.plantFolder(folder);
  // Files of this disk are all of one user, unless they are given away.
  const archive = await world.disk.files().open("/srv/archive", "create");
  await archive.giveTo(1000 + USERS.indexOf("_smtpx"), 0);
  await archive.close();
  const commands = new SimCommands(world.clock);
  const host = await MailHost.make(world, {
    name: NAME,
    address: "192.0.2.1",
    commands,
    rules: [
      "compat none",
      'table lists { team = "ann, |/usr/bin/report, /srv/archive" }',
      'action "lists" mbox alias <lists> allow-exec',
      'action "sort" mda "/usr/bin/sort %{sender} %{user.username}"',
      'match from any for domain "a.example" action "lists"',
      'match from any for domain "sort.example" action "sort"',
    ],
  });
  return { world, commands, host };
}

function letter(to: string) {
  return { from: "zoe@z.example", to: [to], text: "Subject: hello\n\nhello\n" };
}

test("a list with a user, a command and a file: each has the message once", async () => {
  const { world, commands, host } = await scene();
  const read: string[] = [];
  commands.set("/usr/bin/report", (input) => {
    read.push(input);
    return ended(0);
  });
  assert.equal((await host.submit(letter("team@a.example"))).code, 0);
  await world.clock.advance(HOUR_MS);
  assert.match(read.join(), /^Return-Path: <zoe@z\.example>\nDelivered-To: team@a\.example\n/u);
  assert.equal(read.length, 1);
  for (const path of ["/var/mail/ann", "/srv/archive"]) {
    const text = Buffer.from(world.disk.bytesOf(path)).toString();
    assert.equal(text.split(/^From zoe@z\.example /mu).length, 2, path);
  }
  assert.deepEqual(await world.disk.files().list("/var/mail"), ["ann"]);
  await host.stop();
});

test("a command that puts off is asked again, and one that hangs is ended and asked again", async () => {
  const { world, commands, host } = await scene();
  let tries = 0;
  commands.set("/usr/bin/sort zoe@z.example ben", () => {
    tries++;
    if (tries === 1) return ended(75, "come back");
    return tries === 2 ? new Promise(() => undefined) : ended(0);
  });
  assert.equal((await host.submit(letter("ben@sort.example"))).code, 0);
  await world.clock.advance(6 * HOUR_MS);
  assert.equal(tries, 3);
  const results = host.log.flatMap((line) => /result=(\w+) stat=(.*)/u.exec(line)?.slice(1) ?? []);
  assert.deepEqual(results, [
    "TempFail",
    '"come back"',
    "TempFail",
    '"Command terminated: it took too long"',
    "Ok",
    "Delivered",
  ]);
  await host.stop();
});

test("a command that was taken from its list is not run, and its mail waits with an alert", async () => {
  const { world, commands, host } = await scene();
  commands.set("/usr/bin/report", () => ended(75));
  await host.submit(letter("team@a.example"));
  host.rules = host.rules.map((rule) => rule.replace("|/usr/bin/report", "|/usr/bin/other"));
  await host.reload();
  commands.set("/usr/bin/other", () => ended(0));
  const before = commands.orders.length;
  await world.clock.advance(6 * HOUR_MS);
  assert.equal(commands.orders.length, before);
  const alerts = host.log.filter((line) => line.startsWith("warn: alert: "));
  assert.match(alerts[0] ?? "", /agent _smtpx was refused: Not what <lists> has for team/u);
  await host.stop();
});
