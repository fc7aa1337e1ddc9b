/** The package for Debian, in a clean one: what programs hand in arrives, and what an upgrade, a removal and a purge leave. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { DebianRoot, unlessDebianRoot } from "./debian-root.ts";
import { until } from "./greeting.ts";
import { type Finished, run } from "./peer-program.ts";
import { Scratch } from "./scratch.ts";

const skip = await unlessDebianRoot();
const CHECKOUT = new URL("../..", import.meta.url).pathname;
/** cron(8) looks once a minute. */
const CRON_WITHIN_MS = 90_000;
/** Behind the first mails: 160 MiB are aimed at for a daemon that has had none (bench/RESULTS.md). */
const MAX_IDLE_PSS_KIB: number = 200 * 1024;

const packages = new Scratch();
const built = new Map<string, string>();

before(async () => {
  if (skip !== false) return;
  for (const revision of ["1", "2"]) {
    const tool = [process.execPath, `${CHECKOUT}tools/package-deb.ts`];
    const { code, output } = await run([
      ...tool,
      "--fast",
      "--revision",
      revision,
      packages.folder,
    ]);
    assert.equal(code, 0, output);
    built.set(revision, output.trim());
  }
});
after(() => packages[Symbol.asyncDispose]());

async function install(root: DebianRoot, revision = "1"): Promise<Finished> {
  const path = root.bring(built.get(revision) ?? "");
  const finished = await root.shell(`dpkg --force-confold -i ${path}`);
  assert.equal(finished.code, 0, finished.output);
  return finished;
}

/** A clean Debian with the package and a user. */
async function installed(scratch: Scratch): Promise<DebianRoot> {
  const root = await DebianRoot.start(scratch);
  const { output } = await install(root);
  assert.match(output, /^postrider: mail to root is kept in \/var\/mail\/Maildir until /mu);
  await root.shell("useradd --create-home alice");
  return root;
}

/** The texts in the Maildir of alice. */
function mailOf(root: DebianRoot): readonly string[] {
  try {
    const folder = root.pathOf("/home/alice/Maildir/new");
    return readdirSync(folder).map((name) => readFileSync(`${folder}/${name}`, "utf8"));
  } catch {
    return []; // No mail yet.
  }
}

async function arrived(root: DebianRoot, subject: string, withinMs?: number): Promise<string> {
  const find = (): string | undefined =>
    mailOf(root).find((text) => text.includes(`\nSubject: ${subject}`));
  await until(() => find() !== undefined, `mail with the subject ${subject}`, withinMs);
  return find() ?? "";
}

/** What each process takes that is there while there is no mail: not the agents, which go. */
async function idleKib(root: DebianRoot): Promise<readonly number[]> {
  const { output } = await root.shell(`for process in /proc/[0-9]*; do
    case $(readlink $process/exe) in */postrider/bin/node) ;; *) continue ;; esac
    case $(tr '\\0' ' ' <$process/cmdline) in */agent-main.js' ') continue ;; esac
    sed -n 's/^Pss: *//p' $process/smaps_rollup
  done`);
  return (output.match(/\d+(?= kB)/gu) ?? []).map(Number);
}

/** Programs as they are used, by what they are told. */
const SENDERS: Readonly<Record<string, string>> = {
  php: 'printf "To: alice\\nSubject: php\\nX-PHP-Originating-Script: 1000:a.php\\n\\nhello\\n" | /usr/sbin/sendmail -t -i',
  "s-nail": "echo hello | s-nail -s s-nail alice",
  mutt: "echo hello | mutt -s mutt alice",
  msmtp: `printf "Subject: msmtp\n\nhello\n" | msmtp --host=localhost --socket=/run/postrider/enqueue.sock \\
    --from=alice@mx.test.example alice@mx.test.example`,
  git: `git init -q r && cd r && git config user.email alice@mx.test.example && git config user.name Alice &&
    git commit -q --allow-empty -m git && git format-patch -q --always --root --stdout >0001.patch &&
    git send-email --quiet --confirm=never --suppress-cc=all --to=alice 0001.patch`,
};

