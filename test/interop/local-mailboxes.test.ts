/**
 * BOX-01, BOX-05: mailboxes of /var/mail, and files of forward files, on a real disk; what others
 * may have put in their place; and what Python's mailbox module, which we did not write, reads.
 * Delivery by LMTP to a socket in a home, and to accounts of a database. Needs root.
 */
import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { test } from "node:test";
import { Sink } from "#test/support/sink.ts";
import { nodeNetwork } from "#world/node/network.ts";
import { unlessStartable } from "./daemon.ts";
import { until } from "./greeting.ts";
import { KillableDaemon } from "./killable-daemon.ts";
import { deliveredFiles } from "./mailboxes.ts";
import { makemap } from "./makemap.ts";
import { run, unlessInstalled } from "./peer-program.ts";
import { MAIL_GID, MAIL_UID, RUNS_AS_ROOT, Scratch } from "./scratch.ts";
import { SmtpSession } from "./smtp-session.ts";

const skip = (await unlessStartable()) || (!RUNS_AS_ROOT && "needs root, to give files away");
const skipPython = skip || unlessInstalled("python3");

/** Users of no other test, whose mailboxes are removed. */
class Users implements Disposable {
  readonly #prefix = `pr-test-${process.pid}-`;
  readonly #names: string[] = [];

  add(name: string): string {
    const user = `${this.#prefix}${name}`;
    this.#names.push(user);
    return user;
  }

  /** For `userbase`. */
  table(scratch: Scratch): string {
    const entries = this.#names.map(
      (user) => `"${user}" = "${MAIL_UID}:${MAIL_GID}:${scratch.folder}"`,
    );
    return `table users { ${entries.join(", ")} }`;
  }

  [Symbol.dispose](): void {
    for (const user of this.#names) {
      rmSync(mailboxOf(user), { recursive: true, force: true });
      rmSync(`${mailboxOf(user)}.lock`, { force: true });
    }
  }
}

const mailboxOf = (user: string): string => `/var/mail/${user}`;

const MBOX_RULES: readonly string[] = [
  'action "spool" mbox userbase <users>',
  'match from any for domain "here.example" action "spool"',
];

async function send(daemon: KillableDaemon, user: string, text = "Subject: hello"): Promise<void> {
  using session = await SmtpSession.inData(daemon.servers[0], `${user}@here.example`);
  assert.match(await session.say(`${text}\r\n.`), /^250 /u, daemon.logEnd);
}

async function result(daemon: KillableDaemon, user: string, count = 1): Promise<string> {
  const lines = (): readonly string[] =>
    daemon.log.split("\n").filter((line) => line.includes(`user=${user} `));
  await until(() => lines().length >= count, `${count} results for ${user}`);
  return lines().at(-1) ?? "";
}

test("a mailbox is made for its user, and several letters at once are in it whole", {
  skip: skipPython,
}, async () => {
  await using scratch = new Scratch();
  using users = new Users();
  const ann = users.add("ann");
  const daemon = await KillableDaemon.make(scratch, {
    rules: ["compat none", users.table(scratch), ...MBOX_RULES],
  });
  await daemon.start();
  const count = 12;
  await Promise.all(
    Array.from({ length: count }, (_, at) =>
      send(daemon, ann, `Subject: ${at}\r\n\r\nhello\r\nFrom here\r\n>From there\r\n\r\nFrom `),
    ),
  );
  assert.match(await result(daemon, ann, count), /result=Ok/u);
  const { uid, gid, mode } = statSync(mailboxOf(ann));
  assert.deepEqual([uid, gid, mode & 0o777], [MAIL_UID, MAIL_GID, 0o600]);
  assert.equal(existsSync(`${mailboxOf(ann)}.lock`), false);
  const script = [
    "import mailbox, sys",
    "box = mailbox.mbox(sys.argv[1]); box.lock()",
    "print(len(box), sorted(int(m['Subject']) for m in box))",
    "print({m['Return-Path'] + m['Delivered-To'] for m in box})",
    "print({m.get_payload() for m in box}); box.unlock()",
  ].join("\n");
  const { output } = await run(["python3", "-c", script, mailboxOf(ann)]);
  assert.deepEqual(output.split("\n"), [
    `${count} [${Array.from({ length: count }, (_, at) => at).join(", ")}]`,
    `{'<sender@client.example>${ann}@here.example'}`,
    String.raw`{'hello\n>From here\n>>From there\n\n>From \n'}`,
    "",
  ]);
});

interface Planted {
  readonly name: string;
  readonly plant: (path: string, secret: string) => void | Promise<void>;
  readonly why: RegExp;
}

