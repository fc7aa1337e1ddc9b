/**
 * The processes of the running daemon, seen from outside: who they run as, what they
 * have open, what they may do. docs/architecture.md says why.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { test } from "node:test";
import { SEALED_ROLES } from "#processes/child.ts";
import { type Role, ROLES } from "#processes/roles.ts";
import { writeTable } from "#world/node/sqlite-table-writer.ts";
import { type DaemonProcess, processesOf } from "./daemon-processes.ts";
import { unlessStartable } from "./daemon.ts";
import { until } from "./greeting.ts";
import { KillableDaemon } from "./killable-daemon.ts";
import { run } from "./peer-program.ts";
import { MAIL_UID, MAIL_USER, RUNS_AS_ROOT, Scratch } from "./scratch.ts";
import { SmtpSession } from "./smtp-session.ts";

const unstartable = await unlessStartable();
const needsRoot = unstartable || (RUNS_AS_ROOT ? false : "only root can start processes as others");
const CHECKOUT = new URL("../../", import.meta.url).pathname;

/** What its lookup has open. */
function databaseIn(scratch: Scratch): string {
  return `${scratch.folder}/domains.db`;
}

/** A daemon of which every process runs, an agent too. */
async function running(scratch: Scratch): Promise<KillableDaemon> {
  const mail = scratch.mailFolder("mail");
  const database = databaseIn(scratch);
  writeTable(database, [{ key: "here.example", value: "" }], undefined);
  const daemon = await KillableDaemon.make(scratch, {
    rules: [
      `table domains db:${database}`,
      `listen on socket "${scratch.folder}/auth.sock" auth`,
      `action "deliver" maildir "${mail}/%{dest.user}" user ${MAIL_USER}`,
      'match from any for domain <domains> action "deliver"',
    ],
  });
  await daemon.start();
  using session = await SmtpSession.inData(daemon.servers[0], "ann@here.example");
  assert.match(await session.say("Subject: start an agent\r\n\r\nhello\r\n."), /^250 /u);
  await daemon.drain();
  return daemon;
}

