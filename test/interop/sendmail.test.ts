/**
 * bin/sendmail with the real daemon, called as other programs call it, and by programs that
 * send mail through it, each by an unprivileged user where root runs the tests.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { Daemon, unlessStartable } from "./daemon.ts";
import { endOf, type Finished, run, unlessInstalled } from "./peer-program.ts";
import { arrivals, MAIL_USER, RUNS_AS_ROOT, Scratch } from "./scratch.ts";

const skip = await unlessStartable();

const SENDMAIL = new URL("../../bin/sendmail", import.meta.url).pathname;
const FROM = "sender@client.example";
/** Less than a message of 68 MB: it is not in memory. */
const MAX_GROWTH_KIB = 40 * 1024;

/** Everybody has a Maildir but "nobody@in.example". */
function rules(mail: string): readonly string[] {
  return [
    "smtp max-message-size 100M",
    "listen on socket",
    `action "deliver" maildir "${mail}/%{dest.user}" user ${MAIL_USER}`,
    'match from any for rcpt-to "nobody@in.example" reject',
    'match from any for any action "deliver"',
  ];
}

class System {
  readonly folder: string;
  readonly mail: string;
  readonly home: string;
  readonly daemon: Daemon;

  private constructor(scratch: Scratch, mail: string, daemon: Daemon) {
    this.folder = scratch.folder;
    this.mail = mail;
    this.home = scratch.mailFolder("home");
    this.daemon = daemon;
  }

  static async start(scratch: Scratch): Promise<System> {
    const mail = scratch.mailFolder("mail");
    return new System(scratch, mail, await Daemon.start(scratch, rules(mail)));
  }

  /** Runs `command` as who may do nothing, where his programs find our daemon. */
  as(command: readonly string[], input = "", settings: readonly string[] = []): Promise<Finished> {
    const user = RUNS_AS_ROOT
      ? ["setpriv", `--reuid=${MAIL_USER}`, "--regid=65534", "--clear-groups", "--no-new-privs"]
      : [];
    const environment = [`POSTRIDER_STATE=${this.folder}/state`, `HOME=${this.home}`, ...settings];
    const quiet = ["EMAIL=", `PATH=${process.env["PATH"] ?? ""}`];
    return run([...user, "env", ...quiet, ...environment, ...command], input);
  }

  /** What comes after it is there, and is alone. */
  async mustHaveTakenNothing(): Promise<void> {
    await mailed(await this.as([SENDMAIL, "last@in.example"]));
    await this.sent("last");
    assert.deepEqual(readdirSync(this.mail), ["last"]);
  }

  async sent(who: string, count = 1): Promise<readonly string[]> {
    return arrivals(`${this.mail}/${who}/new`, count, "");
  }
}

async function mailed({ code, output }: Finished): Promise<void> {
  assert.equal(code, 0, output);
}

/** Callers by the arguments and the text that they are known to have. */
const CALLERS: readonly {
  readonly name: string;
  readonly words: readonly string[];
  readonly input: string;
  readonly seen: readonly RegExp[];
}[] = [
  {
    name: "PHP's mail()",
    words: ["-t", "-i", "-f", "web@client.example"],
    input:
      "To: anna@in.example\nSubject: php\nX-PHP-Originating-Script: 33:x.php\n\nHello\n.\nmore\n",
    seen: [
      /^Return-Path: <web@client\.example>\r?$/m,
      /^\.\r?$/m,
      /^more\r?$/m,
      /^From: <web@client\.example>\r?$/m,
    ],
  },
  {
    name: "cron",
    words: ["-i", "-FCronDaemon", "-B8BITMIME", "-oem", "anna@in.example"],
    input:
      "From: root (Cron Daemon)\nTo: anna@in.example\nSubject: Cron <root@host> job\nAuto-Submitted: auto-generated\n\nout\n",
    seen: [
      /^From: root@?\S* ?\(Cron Daemon\)\r?$/m,
      /^Auto-Submitted: auto-generated\r?$/m,
      /^Date: /m,
      /^Message-ID: /im,
    ],
  },
  {
    name: "a shell script",
    words: ["anna@in.example"],
    input: "disk is full\n.\nnot sent\n",
    seen: [/^From: .*<.*@.*>\r?$/m, /^disk is full\r?\n*$/m],
  },
  {
    name: "a program with blind copies",
    words: ["-t", "-oi", "-f", FROM],
    input: `From: ${FROM}\nTo: undisclosed-recipients:;\nBcc: Anna <anna@in.example>,\n bob@in.example\nSubject: s\n\nx\n`,
    seen: [/^To: undisclosed-recipients:;\r?$/m, /^Subject: s\r?$/m],
  },
];

