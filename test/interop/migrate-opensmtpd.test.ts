/**
 * docs/migrate-from-opensmtpd.md, as written: its commands are carried out, in their order, where
 * Debian's OpenSMTPD runs and has mail that waits. All is in a mount namespace of its own, with an /etc, a
 * /var/spool and a /run that nobody else sees. Only systemctl is ours: there is no systemd.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fencedIn } from "#test/support/manual-examples.ts";
import { unlessStartable } from "./daemon.ts";
import { freePort } from "./greeting.ts";
import { PEER, unlessOpenSmtpd } from "./peer-opensmtpd.ts";
import { run } from "./peer-program.ts";
import { Scratch } from "./scratch.ts";

const ROOT: string = join(import.meta.dirname, "../..");
/** In namespaces that end with it. */
const APART: readonly string[] = ["unshare", "-m", "-p", "-f", "--mount-proc", "--kill-child"];
const WITHIN_MS = 120_000;

/** Debian's own file, but for the ports, and a mailbox that is not there yet. */
function configuration(port: number, closed: number): string {
  return [
    "table aliases file:/etc/aliases",
    `listen on localhost port ${port}`,
    'action "local" maildir "/var/lib/mail/%{user.username}" alias <aliases>',
    `action "relay" relay host smtp://127.0.0.1:${closed}`,
    'match from any for domain "example.org" action "local"',
    'match for local action "local"',
    'match from any for any action "relay"',
    "",
  ].join("\n");
}

/** What starts and stops the two, as their units would; waits until it is so. */
const SYSTEMCTL = `#!/bin/sh
set -e
gone() { for _ in $(seq 200); do "$@" >/dev/null 2>&1 || return 0; sleep 0.05; done; return 1; }
there() { for _ in $(seq 200); do "$@" >/dev/null 2>&1 && return 0; sleep 0.05; done; return 1; }
case "$1 $2" in
"start opensmtpd")
  ${PEER}/usr/sbin/smtpd -d -f /etc/smtpd.conf >>/run/opensmtpd.log 2>&1 &
  echo $! >/run/opensmtpd.pid
  there test -S /run/smtpd.sock ;;
"stop opensmtpd")
  kill "$(cat /run/opensmtpd.pid)"
  gone kill -0 "$(cat /run/opensmtpd.pid)"
  rm -f /run/smtpd.sock ;;
"start postrider") smtpd ;;
"stop postrider") smtpctl stop; gone smtpctl show status ;;
*) exit 2 ;;
esac
`;

/** \`$1\`: the folder of the test. Markers tell the parts of what is printed. */
const SCENE = `
set -e
exec 2>&1
for folder in /var/lib /var/spool /var/cache /run; do mount -t tmpfs -o size=32M,mode=755 tmpfs "$folder"; done
mkdir -p /run/etc /run/work /run/bin
mount -t overlay -o lowerdir=/etc,upperdir=/run/etc,workdir=/run/work overlay /etc
mount -t tmpfs -o size=16M,mode=755 tmpfs /usr/libexec
mkdir -m 711 /var/spool/smtpd
mkdir -p /var/lib/opensmtpd/empty
cp -R ${PEER}/usr/libexec/opensmtpd /usr/libexec/
cp "$1/systemctl" /run/bin/systemctl
chmod 755 /run/bin/systemctl
PATH="/run/bin:$2/bin:$PATH"
export PATH
rm -f /etc/smtpd.conf /etc/mail/smtpd.conf
cp "$1/smtpd.conf" /etc/smtpd.conf
echo 'migrant:x:4007:4007::/var/lib/migrant:/bin/false' >>/etc/passwd
echo 'migrant:x:4007:' >>/etc/group
mkdir /var/lib/migrant
chown migrant /var/lib/migrant
printf 'bob: migrant\\nroot: migrant\\npostmaster: migrant\\n' >/etc/aliases
systemctl start opensmtpd
send() { printf 'Subject: %s\\n\\nhello\\n' "$1" | "$2/usr/bin/smtp" -s "smtp://localhost:$PORT" -F ann@client.example "$3" >/dev/null 2>&1; }
send here ${PEER} bob@example.org
send away ${PEER} carol@elsewhere.invalid
deadline=800
until grep -q 'result="TempFail"' /run/opensmtpd.log; do
  deadline=$((deadline - 1)); [ $deadline -gt 0 ]; sleep 0.05
done
mkdir /var/lib/mail
chown migrant /var/lib/mail
echo '== migration'
. "$1/way"
echo '== back'
deadline=800
until grep -q 'carol@elsewhere.invalid\\|address=smtp://127.0.0.1' /run/opensmtpd.log; do
  deadline=$((deadline - 1)); [ $deadline -gt 0 ]; sleep 0.05
done
echo '== mailbox'
cat /var/lib/mail/migrant/new/*
echo '== queue'
cat /var/spool/smtpd/queue/*/*/[0-9a-f]*
echo '== end'
`;

