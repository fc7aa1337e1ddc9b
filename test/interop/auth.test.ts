/**
 * Real clients authenticate to the real daemon over a UNIX-domain socket, each by the
 * mechanisms that it knows, against a hash of each kind; and what the log, the queue and
 * other processes get to see of that.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createTransport } from "nodemailer";
import { connect } from "node:net";
import { Daemon, unlessStartable } from "./daemon.ts";
import { until } from "./greeting.ts";
import { type Finished, run, unlessInstalled } from "./peer-program.ts";
import { arrivals, MAIL_USER, Scratch } from "./scratch.ts";

const skip = await unlessStartable();
const SMTPCTL = new URL("../../bin/smtpctl", import.meta.url).pathname;
const PASSWORD = "correct horse, battery staple";
const FROM = "ann@client.example";
const TO = "anna@in.example";

async function lineOf(command: readonly string[], input?: string): Promise<string> {
  const { code, output } = await run(command, input);
  assert.equal(code, 0, `${command.join(" ")}\n${output}`);
  return output.trim();
}

/** Users whose names say how their password is kept. */
async function users(): Promise<ReadonlyMap<string, string>> {
  const openssl = (kind: string): Promise<string> =>
    lineOf(["openssl", "passwd", kind, "-stdin"], `${PASSWORD}\n`);
  return new Map([
    ["sha512", await openssl("-6")],
    ["sha256", await openssl("-5")],
    ["argon2id", await lineOf([SMTPCTL, "encrypt"], `${PASSWORD}\n`)],
    ["scram", await lineOf([SMTPCTL, "encrypt", "--scram"], `${PASSWORD}\n`)],
    ["clear", PASSWORD.replaceAll(" ", "-")],
  ]);
}

interface Scene {
  readonly daemon: Daemon;
  readonly mail: string;
  readonly all: string;
  /** Where every user has a SCRAM verifier. */
  readonly scram: string;
}

async function scene(scratch: Scratch): Promise<Scene> {
  const all = `${scratch.folder}/all.sock`;
  const scram = `${scratch.folder}/scram.sock`;
  const mail = scratch.mailFolder("mail");
  const known = await users();
  const inline = (names: readonly string[]): string =>
    names.map((name) => `"${name}" = "${known.get(name)}"`).join(", ");
  const daemon = await Daemon.start(scratch, [
    `table all { ${inline([...known.keys()])} }`,
    `table verifiers { ${inline(["scram"])} }`,
    `listen on socket "${all}" auth <all>`,
    `listen on socket "${scram}" auth <verifiers>`,
    `action "deliver" maildir "${mail}/%{dest.user}" user ${MAIL_USER}`,
    'match from auth for any action "deliver"',
  ]);
  return { daemon, mail, all, scram };
}

/** Lines are gathered before they are written. */
function logged(daemon: Daemon, text: string): Promise<void> {
  return until(() => daemon.log.includes(text), `log line: ${text}`);
}

function swaks(
  socket: string,
  mechanism: string,
  user: string,
  password: string,
): Promise<Finished> {
  const login = ["--auth", mechanism, "--auth-user", user, "--auth-password", password];
  const who = ["--from", FROM, "--to", TO, "--helo", "client.example"];
  return run(["swaks", "--socket", socket, ...who, ...login]);
}

function msmtp(
  socket: string,
  mechanism: string,
  user: string,
  password: string,
): Promise<Finished> {
  const login = [`--auth=${mechanism}`, `--user=${user}`, `--passwordeval=echo '${password}'`];
  const where = [`--socket=${socket}`, "--host=localhost", "--tls=off", "--file=/dev/null"];
  const command = ["msmtp", ...where, ...login, `--from=${FROM}`, TO];
  return run(command, `From: ${FROM}\nSubject: msmtp\n\nHello\n`);
}

test("swaks logs in with each kind of hash", {
  skip: skip || unlessInstalled("swaks"),
}, async () => {
  await using scratch = new Scratch();
  const { daemon, mail, all } = await scene(scratch);
  let sent = 0;
  for (const user of ["sha512", "sha256", "argon2id", "scram"]) {
    for (const mechanism of ["PLAIN", "LOGIN"]) {
      const { code, output } = await swaks(all, mechanism, user, PASSWORD);
      assert.equal(code, 0, output);
      sent++;
    }
  }
  assert.equal((await arrivals(`${mail}/anna/new`, sent, `From: ${FROM}`)).length, sent);
  const wrong = await swaks(all, "PLAIN", "sha512", "wrong");
  const nobody = await swaks(all, "PLAIN", "nobody", "wrong");
  const clear = await swaks(all, "PLAIN", "clear", PASSWORD.replaceAll(" ", "-"));
  for (const { code, output } of [wrong, nobody, clear]) {
    assert.notEqual(code, 0);
    assert.match(output, /535 5\.7\.8 Authentication failed/u);
  }
  await logged(daemon, "smtp authentication user=argon2id result=ok mechanism=LOGIN");
  await logged(daemon, "smtp authentication user=nobody result=permfail mechanism=PLAIN");
  await logged(daemon, "warn: table all: clear cannot authenticate: its password is not hashed");
  // AUTH-12: nothing of a password is in the log, in any form.
  for (const secret of [PASSWORD, PASSWORD.replaceAll(" ", "-")]) {
    assert.ok(!daemon.log.includes(secret));
    assert.ok(!daemon.log.includes(Buffer.from(secret).toString("base64").slice(0, 12)));
  }
});

test("msmtp proves with SCRAM-SHA-256", {
  skip: skip || unlessInstalled("msmtp"),
}, async () => {
  await using scratch = new Scratch();
  const { daemon, mail, scram } = await scene(scratch);
  const { code, output } = await msmtp(scram, "scram-sha-256", "scram", PASSWORD);
  assert.equal(code, 0, output);
  assert.equal((await arrivals(`${mail}/anna/new`, 1, `From: ${FROM}`)).length, 1);
  assert.notEqual((await msmtp(scram, "scram-sha-256", "scram", "wrong")).code, 0);
  assert.notEqual((await msmtp(scram, "scram-sha-256", "nobody", PASSWORD)).code, 0);
  await logged(daemon, "smtp authentication user=scram result=ok mechanism=SCRAM-SHA-256");
  await logged(daemon, "smtp authentication user=nobody result=permfail mechanism=SCRAM-SHA-256");
});

test("nodemailer logs in", { skip }, async () => {
  await using scratch = new Scratch();
  const { mail, all } = await scene(scratch);
  const socket = connect(all);
  const transport = createTransport({
    connection: socket,
    host: "localhost",
    secure: false,
    ignoreTLS: true,
    auth: { user: "argon2id", pass: PASSWORD },
  });
  await transport.sendMail({ from: FROM, to: TO, subject: "nodemailer", text: "Hello" });
  transport.close();
  assert.equal((await arrivals(`${mail}/anna/new`, 1, `From: ${FROM}`)).length, 1);
});

test("who does not authenticate sends nothing", {
  skip: skip || unlessInstalled("swaks"),
}, async () => {
  await using scratch = new Scratch();
  const { all } = await scene(scratch);
  const { code, output } = await run(["swaks", "--socket", all, "--from", FROM, "--to", TO]);
  assert.notEqual(code, 0);
  assert.match(output, /530 5\.5\.1 Invalid command: Must issue an AUTH command first/u);
});