for (const { name, words, input, seen } of CALLERS) {
  test(`sendmail takes what ${name} sends`, { skip }, async () => {
    await using scratch = new Scratch();
    const system = await System.start(scratch);
    await mailed(await system.as([SENDMAIL, ...words], input));
    const [text = ""] = await system.sent("anna");
    for (const pattern of seen) assert.match(text, pattern, text);
    assert.doesNotMatch(text, /^bcc:|not sent/im);
    assert.match(text, /^Received: from localhost .*local/m);
  });
}

/** Of a package of its own, and a library beside it. */
async function unlessGitSends(): Promise<string | false> {
  const { output } = await run(["git", "send-email", "--dump-aliases"]);
  return /not a git command|is not here|ENOENT/.test(output)
    ? "git send-email is not installed"
    : false;
}

test("git send-email sends patches through sendmail", {
  skip: skip || unlessInstalled("git") || (await unlessGitSends()),
}, async () => {
  await using scratch = new Scratch();
  const system = await System.start(scratch);
  const patch = `${scratch.folder}/0001-x.patch`;
  writeFileSync(
    patch,
    `From 1234567890123456789012345678901234567890 Mon Sep 17 00:00:00 2001\nFrom: Ann <${FROM}>\nDate: Thu, 26 Nov 2026 00:00:00 +0000\nSubject: [PATCH] dots\n\nmessage\n---\n x | 1 +\n\n+.\n.\n+after\n`,
  );
  const git = [
    "git",
    "-c",
    "user.name=Ann",
    "-c",
    `user.email=${FROM}`,
    "send-email",
    `--smtp-server=${SENDMAIL}`,
    `--from=Ann <${FROM}>`,
    "--confirm=never",
    "--suppress-cc=all",
  ];
  await mailed(await system.as([...git, "--to=anna@in.example", "--cc=bob@in.example", patch]));
  for (const name of ["anna", "bob"]) {
    const [text = ""] = await system.sent(name);
    assert.match(text, /^Subject: \[PATCH\] dots\r?$/m);
    assert.match(text, /^\.\r?\n\+after/m);
  }
  const refused = await system.as([...git, "--to=nobody@in.example", "--cc=bob@in.example", patch]);
  assert.notEqual(refused.code, 0, "git is told that nobody got it");
  assert.match(refused.output, /nobody@in\.example: 550 /);
  assert.equal((await system.sent("bob")).length, 1);
});

test("s-nail sends through sendmail", { skip: skip || unlessInstalled("s-nail") }, async () => {
  await using scratch = new Scratch();
  const system = await System.start(scratch);
  const mailer = [
    "s-nail",
    "-:/",
    `-Smta=${SENDMAIL}`,
    "-Sv15-compat",
    "-Ssendwait",
    "-s",
    "from s-nail",
  ];
  await mailed(
    await system.as(
      [...mailer, "-r", FROM, "-c", "bob@in.example", "anna@in.example"],
      "hello\n.\nend\n",
    ),
  );
  for (const who of ["anna", "bob"]) {
    const [text = ""] = await system.sent(who);
    assert.match(text, /^Subject: from s-nail\r?$/m);
    assert.match(text, /^Return-Path: <sender@client\.example>/m);
  }
  const refused = await system.as([...mailer, "nobody@in.example"], "hello\n");
  assert.notEqual(refused.code, 0, refused.output);
});

