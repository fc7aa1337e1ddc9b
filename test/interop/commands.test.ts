/**
 * MDA-01, MDA-02, MDA-04 to MDA-08: commands of `mda`, of aliases and of forward files, run by
 * agents as the accounts. Whatever senders and recipients are called, nothing but the command
 * of the configuration runs. Needs root, to give homes away.
 */
import assert from "node:assert/strict";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { unlessStartable } from "./daemon.ts";
import { processesOf } from "./daemon-processes.ts";
import { until } from "./greeting.ts";
import { KillableDaemon } from "./killable-daemon.ts";
import { run, unlessInstalled } from "./peer-program.ts";
import { MAIL_GID, MAIL_UID, RUNS_AS_ROOT, Scratch } from "./scratch.ts";
import { SmtpSession } from "./smtp-session.ts";

const skip = (await unlessStartable()) || (!RUNS_AS_ROOT && "needs root, to give files away");

/** A home that belongs to the mail user, with scripts in it. */
function home(scratch: Scratch, name: string, files: Readonly<Record<string, string>>): string {
  const folder = `${scratch.folder}/${name}`;
  mkdirSync(folder);
  for (const [file, text] of Object.entries(files)) {
    writeFileSync(`${folder}/${file}`, text);
    chmodSync(`${folder}/${file}`, file.endsWith(".sh") ? 0o755 : 0o600);
    chownSync(`${folder}/${file}`, MAIL_UID, MAIL_GID);
  }
  chownSync(folder, MAIL_UID, MAIL_GID);
  return folder;
}

async function send(
  daemon: KillableDaemon,
  {
    from = "sender@client.example",
    to = "",
    text = "Date: Wed, 25 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@x>\r\nSubject: hello\r\n\r\nhello",
  },
): Promise<string> {
  using session = await SmtpSession.open(daemon.servers[0]);
  await session.say("EHLO client.example");
  const sender = await session.say(`MAIL FROM:<${from}>`);
  if (!sender.startsWith("250")) return sender;
  const recipient = await session.say(`RCPT TO:<${to}>`);
  if (!recipient.startsWith("250")) return recipient;
  await session.say("DATA");
  return await session.say(`${text}\r\n.`);
}

async function contentOf(path: string, what: string): Promise<string> {
  await until(() => existsSync(path) && readFileSync(path, "utf8").endsWith("END\n"), what);
  return readFileSync(path, "utf8");
}

/** Says what it was run with, and what it read, to a file that it names once it is whole. */
const TELL = `#!/bin/sh
out="$HOME/told"
{
  echo "args: $*"
  env | grep -v '^_=\\|^PWD=\\|^OLDPWD=\\|^SHLVL=' | sort
  echo "pwd: $(pwd)"
  grep '^Uid:\\|^Gid:\\|^Groups:' /proc/self/status
  ls /proc/self/fd | sed 's/^/fd: /'
  umask
  cat
  echo END
} >"$out.part"
mv "$out.part" "$out"
`;

test("a command runs as the account, with the spec's environment and no more", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const folder = home(scratch, "ann", { "tell.sh": TELL });
  const daemon = await KillableDaemon.make(scratch, {
    rules: [
      "compat none",
      `table users { "ann" = "${MAIL_UID}:${MAIL_GID}:${folder}" }`,
      `action "tell" mda "${folder}/tell.sh %{sender} %{dest.user} '%{rcpt}'" userbase <users>`,
      'match from any for domain "here.example" action "tell"',
    ],
  });
  await daemon.start();
  assert.match(await send(daemon, { to: "ann+lists@here.example" }), /^250 /u);
  const told = await contentOf(`${folder}/told`, "what the command was told");
  assert.equal(
    told.replace(/^Received: [^]*?(?=^Date)/mu, "Received: …\n"),
    [
      "args: sender@client.example ann+lists ann+lists@here.example",
      "DOMAIN=here.example",
      "EXTENSION=lists",
      `HOME=${folder}`,
      "LOCAL=ann+lists",
      "LOGNAME=ann",
      "ORIGINAL_RECIPIENT=ann+lists@here.example",
      "PATH=/usr/bin:/bin",
      "RECIPIENT=ann+lists@here.example",
      "SENDER=sender@client.example",
      "SHELL=/bin/sh",
      "USER=ann",
      `pwd: ${folder}`,
      `Uid:\t${MAIL_UID}\t${MAIL_UID}\t${MAIL_UID}\t${MAIL_UID}`,
      `Gid:\t${MAIL_GID}\t${MAIL_GID}\t${MAIL_GID}\t${MAIL_GID}`,
      "Groups:\t ",
      // That of the folder which ls lists is 3.
      ...["0", "1", "2", "3"].map((fd) => `fd: ${fd}`),
      "0077",
      "Return-Path: <sender@client.example>",
      "Delivered-To: ann+lists@here.example",
      "Received: …",
      "Date: Wed, 25 Nov 2026 12:00:00 +0000",
      "Message-ID: <1@x>",
      "Subject: hello",
      "",
      "hello",
      "END",
      "",
    ].join("\n"),
  );
});

