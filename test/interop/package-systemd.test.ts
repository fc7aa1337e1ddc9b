/** The package for Debian on a machine that systemd has booted: what the units promise, and what an upgrade and a removal leave. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { until } from "./greeting.ts";
import { Machine, unlessBootable } from "./package-machine.ts";
import { type Finished, run } from "./peer-program.ts";
import { Scratch } from "./scratch.ts";

const skip = await unlessBootable();
const CHECKOUT = new URL("../..", import.meta.url).pathname;

/** Ports kept by systemd as well. */
const PORTS = "[Socket]\nListenStream=127.0.0.1:25\nListenStream=[::1]:25\n";

/** A command of an action, that tells what it may do. */
const PROBE = `#!/bin/sh
cat >/dev/null
{ touch /usr/x /etc/x; unshare --net true; unshare --user true; mknod /tmp/x c 1 3; } >/dev/null 2>&1
ls -d /usr/x /etc/x /tmp/x /dev/vda 2>/dev/null >"$HOME/probe.tmp"
touch /tmp/mine && echo "$(id -un) $?" >>"$HOME/probe.tmp"
mv "$HOME/probe.tmp" "$HOME/probe"
`;

const CONFIG = `compat none
listen on socket
listen on 127.0.0.1
listen on ::1
action "probe" mda "/usr/local/bin/probe" user alice
action "mbox" mbox
action "local" maildir
match from local for rcpt-to "probe@mx.test.example" action "probe"
match from local for rcpt-to "alice@mx.test.example" action "mbox"
match from local for local action "local"
`;

/** A line for each process but the agents, which go: name, user, what it may ever gain, whether it has the machine's network. */
const PROCESSES = `for process in /proc/[0-9]*; do
  case $(readlink $process/exe) in */postrider/bin/node) ;; *) continue ;; esac
  name=$(tr '\\0' '\\n' <$process/cmdline | sed -n 's:.*/\\([a-z]*\\)\\(-main\\)\\?[.]js$:\\1:p')
  [ "$name" != agent ] || continue
  network=other; [ $(readlink $process/ns/net) != $(readlink /proc/1/ns/net) ] || network=machine
  status=$(sed -n 's/^\\(CapBnd\\|CapEff\\|NoNewPrivs\\|Seccomp\\):[[:space:]]*//p' $process/status | tr '\\n' ' ')
  echo "$name $(stat -c %U $process) $network $status"
done | sort`;

const packages = new Scratch();
const built = new Map<string, string>();

before(async () => {
  if (skip !== false) return;
  for (const revision of ["1", "2"]) {
    const tool = [process.execPath, `${CHECKOUT}tools/package-deb.ts`, "--fast"];
    const { code, output } = await run([...tool, "--revision", revision, packages.folder]);
    assert.equal(code, 0, output);
    built.set(revision, output.trim());
  }
});
after(() => packages[Symbol.asyncDispose]());

/** A machine with a user and the package. */
async function installed(scratch: Scratch): Promise<Machine> {
  const machine = await Machine.boot(scratch);
  await done(machine, "useradd --create-home alice");
  await install(machine, "1");
  return machine;
}

async function install(machine: Machine, revision: string): Promise<string> {
  return done(
    machine,
    `dpkg --force-confold --force-unsafe-io -i ${machine.bring(built.get(revision) ?? "")}`,
  );
}

/** The output of a command that must succeed. */
async function done(machine: Machine, script: string, user?: string): Promise<string> {
  const { code, output } = await machine.shell(script, user);
  assert.equal(
    code,
    0,
    `${script}: ${output}\n${(await machine.shell("journalctl -u postrider -n 20 --no-pager")).output}`,
  );
  return output;
}

/** Sends to `user` by SMTP on port 25. */
function sendTo(machine: Machine, user: string, subject: string): Promise<Finished> {
  return machine.shell(
    `printf 'Subject: ${subject}\\n\\nhello\\n' | smtp -s smtp://127.0.0.1 -F bob@example.org ${user}@mx.test.example`,
  );
}

async function arrived(machine: Machine, subject: string): Promise<void> {
  const script = `grep -qsx 'Subject: ${subject}' /home/alice/Maildir/new/* /var/mail/alice`;
  await until(async () => (await machine.shell(script)).code === 0, `mail ${subject}`);
}

async function stateOf(machine: Machine): Promise<string> {
  const { output } = await machine.shell("systemctl is-active postrider.service postrider.socket");
  return output.trim().replace("\n", " ");
}

function mainProcess(machine: Machine): Promise<string> {
  return done(machine, "systemctl show --property MainPID --value postrider");
}