test("mutt sends through sendmail", { skip: skip || unlessInstalled("mutt") }, async () => {
  await using scratch = new Scratch();
  const system = await System.start(scratch);
  const rc = `${scratch.folder}/muttrc`;
  writeFileSync(
    rc,
    `set sendmail="${SENDMAIL} -oem -oi"\nset from=${FROM}\nset use_from=yes\nset envelope_from=yes\nset sendmail_wait=0\nset dsn_notify="failure"\nset copy=no\n`,
  );
  const mutt = [
    "mutt",
    "-F",
    rc,
    "-s",
    "from mutt",
    "-b",
    "bob@in.example",
    "--",
    "anna@in.example",
  ];
  await mailed(await system.as(mutt, "Hällo\n.\nend\n", ["LC_ALL=C.UTF-8", "TERM=dumb"]));
  for (const who of ["anna", "bob"]) {
    const [text = ""] = await system.sent(who);
    assert.match(text, /^Subject: from mutt\r?$/m);
    assert.match(text, /^\.\r?$/m);
    assert.doesNotMatch(text, /^bcc:/im);
  }
});

test("sendmail -bs speaks to the daemon, and says so when it is not there", { skip }, async () => {
  await using scratch = new Scratch();
  const system = await System.start(scratch);
  const spoken = await system.as([SENDMAIL, "-bs"], "EHLO me\r\nQUIT\r\n");
  assert.match(spoken.output, /^220 \S+ ESMTP/);
  assert.match(spoken.output, /^221 /m);
  const alone = await run(["env", `POSTRIDER_STATE=${scratch.folder}/none`, SENDMAIL, "-bs"], "");
  assert.deepEqual([alone.code, alone.output.slice(0, 4)], [69, "421 "]);
});

/** Runs what follows, and says how much memory it had at most, in kibibytes. */
const PEAK =
  "import resource, subprocess, sys; code = subprocess.call(sys.argv[1:]); print('peak', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(code)";

test("sendmail streams a large message through memory that stays small", {
  skip: skip || unlessInstalled("python3"),
}, async () => {
  await using scratch = new Scratch();
  const system = await System.start(scratch);
  const peakOf = async (lines: number): Promise<number> => {
    const input = `Subject: large\n\n${`${"0123456789".repeat(7)}\n`.repeat(lines)}`;
    const { code, output } = await system.as(
      ["python3", "-c", PEAK, SENDMAIL, "-i", "anna@in.example"],
      input,
    );
    assert.equal(code, 0, output);
    return Number(/^peak (\d+)$/m.exec(output)?.[1]);
  };
  const small = await peakOf(10);
  const large = await peakOf(960_000); // 68 MB
  assert.ok(large - small < MAX_GROWTH_KIB, `${small} KiB, ${large} KiB`);
  const texts = await system.sent("anna", 2);
  assert.ok(texts.some(({ length }) => length > 68_000_000));
});

test("sendmail that is killed while it reads sends nothing", { skip }, async () => {
  await using scratch = new Scratch();
  const system = await System.start(scratch);
  const environment = { ...process.env, POSTRIDER_STATE: `${scratch.folder}/state` };
  const child = spawn(SENDMAIL, ["-i", "anna@in.example"], {
    env: environment,
    stdio: ["pipe", "ignore", "ignore"],
  });
  await once(child, "spawn");
  child.stdin.on("error", () => undefined);
  child.stdin.write("Subject: half\n\nhalf");
  child.kill("SIGTERM");
  await endOf(child);
  await mailed(await system.as([SENDMAIL, "-i", "anna@in.example"], "Subject: whole\n\nx\n"));
  const texts = await system.sent("anna");
  assert.deepEqual(
    texts.map((text) => /^Subject: (\w+)/m.exec(text)?.[1]),
    ["whole"],
  );
});

