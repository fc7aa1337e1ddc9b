/**
 * Mail servers that we did not write hand mail on to the real daemon, with what it offers:
 * Postfix pipelines, Exim sends in chunks. What a sender asked of them (RFC 3461: NOTIFY,
 * ORCPT, RET, ENVID; RFC 6531) is in our queue then, as `smtpctl show envelope` tells.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { unlessStartable } from "./daemon.ts";
import { freePort, greeted, until } from "./greeting.ts";
import { KillableDaemon } from "./killable-daemon.ts";
import { endOf, run, unlessInstalled } from "./peer-program.ts";
import { RUNS_AS_ROOT, Scratch } from "./scratch.ts";
import { SmtpSession } from "./smtp-session.ts";

const EXIM = "/usr/local/lib/postrider-peers/exim4/usr/sbin/exim4";
const MASTER = "/usr/lib/postfix/sbin/master";
const HOST = "relay.example.org";

const unstartable =
  (await unlessStartable()) || (RUNS_AS_ROOT ? false : "servers of other people need root");

const BODY = ["one", ".two", "x".repeat(900), "ü", ""].join("\r\n");
const HEADERS = ["From: <é@client.example>", "To: <用户@in.example>", "Subject: grüße", "", ""];
const MESSAGE = `${HEADERS.join("\r\n")}${BODY}`;
const ASKED = {
  mail: "MAIL FROM:<é@client.example> SMTPUTF8 BODY=8BITMIME RET=HDRS ENVID=job+2B7",
  rcpt: "RCPT TO:<用户@in.example> NOTIFY=FAILURE,DELAY ORCPT=utf-8;用户@in.example",
};

/** A daemon that keeps what comes: the next server is not there. */
async function start(scratch: Scratch): Promise<{ daemon: KillableDaemon; port: number }> {
  const port = await freePort();
  const nowhere = await freePort();
  const daemon = await KillableDaemon.make(scratch, {
    rules: [
      `listen on 127.0.0.1 port ${port} hostname ${HOST}`,
      `action "on" relay host smtp://127.0.0.1:${nowhere}`,
      'match from any for any action "on"',
    ],
  });
  await daemon.start();
  return { daemon, port };
}

/** Resolves with the one envelope that the daemon has then, field by field, and its message. */
async function queued(
  daemon: KillableDaemon,
): Promise<{ readonly fields: ReadonlyMap<string, string>; readonly message: string }> {
  const list = async (): Promise<string> => (await daemon.smtpctl("show", "queue")).output;
  await until(async () => /^[0-9a-f]{16}\|/u.test(await list()), `envelope\n${daemon.logEnd}`);
  const evpid = (await list()).slice(0, 16);
  const { output } = await daemon.smtpctl("show", "envelope", evpid);
  const pairs = output.split("\n").map((line) => line.split(/: (.*)/su).slice(0, 2));
  const { output: message } = await daemon.smtpctl("show", "message", evpid);
  return { fields: new Map(pairs as [string, string][]), message };
}

/** `recipient` is the original one, as smtpctl writes it. */
function assertAsked(fields: ReadonlyMap<string, string>, recipient: string): void {
  const kept = ["needs", "dsn-ret", "dsn-envid", "dsn-notify", "dsn-orcpt"].map((name) => [
    name,
    fields.get(name),
  ]);
  assert.deepEqual(kept, [
    ["needs", "SMTPUTF8"],
    ["dsn-ret", "headers"],
    ["dsn-envid", "job+2B7"],
    ["dsn-notify", "failure,delay"],
    ["dsn-orcpt", `utf-8;${recipient}@in.example`],
  ]);
}

function assertWhole(message: string): void {
  assert.match(message, /\r\nSubject: grüße\r\n/u);
  assert.equal(message.slice(message.indexOf("\r\n\r\n")), `\r\n\r\n${BODY}`);
}