/** Local parts, as they may stand in MAIL and RCPT. */
const INJECTIONS: readonly string[] = [
  "`id>pwned`",
  "$IFS'id'",
  "a|id",
  "a&id",
  '";id>pwned;"',
  '"$(id>pwned)"',
  "\"';id>pwned;'\"",
  '"`id>pwned`"',
  '"\\\\";id>pwned"',
  "-oops",
  "#x",
  "a'b",
];

test("no shell sees a byte of an address as more than text", { skip }, async () => {
  await using scratch = new Scratch();
  const command =
    "cd; echo %{sender} '%{sender:raw}' \"%{rcpt.user:lowercase|raw}\" %{dest[0:30]} $(echo %{mbox.from}) >>said; " +
    'echo "echo $SENDER $LOCAL $EXTENSION $RECIPIENT" | sh >>said';
  const folder = home(scratch, "ann", {});
  const daemon = await KillableDaemon.make(scratch, {
    rules: [
      "compat none",
      "mda wrapper twice \"echo %{sender} '%{rcpt:raw}' \\`echo %{dest.user}\\` >>wrapped; %{mda}\"",
      `table users { "ann" = "${MAIL_UID}:${MAIL_GID}:${folder}" }`,
      `action "run" mda ${JSON.stringify(command).replaceAll("\\\\", "\\")} wrapper twice user nobody`,
      'match from any for domain "here.example" action "run"',
    ],
  });
  await daemon.start();
  let accepted = 0;
  for (const local of INJECTIONS) {
    const reply = await send(daemon, {
      from: `${local}@client.example`,
      to: `${local}@here.example`,
    });
    if (reply.startsWith("250")) accepted++;
  }
  assert.ok(accepted >= 8, `${accepted} of them were taken`);
  const ends = (): number => daemon.log.split("mda delivery").length - 1;
  await until(() => ends() >= accepted, "a result for each");
  const files = (
    await run(["find", "/", "-xdev", "-name", "pwned", "-newer", `${scratch.folder}/smtpd.conf`])
  ).output;
  assert.equal(files.trim(), "");
  assert.doesNotMatch(daemon.log, /uid=/u);
});

interface ExitCase {
  readonly name: string;
  readonly script: string;
  readonly result: RegExp;
}