/** One line of proc_pid_status(5). */
function statusOf(pid: number, name: string): string {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  return new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*$`, "mu").exec(status)?.[1] ?? "";
}

/** One line of /proc/PID/limits. */
function limitOf(pid: number, name: string): string {
  const line = readFileSync(`/proc/${pid}/limits`, "latin1")
    .split("\n")
    .find((each) => each.startsWith(name));
  return (line ?? "").slice(name.length).trim();
}

/** What each open descriptor is, by its number. */
function descriptorsOf(pid: number): ReadonlyMap<number, string> {
  const folder = `/proc/${pid}/fd`;
  return new Map(readdirSync(folder).map((fd) => [Number(fd), readlinkSync(`${folder}/${fd}`)]));
}

async function uidOf(user: string): Promise<number> {
  const { output } = await run(["getent", "passwd", user]);
  return Number(output.split(":")[2]);
}

/** The inodes of sockets that listen on 127.0.0.1 `port`, from /proc/net/tcp. */
function listeningInodes(port: number): readonly string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const lines = readFileSync("/proc/net/tcp", "latin1").split("\n");
  return lines
    .map((line) => line.trim().split(/\s+/u))
    .filter(([, local, , state]) => local === `0100007F:${hex}` && state === "0A")
    .map((fields) => fields[9] ?? "");
}

function only(processes: readonly DaemonProcess[], role: Role): DaemonProcess {
  const found = processes.find((each) => each.role === role);
  assert.ok(found !== undefined, `a ${role} runs`);
  return found;
}

test("every role runs, and each with the flags that it is given in roles.ts", {
  skip: unstartable,
}, async () => {
  await using scratch = new Scratch();
  const daemon = await running(scratch);
  for (const role of Object.keys(ROLES) as Role[]) {
    const { pid } = only(daemon.children, role);
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(1, -1);
    const flags = words.slice(0, -1);
    const sources = flags.find((flag) => flag.startsWith("--allow-fs-read="))?.split("=")[1] ?? "";
    assert.deepEqual(flags, [...ROLES[role].nodeFlags(sources)], role);
    // Lookup opens whatever tables the configuration names, now or after a reload.
    // Local loads an addon, wherever that is, and then reads no more (role-process.ts).
    if (sources !== "" && sources !== "*") assert.ok(`${sources}/`.startsWith(CHECKOUT), sources);
  }
});

test("each process but auth runs as its user, in no other group, with no capability", {
  skip: needsRoot,
}, async () => {
  await using scratch = new Scratch();
  const daemon = await running(scratch);
  for (const { pid, role } of daemon.children) {
    // PAM and shadow(5) are for root; it answers one question at a time.
    if (role === "auth") continue;
    const user = ROLES[role as Role].user;
    const uid = user === undefined ? MAIL_UID : await uidOf(user);
    assert.equal(statusOf(pid, "Uid"), Array(4).fill(uid).join("\t"), role);
    assert.notEqual(statusOf(pid, "Gid").split("\t")[0], "0", role);
    assert.equal(statusOf(pid, "Groups"), "", role);
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"]) {
      assert.match(statusOf(pid, set), /^0+$/u, `${role} ${set}`);
    }
  }
});

test("no process gains rights by a program, leaves a core, or makes files for others", {
  skip: unstartable,
}, async () => {
  await using scratch = new Scratch();
  const daemon = await running(scratch);
  assert.match(limitOf(daemon.pid, "Max core file size"), /^0 +0 /u, "parent");
  for (const { pid, role } of daemon.children) {
    assert.equal(statusOf(pid, "NoNewPrivs"), "1", role);
    assert.match(limitOf(pid, "Max core file size"), /^0 +0 /u, role);
    assert.equal(statusOf(pid, "Umask"), "0077", role);
    // PAM has helpers, and is root's.
    if (RUNS_AS_ROOT && role !== "auth") assert.match(statusOf(pid, "CapBnd"), /^0+$/u, role);
  }
});

test("who has no peers has no network, and who runs commands of nobody starts no program", {
  skip: needsRoot,
}, async () => {
  await using scratch = new Scratch();
  const daemon = await running(scratch);
  const ours = readlinkSync("/proc/self/ns/net");
  for (const { pid, role } of daemon.children) {
    const hasNetwork = readlinkSync(`/proc/${pid}/ns/net`) === ours;
    assert.equal(hasNetwork, ROLES[role as Role].hasNetwork(), role);
    if (!SEALED_ROLES.has(role as Role)) continue;
    await until(() => /^0 +0 /u.test(limitOf(pid, "Max processes")), `seal of ${role}`);
  }
});

test("a process gets nothing of the environment and the folder of who started the daemon", {
  skip: unstartable,
}, async () => {
  await using scratch = new Scratch();
  const daemon = await running(scratch);
  for (const { pid, role } of daemon.children) {
    const names = readFileSync(`/proc/${pid}/environ`, "latin1")
      .split("\0")
      .map((entry) => entry.split("=")[0] ?? "")
      .filter((name) => name !== "" && !name.startsWith("NODE_CHANNEL_"));
    const ofRole = Object.keys(ROLES[role as Role].environment ?? {});
    assert.deepEqual(names.toSorted(), ["HOME", "LANG", "PATH", ...ofRole].toSorted(), role);
    assert.equal(readlinkSync(`/proc/${pid}/cwd`), "/", role);
  }
});

test("only the queue has the spool open, only lookup the tables, and only dispatchers accept clients", {
  skip: unstartable,
}, async () => {
  await using scratch = new Scratch();
  const daemon = await running(scratch);
  const [server] = daemon.servers;
  const inodes = listeningInodes("port" in server ? server.port : 0);
  assert.equal(inodes.length, 1);
  for (const { pid, role } of daemon.children) {
    const descriptors = [...descriptorsOf(pid)];
    const paths = descriptors
      .filter(([fd, what]) => fd > 2 && what.startsWith("/") && !what.startsWith("/dev/"))
      .map(([, what]) => what);
    const spool = paths.filter((path) => path.startsWith(`${daemon.stateFolder}/spool/`));
    assert.equal(spool.length > 0, role === "queue", `${role}: ${paths.join(" ")}`);
    const own = role === "lookup" ? [databaseIn(scratch)] : spool;
    assert.deepEqual(paths, own, `${role} has other files open`);
    const accepts = descriptors.some(([, what]) => what === `socket:[${inodes[0]}]`);
    assert.equal(accepts, role === "dispatcher", role);
    assert.equal(descriptorsOf(pid).get(0), "/dev/null", role);
  }
});

test("every child ends when the parent is killed, and the next daemon starts on what it left", {
  skip: unstartable,
}, async () => {
  await using scratch = new Scratch();
  const daemon = await running(scratch);
  await daemon.killParent();
  assert.deepEqual(processesOf(daemon.pid).slice(1), []);
  await daemon.start();
  for (const server of daemon.servers) {
    using session = await SmtpSession.open(server);
    assert.match(await session.say("NOOP"), /^250 /u);
  }
});

test("a killed control process is back soon, and mail does not notice", {
  skip: unstartable,
}, async () => {
  await using scratch = new Scratch();
  const daemon = await running(scratch);
  using session = await SmtpSession.inData(daemon.servers[0], "ann@here.example");
  const { pid } = only(daemon.children, "control");
  process.kill(pid, "SIGKILL");
  assert.match(await session.say("Subject: meanwhile\r\n\r\nhello\r\n."), /^250 /u);
  await until(
    async () => (await daemon.smtpctl("show", "status")).code === 0,
    "answer of a new control process",
  );
  assert.notEqual(only(daemon.children, "control").pid, pid);
  const line = /warn: control ended by SIGKILL, starting it again/u;
  await until(() => line.test(daemon.log), "line in the log");
});