/** Between the way there and the way back: what was imported has arrived. */
const ARRIVED = `
for _ in $(seq 200); do ls /var/lib/mail/migrant/new/* >/dev/null 2>&1 && break; sleep 0.05; done
ls /var/lib/mail/migrant/new/* >/dev/null
echo '== running'
smtpctl show queue
echo '== stop'
`;

interface Case {
  readonly name: string;
  /** Lines of the configuration that both have. */
  readonly lines: readonly string[];
  /** Of the steps of the page. */
  readonly steps: number;
}

const STEPS = 6;
const CASES: readonly Case[] = [
  { name: "mail that waited arrives, and the rest goes the way back", lines: [], steps: STEPS },
  // The way back would need the line taken out first.
  { name: "of a compressed queue too", lines: ["queue compression"], steps: STEPS - 1 },
];

const skip = (await unlessOpenSmtpd()) || (await unlessStartable());

for (const { name, lines, steps } of CASES) {
  test(`the way from OpenSMTPD is as written: ${name}`, { skip, timeout: WITHIN_MS }, async () => {
    await using scratch = new Scratch();
    const { folder } = scratch;
    const page = readFileSync(join(ROOT, "docs/migrate-from-opensmtpd.md"), "utf8");
    const commands = fencedIn(page)
      .filter(({ info }) => info === "sh migrate")
      .map(({ text }) => text);
    assert.equal(commands.length, STEPS);
    const there = commands.slice(0, STEPS - 1);
    const way = [...there, ARRIVED, ...commands.slice(STEPS - 1, steps)];
    const [port, closed] = [await freePort(), await freePort()];
    const config = [...lines, configuration(port, closed)].join("\n");
    writeFileSync(`${folder}/smtpd.conf`, config);
    writeFileSync(`${folder}/systemctl`, SYSTEMCTL);
    writeFileSync(`${folder}/way`, way.join("\n"));
    const scene = ["env", `PORT=${port}`, "sh", "-c", SCENE, "sh", folder, ROOT];
    const { code, output } = await run([...APART, ...scene]);
    assert.equal(code, 0, output);
    const part = (from: string, to: string): string =>
      output.slice(output.indexOf(`== ${from}\n`), output.indexOf(`== ${to}\n`));
    const migration = part("migration", "running");
    assert.match(migration, /^configuration OK$/mu);
    assert.match(migration, /^ {2}250 2\.1\.5 /mu);
    assert.match(migration, /^2 messages, 2 envelopes imported$/mu);
    assert.doesNotMatch(migration, /not taken/u);
    assert.match(migration, /^ok {6}daemon: smtpd answers$/mu);
    assert.match(part("running", "stop"), /\|carol@elsewhere\.invalid\|/u);
    assert.match(part("mailbox", "queue"), /^Subject: here$/mu);
    if (steps < STEPS) return;
    const queue = part("queue", "end");
    assert.match(queue, /^rcpt: carol@elsewhere\.invalid$/mu);
    assert.doesNotMatch(queue, /^rcpt: bob@/mu);
  });
}
