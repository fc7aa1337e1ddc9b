/**
 * What a user does to his own delivery agent, by a command of his forward file: it runs
 * as he does, so he may stop, kill and speak for it. Nobody else notices. Needs root, to give
 * homes away.
 */
import assert from "node:assert/strict";
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { unlessStartable } from "./daemon.ts";
import { until } from "./greeting.ts";
import { KillableDaemon } from "./killable-daemon.ts";
import { unlessInstalled } from "./peer-program.ts";
import { MAIL_GID, MAIL_UID, RUNS_AS_ROOT, Scratch } from "./scratch.ts";
import { SmtpSession } from "./smtp-session.ts";

const skip =
  (await unlessStartable()) ||
  (!RUNS_AS_ROOT && "needs root, to give files away") ||
  unlessInstalled("perl");

/** Of nobody else. */
const BEN_UID = 64_321;

function home(scratch: Scratch, name: string, uid: number): string {
  const folder = `${scratch.folder}/${name}`;
  mkdirSync(folder);
  chownSync(folder, uid, uid === MAIL_UID ? MAIL_GID : uid);
  return folder;
}

async function send(daemon: KillableDaemon, to: string): Promise<void> {
  using session = await SmtpSession.open(daemon.servers[0]);
  await session.say("EHLO client.example");
  await session.say("MAIL FROM:<a@client.example>");
  assert.match(await session.say(`RCPT TO:<${to}@here.example>`), /^250 /u, daemon.logEnd);
  await session.say("DATA");
  assert.match(await session.say("Subject: x\r\n\r\nhello\r\n."), /^250 /u, daemon.logEnd);
}

/** Of Perl: `$agent` is the process that has started this one's group. */
const FIND_AGENT = [
  "#!/usr/bin/perl",
  'open(my $status, "<", "/proc/" . getpgrp() . "/status");',
  "my ($agent) = map { /^PPid:\\s+(\\d+)/ } <$status>;",
];

function does(...lines: readonly string[]): string {
  return [...FIND_AGENT, ...lines].join("\n");
}

/** Takes the agent's descriptor `fd` (pidfd_open(2), pidfd_getfd(2)), and writes there. */
function writesTo(fd: number, text: string): string {
  return does(
    `my $fd = syscall(438, syscall(434, int($agent), 0), ${fd}, 0);`,
    'open(my $file, ">&=", $fd) or exit 75;',
    `syswrite($file, "${text}");`,
    "exit 75;",
  );
}

interface Attack {
  readonly what: string;
  readonly script: string;
  /** What the log says of it. */
  readonly told: RegExp;
  /** How the agent goes on. */
  readonly after?: string;
}

const ATTACKS: readonly Attack[] = [
  {
    what: "ends the process",
    script: does("kill 'KILL', $agent; sleep 5;"),
    told: /agent .*ann ended by SIGKILL/u,
  },
  {
    what: "says what is no JSON on Node's channel",
    script: writesTo(3, "xxx\\n"),
    told: /agent .*ann ended by SIGKILL/u,
  },
  {
    what: "says on Node's channel that a handle has arrived",
    script: writesTo(3, '{\\"cmd\\":\\"NODE_HANDLE_ACK\\"}\\n'),
    told: /agent .*ann ended by SIGKILL/u,
  },
  {
    what: "breaks the channel to the parent",
    script: writesTo(4, "\\xff\\xff\\xff\\xff\\xff"),
    told: /agent .*ann ended by SIGKILL/u,
  },
  {
    what: "writes lines of the log by a descriptor",
    script: writesTo(2, "info: ready\\n\\e[2Jinfo: forged\\n"),
    told: /^warn: agent .*ann: \\033\[2Jinfo: forged$/mu,
  },
  {
    what: "stops the process",
    script: does("kill 'STOP', $agent; open(my $done, '>', 'stopped');"),
    told: /./u,
    after: "stopped",
  },
];

for (const { what, script, told, after } of ATTACKS) {
  test(`a user who ${what}, of his own agent, hurts nobody else`, { skip }, async () => {
    await using scratch = new Scratch();
    const [ann, ben] = [home(scratch, "ann", MAIL_UID), home(scratch, "ben", BEN_UID)];
    writeFileSync(`${ann}/attack`, script);
    chmodSync(`${ann}/attack`, 0o755);
    writeFileSync(`${ann}/.forward`, `"|${ann}/attack"\n`, { mode: 0o600 });
    chownSync(`${ann}/.forward`, MAIL_UID, MAIL_GID);
    const daemon = await KillableDaemon.make(scratch, {
      rules: [
        "compat none",
        `table users { "ann" = "${MAIL_UID}:${MAIL_GID}:${ann}", "ben" = "${BEN_UID}:${BEN_UID}:${ben}" }`,
        'action "box" maildir userbase <users> forward-file allow-exec',
        'match from any for domain "here.example" action "box"',
      ],
    });
    await daemon.start();
    const before = daemon.pid;
    await send(daemon, "ann");
    await until(() => told.test(daemon.log), "what becomes of it").catch((error: unknown) => {
      throw new Error(daemon.logEnd, { cause: error });
    });
    if (after !== undefined) await until(() => existsSync(`${ann}/${after}`), "the attack");
    await send(daemon, "ben");
    const box = `${ben}/Maildir/new`;
    await until(() => existsSync(box) && readdirSync(box).length === 1, "mail of another user");
    assert.equal(daemon.pid, before);
    assert.equal(daemon.log.match(/^info: ready$/gmu)?.length, 1);
    for (const line of daemon.log.split("\n")) assert.match(line, /^[ -~]*$/u);
    // Not asked to stop: it would wait for an agent that its user has stopped.
    await daemon.kill();
  });
}