const PLANTED: readonly Planted[] = [
  { name: "link", plant: (path, secret) => symlinkSync(secret, path), why: /symbolic link/u },
  { name: "second", plant: (path, secret) => linkSync(secret, path), why: /another (user|name)/u },
  { name: "pipe", plant: async (path) => void (await run(["mkfifo", path])), why: /plain file/u },
  { name: "folder", plant: (path) => mkdirSync(path), why: /plain file/u },
  { name: "others", plant: (path) => writeFileSync(path, ""), why: /EACCES|another user/u },
];

test("BOX-01: a mailbox that is no file of its user is not written to", { skip }, async (t) => {
  await using scratch = new Scratch();
  using users = new Users();
  const names = PLANTED.map(({ name }) => [name, users.add(name)] as const);
  // On the file system of /var/mail, for a second name.
  const secret = mailboxOf(users.add("secret"));
  writeFileSync(secret, "secret\n");
  chownSync(secret, MAIL_UID, MAIL_GID);
  const daemon = await KillableDaemon.make(scratch, {
    rules: ["compat none", users.table(scratch), ...MBOX_RULES],
  });
  await daemon.start();
  for (const [at, { name, plant, why }] of PLANTED.entries()) {
    await t.test(name, async () => {
      const user = names[at]?.[1] ?? "";
      await plant(mailboxOf(user), secret);
      const before = lstatSync(mailboxOf(user));
      await send(daemon, user);
      assert.match(await result(daemon, user), why);
      assert.equal(lstatSync(mailboxOf(user)).size, before.size);
    });
  }
  assert.equal(readFileSync(secret, "utf8"), "secret\n");
});

test("BOX-05: a mailbox that is locked waits; a lock that was left behind does not keep mail", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  using users = new Users();
  const [ann, ben] = [users.add("ann"), users.add("ben")];
  const daemon = await KillableDaemon.make(scratch, {
    rules: ["compat none", users.table(scratch), ...MBOX_RULES],
  });
  await daemon.start();
  writeFileSync(`${mailboxOf(ben)}.lock`, "1\n");
  await run(["touch", "-d", "10 minutes ago", `${mailboxOf(ben)}.lock`]);
  await send(daemon, ben);
  assert.match(await result(daemon, ben), /result=Ok/u);
  writeFileSync(`${mailboxOf(ann)}.lock`, "1\n");
  await send(daemon, ann);
  await until(() => existsSync(mailboxOf(ben)), "other mail meanwhile");
  assert.equal(existsSync(mailboxOf(ann)), false);
  rmSync(`${mailboxOf(ann)}.lock`);
  assert.match(await result(daemon, ann), /result=Ok/u);
});

test("an LMTP server in a home, and accounts of a database", { skip }, async () => {
  await using scratch = new Scratch();
  const homeFolder = scratch.mailFolder("home");
  chmodSync(homeFolder, 0o700);
  await makemap(scratch, "users", `ann ${MAIL_UID}:${MAIL_GID}:${homeFolder}\n`, "mapping");
  const path = `${homeFolder}/lmtp.sock`;
  const sink = new Sink({ dialect: "lmtp", extensions: ["PIPELINING", "8BITMIME"] });
  const listening = await sink.listen(nodeNetwork(), { kind: "unix", path });
  using _ = {
    [Symbol.dispose]: () => {
      sink.dropAll();
      listening.close();
    },
  };
  chownSync(path, MAIL_UID, MAIL_GID);
  const daemon = await KillableDaemon.make(scratch, {
    rules: [
      "compat none",
      `table users db:${scratch.folder}/users.db`,
      'action "over" lmtp "~/lmtp.sock" userbase <users>',
      'action "box" maildir userbase <users>',
      'match from any for domain "here.example" action "over"',
      'match from any for domain "box.example" action "box"',
    ],
  });
  await daemon.start();
  await send(daemon, "ann");
  assert.match(await result(daemon, "ann"), /result=Ok/u);
  assert.equal(sink.messages.length, 1);
  using session = await SmtpSession.inData(daemon.servers[0], "ann@box.example");
  await session.say("Subject: box\r\n.");
  const told = await daemon.smtpctl(
    "explain",
    "--from",
    "a@b.example",
    "--rcpt",
    "ann@box.example",
  );
  assert.ok(told.output.includes(`into ${homeFolder}/Maildir`), told.output);
  await until(
    () => existsSync(`${homeFolder}/Maildir`) && deliveredFiles(homeFolder).length === 1,
    "mail in the Maildir",
  );
});