test("the package's service runs, is held as its unit says, and delivers", { skip }, async () => {
  await using scratch = new Scratch();
  const machine = await installed(scratch);
  assert.equal(await stateOf(machine), "active inactive");
  // Ready is ready: nothing is waited for.
  assert.match((await sendTo(machine, "alice", "port")).output, /250 2\.0\.0/u);
  await done(machine, "echo hello | s-nail -s socket alice", "alice");
  await arrived(machine, "port");
  await arrived(machine, "socket");
  const held = "0000000000000000 0000000000000000 1 2";
  const processes = (await done(machine, PROCESSES)).trim().split(" \n");
  const parent = /^smtpd root machine ([0-9a-f]{16}) \1 0 2$/u;
  assert.match(processes.pop() ?? "", parent, "no more than the unit leaves to root");
  assert.deepEqual(processes, [
    `control _smtpc other ${held}`,
    `dispatcher _smtpd machine ${held}`,
    `local _smtpe other ${held}`,
    `queue _smtpq other ${held}`,
  ]);
  machine.write("/usr/local/bin/probe", PROBE);
  machine.write("/etc/mail/smtpd.conf", CONFIG);
  await done(machine, "chmod 755 /usr/local/bin/probe && systemctl reload postrider");
  await sendTo(machine, "probe", "command");
  await sendTo(machine, "alice", "mbox");
  await arrived(machine, "mbox");
  await until(async () => (await machine.shell("test -e /home/alice/probe")).code === 0, "probe");
  assert.equal(machine.read("/home/alice/probe"), "alice 0\n", "of all that it tried, /tmp alone");
  const log = await done(
    machine,
    "journalctl -u postrider -o json --output-fields=PRIORITY,SYSLOG_FACILITY,SYSLOG_IDENTIFIER,MESSAGE",
  );
  const lines = log
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, string>);
  const ours = lines.filter(({ SYSLOG_FACILITY }) => SYSLOG_FACILITY === "2");
  assert.ok(ours.some(({ MESSAGE }) => /smtp message msgid=/u.test(MESSAGE ?? "")));
  assert.deepEqual(
    ours.filter(
      ({ PRIORITY, SYSLOG_IDENTIFIER }) => PRIORITY !== "6" || SYSLOG_IDENTIFIER !== "smtpd",
    ),
    [],
  );
});

test("systemd reloads, restarts and stops the service, and starts it again when it is killed", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const machine = await installed(scratch);
  const config = machine.read("/etc/mail/smtpd.conf");
  machine.write("/etc/mail/smtpd.conf", `${config}\nnonsense\n`);
  assert.equal((await machine.shell("systemctl reload postrider")).code, 1);
  assert.match(await done(machine, "journalctl -u postrider -o cat"), /unexpected 'nonsense'/u);
  assert.equal(await stateOf(machine), "active inactive");
  machine.write("/etc/mail/smtpd.conf", config);
  await done(machine, "systemctl reload postrider && systemctl restart postrider");
  assert.match((await sendTo(machine, "alice", "restarted")).output, /250 2\.0\.0/u);
  const first = await mainProcess(machine);
  await done(machine, `kill -KILL ${first}`);
  await until(async () => {
    const now = await mainProcess(machine);
    return now !== first && now !== "0\n" && (await stateOf(machine)).startsWith("active ");
  }, "daemon that is started again");
  await arrived(machine, "restarted");
  await done(machine, "smtpctl stop");
  await until(
    async () => (await stateOf(machine)) === "inactive inactive",
    "daemon that is stopped",
  );
  assert.equal(await done(machine, PROCESSES), "");
  assert.equal(await done(machine, "systemctl list-units --failed --quiet 'postrider*'"), "");
});

test("systemd keeps sockets while there is no daemon, who connects has it started, and an upgrade restarts both", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const machine = await installed(scratch);
  await done(machine, "systemctl stop postrider && mkdir /etc/systemd/system/postrider.socket.d");
  machine.write("/etc/systemd/system/postrider.socket.d/ports.conf", PORTS);
  await done(machine, "systemctl daemon-reload && systemctl enable --quiet --now postrider.socket");
  assert.equal(await stateOf(machine), "inactive active");
  assert.match((await sendTo(machine, "alice", "port")).output, /250 2\.0\.0/u);
  assert.equal(await stateOf(machine), "active active");
  await done(machine, "systemctl stop postrider");
  await done(machine, "echo hello | s-nail -s socket alice", "alice");
  await arrived(machine, "port");
  await arrived(machine, "socket");
  const first = await mainProcess(machine);
  // Else who connects would have it started from files of both.
  const upgrade = await install(machine, "2");
  assert.doesNotMatch(upgrade, /can still be activated/u);
  assert.equal(await stateOf(machine), "active active");
  assert.notEqual(await mainProcess(machine), first);
  assert.match((await sendTo(machine, "alice", "upgraded")).output, /250 2\.0\.0/u);
  await arrived(machine, "upgraded");
});

test("a removal ends the service, and what was disabled stays so", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const machine = await installed(scratch);
  await done(machine, "dpkg --remove postrider");
  assert.equal(await stateOf(machine), "inactive inactive");
  await install(machine, "2");
  assert.equal(await stateOf(machine), "active inactive", "a removal has not disabled it");
  await done(machine, "systemctl disable --quiet --now postrider && dpkg --remove postrider");
  await install(machine, "2");
  assert.equal(await stateOf(machine), "inactive inactive", "the operator has");
  await done(machine, "systemctl enable --quiet --now postrider.socket postrider.service");
  await done(machine, "dpkg --purge postrider");
  assert.equal(await stateOf(machine), "inactive inactive");
  assert.equal(await done(machine, "find /etc /run -name '*postrider*'"), "");
  assert.equal(await done(machine, "systemctl list-units --failed --quiet 'postrider*'"), "");
});