test("in a clean Debian, what programs send through the package arrives", { skip }, async (t) => {
  await using scratch = new Scratch();
  const root = await installed(scratch);
  const took = await root.startDaemon();
  t.diagnostic(`from exec until it is ready: ${took.toFixed(0)} ms`);
  const cron = await root.shell("echo '* * * * * echo hello' | crontab -u alice - && cron");
  assert.equal(cron.code, 0, cron.output);
  for (const [name, command] of Object.entries(SENDERS)) {
    const { code, output } = await root.shell(command, "alice");
    assert.equal(code, 0, `${name}: ${output}`);
  }
  await arrived(root, "php");
  await arrived(root, "s-nail");
  await arrived(root, "mutt");
  assert.match(await arrived(root, "msmtp"), /^\tby mx\.test\.example \(Postrider, from alice@/mu);
  await arrived(root, "[PATCH] git");
  // Nobody is named who reads root's: it is kept all the same.
  const toRoot = await root.shell("echo hello | s-nail -s nightly root", "alice");
  assert.equal(toRoot.code, 0, toRoot.output);
  const kept = "grep -lx 'Subject: nightly' /var/mail/Maildir/new/*";
  await until(async () => (await root.shell(kept)).code === 0, "mail to root");
  assert.deepEqual(await root.shell("mailq"), { code: 0, output: "" });
  const refused = await root.shell("mailq", "alice");
  assert.match(refused.output, /^smtpctl: need root privileges/u);
  assert.notEqual(refused.code, 0);
  const aliases = await root.shell("newaliases");
  assert.deepEqual(aliases, { code: 0, output: "/etc/mail/aliases: 4 aliases\n" });
  for (const page of ["smtpd", "smtpd.conf", "sendmail", "mailq", "newaliases", "smtp"]) {
    const { code, output } = await root.shell(`man --where ${page}`);
    assert.equal(code, 0, output);
  }
  for (const path of [
    "/usr/share/bash-completion/completions/smtpctl",
    "/usr/share/zsh/vendor-completions/_smtpctl",
  ])
    assert.match(root.read(path), /smtpctl.*\n_smtpctl_words\(\) \{\n/u);
  const completed = await root.shell(
    `bash -c '. /usr/share/bash-completion/completions/smtpctl
      COMP_WORDS=(smtpctl sho) COMP_CWORD=1; _smtpctl; echo "$COMPREPLY"'`,
  );
  assert.deepEqual(completed, { code: 0, output: "show\n" });
  const kib = await idleKib(root);
  const sum = kib.reduce((total, each) => total + each, 0);
  t.diagnostic(`idle: ${(sum / 1024).toFixed(0)} MiB in ${kib.length} processes`);
  assert.ok(kib.length >= 4 && sum < MAX_IDLE_PSS_KIB, String(kib));
  await arrived(root, "Cron <alice@", CRON_WITHIN_MS);
});

test("mail that is handed in while the daemon is down arrives when it runs", { skip }, async () => {
  await using scratch = new Scratch();
  const root = await installed(scratch);
  await root.shell("smtpd -n"); // Nothing of it needs a daemon.
  await root.startDaemon();
  await root.shell("smtpctl stop");
  const { code, output } = await root.shell("echo hello | s-nail -s waits alice", "alice");
  assert.ok(code === 0 || code === 4 || code === 75, `${code}: ${output}`);
  await root.startDaemon();
  assert.match(await arrived(root, "waits"), /^Subject: waits$/mu);
});

test("an upgrade and a removal keep mail and configuration, a purge says what it leaves", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const root = await installed(scratch);
  root.write("/etc/mail/smtpd.conf", `${root.read("/etc/mail/smtpd.conf")}\n# mine\n`);
  root.write("/etc/default/postrider", 'SMTPD_OPTIONS="-v"\n');
  await root.shell("newaliases");
  await root.startDaemon();
  await root.shell("touch /var/spool/postrider/queue/kept");
  const upgrade = await install(root, "2");
  assert.match(upgrade.output, /^postrider: a daemon of the version before runs still/mu);
  assert.match(upgrade.output, /Unpacking postrider \(0\.1\.0-2\) over \(0\.1\.0-1\)/u);
  assert.match(root.read("/etc/mail/smtpd.conf"), /# mine/u);
  assert.equal(root.read("/etc/default/postrider"), 'SMTPD_OPTIONS="-v"\n');
  const removed = await root.shell("dpkg --remove postrider");
  assert.equal(removed.code, 0, removed.output);
  // Nobody else would end it: who comes next could not have its ports.
  assert.deepEqual(await idleKib(root), []);
  const left =
    "ls -d /usr/sbin/sendmail /usr/lib/postrider /etc/mail/smtpd.conf /var/spool/postrider/queue/kept";
  assert.match(
    (await root.shell(`${left} 2>/dev/null`)).output,
    /^\/etc\/mail\/smtpd\.conf\n\/var\/spool\/postrider\/queue\/kept\n$/u,
  );
  const purged = await root.shell("dpkg --purge postrider");
  assert.equal(purged.code, 0, purged.output);
  assert.match(purged.output, /\/var\/spool\/postrider is left/u);
  assert.match(purged.output, /users are left.*_smtpd/u);
  assert.equal((await root.shell("test -e /etc/mail")).code, 1);
  // Nothing of what runs: an empty folder of it would be in the way of another mail system.
  assert.equal((await root.shell("test -e /run/postrider")).code, 1);
  assert.equal(
    (await root.shell("test -e /var/spool/postrider/queue/kept && ! test -e /etc/mail/smtpd.conf"))
      .code,
    0,
  );
});

test("installed, it knows the machine's name wherever /etc/mail is, and leaves options that are a link alone", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const root = await DebianRoot.start(scratch);
  await root.shell("mkdir /srv/mail && ln -s /srv/mail /etc/mail");
  await root.shell("ln -s /nonexistent/options /etc/default/postrider");
  await install(root);
  const checked = await root.shell("cat /etc/mail/mailname && smtpd -n && dpkg --verify postrider");
  assert.deepEqual(checked, { code: 0, output: "mx.test.example\nconfiguration OK\n" });
});

test("an upgrade that was not finished can be removed", { skip }, async () => {
  await using scratch = new Scratch();
  const root = await installed(scratch);
  const path = root.bring(built.get("2") ?? "");
  // As it is left by a question about a changed file that nobody has answered.
  const purged = await root.shell(`dpkg --unpack ${path} && dpkg --purge postrider`);
  assert.equal(purged.code, 0, purged.output);
  const left = await root.shell("ls -d /usr/sbin/sendmail /etc/alternatives/mta* 2>/dev/null");
  assert.equal(left.output, "");
});

test("a file that was written for OpenSMTPD keeps its meaning", { skip }, async () => {
  await using scratch = new Scratch();
  const root = await DebianRoot.start(scratch);
  const theirs = 'action "local" maildir\nmatch for local action "local"\n';
  root.write("/etc/smtpd.conf", theirs);
  const { output } = await install(root);
  assert.match(output, /OpenSMTPD configuration is used as it is/u);
  assert.doesNotMatch(output, /mail to root|is read/u, "it has no aliases of /etc/mail");
  assert.match(root.read("/etc/default/postrider"), /"-f \/etc\/smtpd\.conf --compat opensmtpd"/u);
  await root.shell("dpkg --purge postrider; mkdir -p /etc/mail; mv /etc/smtpd.conf /etc/mail");
  await install(root);
  assert.match(root.read("/etc/default/postrider"), /"--compat opensmtpd"/u);
  assert.equal(root.read("/etc/mail/smtpd.conf"), theirs);
  const checked = await root.shell(". /etc/default/postrider && smtpd -n $SMTPD_OPTIONS");
  assert.equal(checked.code, 0, checked.output);
});