const HOSTILE: readonly {
  readonly name: string;
  readonly words: readonly string[];
  readonly input?: string;
  readonly code: number;
}[] = [
  {
    name: "a line end in -f",
    words: ["-f", "a@b\nBcc: x@in.example", "anna@in.example"],
    code: 65,
  },
  {
    name: "a line end in a recipient",
    words: ["anna@in.example\nRCPT TO:<x@in.example>"],
    code: 65,
  },
  { name: "a parameter behind -f", words: ["-f", "a@b> SIZE=1 <", "anna@in.example"], code: 65 },
  { name: "a command line as a recipient", words: ["--", "|touch FOLDER/evil"], code: 65 },
  {
    name: "log files and configurations",
    words: ["-X", "FOLDER/evil", "-C", "/etc/shadow", "-oQFOLDER", "-D", "FOLDER/evil"],
    code: 70,
  },
  { name: "another mode", words: ["-bd"], code: 64 },
  { name: "nested comments", words: ["-t"], input: `To: ${"(".repeat(50_000)}\n\n`, code: 65 },
  {
    name: "headers without an end",
    words: ["anna@in.example"],
    input: `Subject: ${"x".repeat(9_000_000)}`,
    code: 65,
  },
  { name: "the queue's list by who is not root", words: ["-bp"], code: 1 },
  { name: "aliases by who is not root", words: ["-bi"], code: 1 },
];

test("sendmail refuses what hostile callers try, and sends nothing of it", { skip }, async () => {
  await using scratch = new Scratch();
  const system = await System.start(scratch);
  for (const { name, words, input = "Subject: x\n\nx\n", code } of HOSTILE) {
    if (code === 1 && !RUNS_AS_ROOT) continue; // The caller is who the daemon belongs to.
    const real = words.map((word) => word.replace("FOLDER", system.home));
    const ran = await system.as([SENDMAIL, ...real], input);
    assert.equal(ran.code, code, `${name}: ${ran.output}`);
    assert.doesNotMatch(ran.output, /^ {4}at /m, name);
  }
  await system.mustHaveTakenNothing();
});

/** Lines of a shell, in which SENDMAIL hands in a message to anna; `sent`: how many arrive. */
const CIRCUMSTANCES: readonly {
  readonly name: string;
  readonly line: string;
  readonly code: number;
  readonly sent: 0 | 1;
}[] = [
  { name: "descriptors closed", line: "SENDMAIL <&- >&- 2>&-", code: 0, sent: 1 },
  { name: "a full device to print to", line: "SENDMAIL -v >/dev/full", code: 0, sent: 1 },
  {
    name: "nobody who reads what it prints",
    line: "(SENDMAIL -v; echo $? >&2) | true",
    code: 0,
    sent: 1,
  },
  { name: "a folder that is gone", line: "mkdir d; cd d; rmdir ../d; SENDMAIL", code: 0, sent: 1 },
  {
    name: "an empty environment",
    line: "env -i POSTRIDER_STATE=$POSTRIDER_STATE SENDMAIL",
    code: 0,
    sent: 1,
  },
  {
    name: "what its caller has Node load",
    line: "NODE_OPTIONS='--import ./no.mjs' NODE_CHANNEL_FD=77 NODE_V8_COVERAGE=/ SENDMAIL",
    code: 0,
    sent: 1,
  },
  {
    name: "one recipient 3000 times",
    line: "SENDMAIL $(yes anna@in.example | head -3000)",
    code: 0,
    sent: 1,
  },
  {
    name: "an address of 100,000 letters",
    line: "SENDMAIL $(printf %0100000d 0)",
    code: 65,
    sent: 0,
  },
  { name: "a folder to read", line: "SENDMAIL </", code: 71, sent: 0 },
  { name: "an input that fails", line: "SENDMAIL </proc/self/mem", code: 71, sent: 0 },
  {
    name: "no place for a large message",
    line: "TMPDIR=/nonexistent; export TMPDIR; yes | head -c 3000000 | SENDMAIL",
    code: 71,
    sent: 0,
  },
  {
    name: "no room for a large message",
    line: "ulimit -f 0; yes | head -c 3000000 | SENDMAIL",
    code: 71,
    sent: 0,
  },
];