const EXITS: readonly ExitCase[] = [
  { name: "zero", script: "exit 0", result: /result=Ok/u },
  { name: "one", script: "echo not today; exit 1", result: /result=PermFail stat="not today"$/mu },
  { name: "nouser", script: "exit 67", result: /result=PermFail stat="Command exited with 67"/u },
  { name: "temp", script: "exit 75", result: /result=TempFail/u },
  { name: "oserr", script: "exit 71", result: /result=TempFail/u },
  { name: "missing", script: "/nonexistent/tool", result: /result=TempFail stat=.*not found/u },
  { name: "killed", script: "kill -9 $$", result: /result=TempFail stat=.*SIGKILL/u },
  { name: "segv", script: "sh -c 'kill -SEGV $$'; exit $?", result: /result=TempFail/u },
  { name: "loud", script: "yes", result: /result=TempFail stat=.*printed too much/u },
  {
    name: "ansi",
    script: "printf '\\033[31mred\\007\\n'; exit 69",
    result: /result=PermFail stat=\?\[31mred\?$/mu,
  },
  { name: "shut", script: "exec 0<&-; exit 0", result: /result=Ok/u },
  { name: "daemon", script: "(sleep 300 &) ; exit 0", result: /result=Ok/u },
];

test("how a command ends is what becomes of the mail", { skip }, async (t) => {
  await using scratch = new Scratch();
  const folder = home(scratch, "ann", {});
  const actions = EXITS.flatMap(({ name, script }) => [
    `action "${name}" mda "${script.replaceAll('"', '\\"')}" userbase <users>`,
    `match from any for rcpt-to "ann@${name}.example" action "${name}"`,
  ]).map((line) => line.replace("for rcpt-to", "for any rcpt-to"));
  const daemon = await KillableDaemon.make(scratch, {
    rules: [
      "compat none",
      `table users { "ann" = "${MAIL_UID}:${MAIL_GID}:${folder}" }`,
      ...actions,
    ],
  });
  await daemon.start();
  for (const { name, result } of EXITS) {
    await t.test(name, async () => {
      assert.match(await send(daemon, { to: `ann@${name}.example` }), /^250 /u, daemon.logEnd);
      const lines = (): readonly string[] =>
        daemon.log.split("\n").filter((line) => line.includes(`ann@${name}.example`));
      await until(() => lines().some((line) => line.includes("result=")), `a result of ${name}`);
      assert.match(lines().join("\n"), result);
    });
  }
  await run(["pkill", "-u", String(MAIL_UID), "-x", "-f", "sleep 300"]);
});

test("commands and files of aliases run as nobody's user, those of a forward file as its owner", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const folder = home(scratch, "ann", {
    "tell.sh": TELL,
    ".forward": `"|${scratch.folder}/ann/tell.sh forwarded", ${scratch.folder}/ann/kept\n`,
  });
  const open = scratch.mailFolder("open");
  chmodSync(open, 0o777);
  const daemon = await KillableDaemon.make(scratch, {
    rules: [
      "compat none",
      `table users { "ann" = "${MAIL_UID}:${MAIL_GID}:${folder}" }`,
      `table aliases { "run" = "\\"|id >${open}/id; echo END >>${open}/id\\"", "nowhere" = "/dev/null" }`,
      'action "box" maildir userbase <users> alias <aliases> allow-exec forward-file allow-exec',
      'action "plain" maildir userbase <users> alias <aliases>',
      'match from any for domain "here.example" action "box"',
      'match from any for domain "plain.example" action "plain"',
    ],
  });
  await daemon.start();
  assert.match(await send(daemon, { to: "run@plain.example" }), /^451 /u);
  for (const user of ["run", "nowhere", "ann"])
    assert.match(await send(daemon, { to: `${user}@here.example` }), /^250 /u, daemon.logEnd);
  assert.match(await contentOf(`${open}/id`, "id of the alias's command"), /^uid=\d+\(_smtpx\)/u);
  const told = await contentOf(`${folder}/told`, "what the forward file's command was told");
  assert.match(told, new RegExp(`^args: forwarded$[^]*^Uid:\t${MAIL_UID}\t`, "mu"));
  await until(() => existsSync(`${folder}/kept`), "file of the forward file");
  await until(() => daemon.log.split("result=Ok").length - 1 >= 4, "four deliveries");
  assert.match(
    readFileSync(`${folder}/kept`, "utf8"),
    /^From sender@client\.example [^]*\n\nhello\n\n$/u,
  );
  assert.equal(existsSync(`${folder}/kept.lock`), false);
});

/** Of the agent of `daemon`, which must run: 1 if nothing that it starts gets more rights. */
async function noNewPrivileges(daemon: KillableDaemon): Promise<string | undefined> {
  const agents = () => processesOf(daemon.pid).filter(({ role }) => role === "agent");
  await until(() => agents().length > 0, "an agent");
  const status = readFileSync(`/proc/${agents()[0]?.pid}/status`, "utf8");
  return /^NoNewPrivs:\t(\d)$/mu.exec(status)?.[1];
}

test("MDA-08: agents get no new privileges, unless there are commands", {
  skip: skip || unlessInstalled("setpriv"),
}, async () => {
  for (const [action, is] of [
    ['maildir "~/Maildir"', "1"],
    ['maildir "~/Maildir" forward-file', "1"],
    ['maildir "~/Maildir" forward-file allow-exec', "0"],
    ['mda "/bin/cat"', "0"],
  ] as const) {
    await using scratch = new Scratch();
    const folder = home(scratch, "ann", {});
    const daemon = await KillableDaemon.make(scratch, {
      rules: [
        "compat none",
        `table users { "ann" = "${MAIL_UID}:${MAIL_GID}:${folder}" }`,
        `action "box" ${action} userbase <users>`,
        'match from any for domain "here.example" action "box"',
      ],
    });
    await daemon.start();
    assert.match(await send(daemon, { to: "ann@here.example" }), /^250 /u, daemon.logEnd);
    // By then setpriv(1) has become the agent.
    await until(() => daemon.log.includes("result=Ok"), "a delivery");
    assert.equal(await noNewPrivileges(daemon), is, action);
  }
});