test("Postfix relays with PIPELINING, SMTPUTF8 and DSN", {
  skip: unstartable || unlessInstalled(MASTER),
}, async () => {
  await using scratch = new Scratch();
  const { daemon, port } = await start(scratch);
  const relay = await startPostfix(scratch, port);
  using session = await SmtpSession.open({ host: "127.0.0.1", port: relay.port });
  for (const [line, code] of [
    ["EHLO client.example", "250"],
    [ASKED.mail, "250"],
    [ASKED.rcpt, "250"],
    ["DATA", "354"],
    [`${MESSAGE.replaceAll(/^\./gmu, "..")}.`, "250"],
  ] as const)
    assert.equal((await session.say(line)).slice(0, 3), code, line);
  const { fields, message } = await queued(daemon);
  // RFC 6533 §3 has two ways to write it; Postfix takes the one that is ASCII.
  assertAsked(fields, String.raw`\\x{7528}\\x{6237}`);
  assertWhole(message);
  assert.match(message, /^Received: from relay\.client\.example \(.*\r\n.* with UTF8SMTP id /u);
  await until(() => relay.log().includes("Using ESMTP PIPELINING"), "word of pipelining");
});

/** An instance of its own that takes mail for everybody on a port and hands it on to us. */
async function startPostfix(
  scratch: Scratch,
  next: number,
): Promise<{ readonly port: number; readonly log: () => string }> {
  const folder = `${scratch.folder}/postfix`;
  const port = await freePort();
  for (const name of ["", "/etc", "/queue", "/data"]) mkdirSync(`${folder}${name}`);
  assert.equal((await run(["chown", "postfix", `${folder}/data`])).code, 0);
  const main = [
    "compatibility_level = 3.6",
    `queue_directory = ${folder}/queue`,
    `data_directory = ${folder}/data`,
    `maillog_file = ${folder}/log`,
    `maillog_file_prefixes = ${folder}`,
    "debug_peer_list = 127.0.0.1",
    "myhostname = relay.client.example",
    "mydestination =",
    "mynetworks = 127.0.0.0/8",
    "inet_interfaces = 127.0.0.1",
    "inet_protocols = ipv4",
    "alias_maps =",
    "alias_database =",
    `relayhost = [127.0.0.1]:${next}`,
  ];
  const services = [
    `127.0.0.1:${port} inet n - n - - smtpd`,
    "pickup unix n - n 60 1 pickup",
    "cleanup unix n - n - 0 cleanup",
    "qmgr unix n - n 300 1 qmgr",
    "postlog unix-dgram n - n - 1 postlogd",
    service("rewrite", "-", "trivial-rewrite"),
    service("bounce", "0", "bounce"),
    service("defer", "0", "bounce"),
    service("trace", "0", "bounce"),
    service("smtp", "-", "smtp"),
    service("relay", "-", "smtp"),
    service("error", "-", "error"),
    service("retry", "-", "error"),
    service("proxymap", "-", "proxymap"),
    service("anvil", "1", "anvil"),
    service("scache", "1", "scache"),
  ];
  writeFileSync(`${folder}/etc/main.cf`, `${main.join("\n")}\n`);
  writeFileSync(`${folder}/etc/master.cf`, `${services.join("\n")}\n`);
  const checked = await run(["postfix", "-c", `${folder}/etc`, "check"]);
  assert.equal(checked.code, 0, checked.output);
  const child = spawn(MASTER, ["-c", `${folder}/etc`, "-d"], { stdio: "ignore" });
  scratch.use({
    async [Symbol.asyncDispose]() {
      const ended = endOf(child);
      child.kill("SIGTERM");
      await ended;
    },
  });
  await greeted({ host: "127.0.0.1", port });
  return { port, log: () => readFileSync(`${folder}/log`, "latin1") };
}

function service(name: string, ...rest: readonly string[]): string {
  return [name, "unix", "-", "-", "n", "-", ...rest].join(" ");
}

test("Exim relays with CHUNKING, PIPELINING, SMTPUTF8 and DSN", {
  skip: unstartable || unlessInstalled(EXIM) || (await unlessUser("Debian-exim")),
}, async () => {
  await using scratch = new Scratch();
  const { daemon, port } = await start(scratch);
  const folder = `${scratch.folder}/exim`;
  mkdirSync(folder);
  assert.equal((await run(["chown", "Debian-exim", folder])).code, 0);
  writeFileSync(`${folder}/conf`, eximConfig(folder, port));
  const lines = ["EHLO client.example", ASKED.mail, ASKED.rcpt, "DATA"];
  const session = [...lines, `${MESSAGE.replaceAll(/^\./gmu, "..")}.`, "QUIT", ""].join("\r\n");
  const { code, output } = await run([EXIM, "-C", `${folder}/conf`, "-odf", "-bs"], session);
  assert.equal(code, 0, output);
  const { fields, message } = await queued(daemon);
  assertAsked(fields, String.raw`\347\224\250\346\210\267`);
  assertWhole(message);
  assert.match(message, /^Received: from relay\.client\.example \(.*\r\n.* with UTF8SMTP id /u);
  // K: the message went by BDAT; L: the commands were pipelined.
  assert.match(readFileSync(`${folder}/log-main`, "utf8"), / => .* L K C="250 /u);
});

function eximConfig(folder: string, next: number): string {
  return `
exim_path = ${EXIM}
primary_hostname = relay.client.example
spool_directory = ${folder}/spool
log_file_path = ${folder}/log-%s
log_selector = +pipelining
dsn_advertise_hosts = *
smtputf8_advertise_hosts = *
keep_environment =
acl_smtp_rcpt = accept
acl_smtp_data = accept
begin routers
on:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
begin transports
smtp:
  driver = smtp
  port = ${next}
  allow_localhost
`;
}

async function unlessUser(name: string): Promise<string | false> {
  const { code } = await run(["getent", "passwd", name]);
  return code === 0 ? false : `the user ${name} is missing (tools/install-test-peers)`;
}