/** The program's own words, with the option that a line has for it before them. */
function handsIn(_: string, option = ""): string {
  return `"${SENDMAIL}"${option} -i anna@in.example`;
}

for (const { name, line, code, sent } of CIRCUMSTANCES) {
  test(`sendmail with ${name} exits with ${code}`, { skip }, async () => {
    await using scratch = new Scratch();
    const system = await System.start(scratch);
    const command = `cd "$HOME"; ${line.replace(/SENDMAIL( -v)?/u, handsIn)}`;
    const ran = await system.as(["sh", "-c", command], "Subject: x\n\nx\n");
    assert.equal(ran.code, code, ran.output);
    assert.doesNotMatch(ran.output, /^ {4}at /m);
    if (sent === 1) assert.equal((await system.sent("anna")).length, 1);
    else await system.mustHaveTakenNothing();
  });
}

/** Who has no other process: each thread of all that a user runs counts. */
const LONE_USER = "61234";

test("sendmail of a user who may have few processes sends, and waits for none", {
  skip: skip || !RUNS_AS_ROOT || unlessInstalled("prlimit"),
}, async () => {
  await using scratch = new Scratch();
  const system = await System.start(scratch);
  const lone = ["setpriv", `--reuid=${LONE_USER}`, "--regid=65534", "--clear-groups"];
  const few = ["timeout", "20", "prlimit", "--nproc=5", ...lone];
  const state = `POSTRIDER_STATE=${scratch.folder}/state`;
  const command = ["env", state, ...few, SENDMAIL, "-i", "anna@in.example"];
  await mailed(await run(command, "Subject: x\n\nx\n"));
  assert.equal((await system.sent("anna")).length, 1);
});

/** As a service with MemoryDenyWriteExecute runs its programs: PR_SET_MDWE, and a filter of system calls, which allows all. */
const UNDER_FILTERS = `
import ctypes, os, sys
libc = ctypes.CDLL(None)
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]
allow = (ctypes.c_ubyte * 8)(6, 0, 0, 0, 0, 0, 255, 127)
program = Program(1, ctypes.cast(allow, ctypes.c_void_p))
libc.prctl(38, 1, 0, 0, 0)
libc.prctl(65, 1, 0, 0, 0)
if libc.prctl(22, 2, ctypes.byref(program)) != 0: sys.exit("no filters here")
os.execv(sys.argv[1], sys.argv[1:])`;

test("sendmail sends for a service whose memory may be written or run", {
  skip: skip || unlessInstalled("python3"),
}, async () => {
  await using scratch = new Scratch();
  const system = await System.start(scratch);
  const command = ["python3", "-c", UNDER_FILTERS, SENDMAIL, "-i", "anna@in.example"];
  await mailed(await system.as(command, "Subject: x\n\nx\n"));
  assert.equal((await system.sent("anna")).length, 1);
});

test("sendmail makes one header of what a name has in it, whatever the environment says", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const system = await System.start(scratch);
  const names = ["LOGNAME=evil", "USER=evil", "NAME=evil\nX-Evil: 1", "MAIL=x"];
  await mailed(
    await system.as(
      [SENDMAIL, "-F", "N\nX-Evil: 1\r\n\r\nbody", "anna@in.example"],
      "Subject: x\n\nx\n",
      names,
    ),
  );
  const [text = ""] = await system.sent("anna");
  assert.match(text, /^From: "N X-Evil: 1 body" <\w+@/m);
  assert.doesNotMatch(text, /^X-Evil|<evil/m);
});

test("sendmail tells nothing of the daemon's that its caller may not read", {
  skip: skip || !RUNS_AS_ROOT,
}, async () => {
  await using scratch = new Scratch();
  const system = await System.start(scratch);
  const { output } = await system.as([SENDMAIL, "-v", "anna@in.example"], "Subject: x\n\nx\n");
  assert.ok(!output.includes(readFileSync("/etc/shadow", "utf8").slice(0, 20)));
  assert.ok(!output.includes(scratch.folder), output);
});
