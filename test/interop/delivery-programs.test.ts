/**
 * Delivery programs that we did not write, as the commands of `mda` actions: procmail, maildrop
 * and Dovecot's LDA take the message, and say what they think of it. Needs root.
 */
import assert from "node:assert/strict";
import { chmodSync, chownSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { unlessStartable } from "./daemon.ts";
import { until } from "./greeting.ts";
import { KillableDaemon } from "./killable-daemon.ts";
import { deliveredFiles } from "./mailboxes.ts";
import { unlessInstalled } from "./peer-program.ts";
import { MAIL_GID, MAIL_UID, RUNS_AS_ROOT, Scratch } from "./scratch.ts";
import { SmtpSession } from "./smtp-session.ts";

const skip = (await unlessStartable()) || (!RUNS_AS_ROOT && "needs root, to give files away");

interface Program {
  readonly path: string;
  /** A file in the home that it is told of. */
  readonly file: string;
  readonly text: (home: string) => string;
  readonly command: (home: string) => string;
}

const PROGRAMS: readonly Program[] = [
  {
    path: "/usr/bin/procmail",
    file: "procmailrc",
    text: (home) => `:0\n* ^Subject: refused\n/dev/null/no\n\n:0\n${home}/box/\n`,
    command: (home) => `/usr/bin/procmail -m ${home}/procmailrc`,
  },
  {
    path: "/usr/bin/maildrop",
    file: "mailfilter",
    text: (home) => `to "${home}/box"\n`,
    command: (home) => `/usr/bin/maildrop ${home}/mailfilter`,
  },
  {
    path: "/usr/lib/dovecot/dovecot-lda",
    file: "dovecot.conf",
    text: (home) => `mail_location = maildir:${home}/box\nlog_path = ${home}/log\nssl = no\n`,
    command: (home) =>
      `/usr/lib/dovecot/dovecot-lda -c ${home}/dovecot.conf -f %{mbox.from} -a %{dest}`,
  },
];

for (const { path, file, text, command } of PROGRAMS) {
  test(`${path} takes mail`, { skip: skip || unlessInstalled(path) }, async () => {
    await using scratch = new Scratch();
    const home = scratch.mailFolder("home");
    for (const folder of ["", "/tmp", "/new", "/cur"]) scratch.mailFolder(`home/box${folder}`);
    writeFileSync(`${home}/${file}`, text(home));
    chmodSync(`${home}/${file}`, 0o600);
    chownSync(`${home}/${file}`, MAIL_UID, MAIL_GID);
    const daemon = await KillableDaemon.make(scratch, {
      rules: [
        "compat none",
        `table users { "ann" = "${MAIL_UID}:${MAIL_GID}:${home}" }`,
        `action "run" mda "${command(home)}" userbase <users>`,
        'match from any for domain "here.example" action "run"',
      ],
    });
    await daemon.start();
    using session = await SmtpSession.inData(daemon.servers[0], "ann@here.example");
    assert.match(await session.say("Subject: hello\r\n\r\nhello\r\nFrom me\r\n."), /^250 /u);
    await until(() => daemon.log.includes("result="), "a result");
    assert.match(
      daemon.log,
      /result=Ok/u,
      existsSync(`${home}/log`) ? readFileSync(`${home}/log`, "utf8") : "",
    );
    const [stored = ""] = deliveredFiles(home);
    const letter = readFileSync(stored, "utf8");
    assert.match(letter, /^Return-Path: <sender@client\.example>$/mu);
    assert.match(letter, /^Delivered-To: ann@here\.example$/mu);
    assert.match(letter, /\n\nhello\n>?From me\n$/u);
  });
}
