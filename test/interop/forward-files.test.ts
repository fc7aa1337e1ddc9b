/**
 * `~/.forward` on a real disk, read by agents that run as the accounts: what is followed,
 * and what an owner, or somebody who is none, may have put there. Needs root, for owners.
 */
import assert from "node:assert/strict";
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { unlessStartable } from "./daemon.ts";
import { until } from "./greeting.ts";
import { KillableDaemon } from "./killable-daemon.ts";
import { deliveredFiles, RelaySink } from "./mailboxes.ts";
import { run } from "./peer-program.ts";
import { MAIL_GID, MAIL_UID, RUNS_AS_ROOT, Scratch } from "./scratch.ts";
import { SmtpSession } from "./smtp-session.ts";

const skip = (await unlessStartable()) || (!RUNS_AS_ROOT && "needs root, to give files away");
/** A user that owns nothing here: `daemon` on every Debian. */
const OTHER_UID = 1;

interface Case {
  readonly user: string;
  readonly name: string;
  /** Puts `.forward` at `path` in `home`; both belong to the account afterwards, unless it says so. */
  readonly plant: (path: string, home: string) => void | Promise<void>;
  readonly reply: RegExp;
  /** In the log. */
  readonly why?: RegExp;
}

function file(text: string, mode = 0o600, uid = MAIL_UID) {
  return (path: string): void => {
    writeFileSync(path, text);
    chmodSync(path, mode);
    chownSync(path, uid, MAIL_GID);
  };
}

const CASES: readonly Case[] = [
  { user: "good", name: "a file", plant: file("far@away.example\n"), reply: /^250 / },
  {
    user: "both",
    name: "a file that keeps a copy",
    plant: file("both, far@away.example\n"),
    reply: /^250 /,
  },
  { user: "none", name: "no file", plant: () => undefined, reply: /^250 / },
  { user: "largest", name: "4095 bytes", plant: file("#".repeat(4095)), reply: /^250 / },
  {
    user: "large",
    name: "4096 bytes",
    plant: file("#".repeat(4096)),
    reply: /^451 /,
    why: /large: it has 4096 bytes or more/,
  },
  {
    user: "link",
    name: "a symbolic link",
    plant: (path) => symlinkSync("/etc/passwd", path),
    reply: /^550 /,
    why: /link: it is a symbolic link/,
  },
  {
    user: "pipe",
    name: "a named pipe, which nobody writes to",
    plant: async (path) => void (await run(["mkfifo", path])),
    reply: /^550 /,
    why: /pipe: it is no plain file/,
  },
  {
    user: "device",
    name: "a device",
    plant: async (path) => void (await run(["mknod", path, "c", "1", "5"])),
    reply: /^550 /,
    why: /device: it is no plain file/,
  },
  {
    user: "folder",
    name: "a folder",
    plant: (path) => mkdirSync(path),
    reply: /^550 /,
    why: /folder: it is no plain file/,
  },
  {
    user: "world",
    name: "a file that the world may write to",
    plant: file("far@away.example\n", 0o666),
    reply: /^550 /,
    why: /world: it can be written by group or others/,
  },
  {
    user: "other",
    name: "another user's file",
    plant: file("far@away.example\n", 0o644, OTHER_UID),
    reply: /^550 /,
    why: /other: it belongs to another user/,
  },
  {
    user: "rooted",
    name: "root's file",
    plant: file("far@away.example\n", 0o644, 0),
    reply: /^550 /,
    why: /rooted: it belongs to another user/,
  },
  {
    user: "open",
    name: "a home that the world may write to",
    plant(path, home) {
      file("far@away.example\n")(path);
      chmodSync(home, 0o777);
    },
    reply: /^550 /,
    why: /open: the home can be written/,
  },
  {
    user: "sticky",
    name: "a home with the sticky bit",
    plant(path, home) {
      file("far@away.example\n")(path);
      chmodSync(home, 0o1755);
    },
    reply: /^451 /,
    why: /sticky: the home has the sticky bit/,
  },
  {
    user: "command",
    name: "a command",
    plant: file("|/usr/bin/true\n"),
    reply: /^451 /,
    why: /needs allow-exec: \|\/usr\/bin\/true/,
  },
  {
    user: "noise",
    name: "what is no list",
    plant: file("\0\x01\xff not a list\n"),
    reply: /^451 /,
    why: /forward file of noise: line 1/,
  },
];

/** A userbase with an account for each case, whose homes are below the scratch folder. */
async function plantHomes(scratch: Scratch): Promise<string> {
  const entries: string[] = [`homeless = "${MAIL_UID}:${MAIL_GID}:${scratch.folder}/nowhere"`];
  for (const { user, plant } of CASES) {
    const home = scratch.mailFolder(user);
    chmodSync(home, 0o755);
    await plant(`${home}/.forward`, home);
    entries.push(`"${user}" = "${MAIL_UID}:${MAIL_GID}:${home}"`);
  }
  return `table users { ${entries.join(", ")} }`;
}

async function rcpt(session: SmtpSession, user: string): Promise<string> {
  return session.say(`RCPT TO:<${user}@here.example>`);
}

test("forward files: what an owner wrote is followed, all else refuses the recipient", {
  skip,
}, async (t) => {
  await using scratch = new Scratch();
  await using sink = await RelaySink.start();
  const daemon = await KillableDaemon.make(scratch, {
    rules: [
      await plantHomes(scratch),
      'action "home" maildir "~/Maildir" userbase <users> forward-file',
      `action "out" relay host "smtp+notls://127.0.0.1:${sink.port}"`,
      'match from any for domain "here.example" action "home"',
      'match from local for any action "out"',
    ],
  });
  await daemon.start();
  using session = await SmtpSession.open(daemon.servers[0]);
  await session.say("EHLO client.example");
  await session.say("MAIL FROM:<sender@client.example>");
  for (const { user, name, reply, why } of CASES) {
    await t.test(name, async () => {
      assert.match(await rcpt(session, user), reply, daemon.logEnd);
      if (why !== undefined) await until(() => why.test(daemon.log), `${why} in the log`);
    });
  }
  await t.test("a home that is not there", async () => {
    assert.match(await rcpt(session, "homeless"), /^250 /u, daemon.logEnd);
  });
  await t.test("the mail that was taken", async () => {
    await session.say("DATA");
    assert.match(await session.say("Subject: hello\r\n\r\nhello\r\n."), /^250 /u);
    // far@away.example once: both files name it.
    await until(() => sink.count >= 1, "mail at the relay");
    const kept = ["both", "none", "largest"];
    await until(
      () => kept.every((user) => deliveredFiles(`${scratch.folder}/${user}`).length === 1),
      "mail in the homes",
    );
    assert.deepEqual(deliveredFiles(`${scratch.folder}/good`), []);
  });
});
