/**
 * Real SMTP clients submit to the real daemon, over TCP and over a UNIX-domain socket:
 * any client that can open such a socket can submit, with no code for it on our side.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { createTransport } from "nodemailer";
import { Daemon, type Endpoints, unlessStartable } from "./daemon.ts";
import { run, unlessInstalled } from "./peer-program.ts";
import { arrivals, MAIL_USER, Scratch } from "./scratch.ts";

const unstartable = await unlessStartable();

const SMTP = new URL("../../bin/smtp", import.meta.url).pathname;
const FROM = "sender@client.example";
const TO = "anna@in.example";

/** Carries one message with this subject to the daemon; a failure is a throw. */
type Submit = (endpoints: Endpoints, subject: string) => Promise<void>;

interface Client {
  readonly name: string;
  /** The program it needs. */
  readonly program: string;
  readonly overTcp: Submit;
  readonly overSocket: Submit;
}

function message(subject: string): string {
  return `From: <${FROM}>\nTo: <${TO}>\nSubject: ${subject}\n\nHello\n.\n..dots\n`;
}

async function succeed(command: readonly string[], input?: string): Promise<void> {
  const { code, output } = await run(command, input);
  assert.equal(code, 0, `${command.join(" ")}\n${output}`);
}

function swaks(subject: string, server: readonly string[]): Promise<void> {
  const what = ["--from", FROM, "--to", TO, "--header", `Subject: ${subject}`, "--body", "Hello"];
  return succeed(["swaks", ...what, "--helo", "client.example", ...server]);
}

function smtpSource(subject: string, server: string): Promise<void> {
  return succeed(["smtp-source", "-f", FROM, "-t", TO, "-S", subject, server]);
}

function msmtp(subject: string, server: readonly string[]): Promise<void> {
  return succeed(["msmtp", "--from", FROM, ...server, TO], message(subject));
}

function smtp(subject: string, server: string): Promise<void> {
  return succeed([SMTP, "-F", FROM, "-s", server, TO], message(subject));
}

const CLIENTS: readonly Client[] = [
  {
    name: "swaks",
    program: "swaks",
    overTcp: ({ port }, subject) => swaks(subject, ["--server", "127.0.0.1", "--port", `${port}`]),
    overSocket: ({ socketPath }, subject) => swaks(subject, ["--socket", socketPath]),
  },
  {
    name: "smtp-source",
    program: "smtp-source",
    overTcp: ({ port }, subject) => smtpSource(subject, `127.0.0.1:${port}`),
    overSocket: ({ socketPath }, subject) => smtpSource(subject, `unix:${socketPath}`),
  },
  {
    name: "msmtp",
    program: "msmtp",
    overTcp: ({ port }, subject) => msmtp(subject, ["--host=127.0.0.1", `--port=${port}`]),
    overSocket: ({ socketPath }, subject) =>
      msmtp(subject, ["--host=localhost", `--socket=${socketPath}`]),
  },
  {
    name: "nodemailer",
    program: process.execPath,
    overTcp: async ({ port }, subject) => {
      const transport = createTransport({ host: "127.0.0.1", port, ignoreTLS: true });
      await transport.sendMail({ from: FROM, to: TO, subject, text: "Hello" });
      transport.close();
    },
    overSocket: async ({ socketPath }, subject) => {
      const connection = connect(socketPath);
      await once(connection, "connect");
      const transport = createTransport({ connection, ignoreTLS: true });
      await transport.sendMail({ from: FROM, to: TO, subject, text: "Hello" });
      transport.close();
    },
  },
  {
    name: "smtp(1)",
    program: SMTP,
    overTcp: ({ port }, subject) => smtp(subject, `smtp://127.0.0.1:${port}`),
    overSocket: ({ socketPath }, subject) => smtp(subject, socketPath),
  },
];

/** Delivers everything to one Maildir for each local part. */
function maildirRules(mail: string): readonly string[] {
  return [
    `action "deliver" maildir "${mail}/%{dest.user}" user ${MAIL_USER}`,
    'match from any for any action "deliver"',
  ];
}

for (const client of CLIENTS) {
  const skip = unstartable || unlessInstalled(client.program);
  test(`${client.name} submits over TCP and over a UNIX-domain socket`, { skip }, async () => {
    await using scratch = new Scratch();
    const mail = scratch.mailFolder("mail");
    const daemon = await Daemon.start(scratch, maildirRules(mail));
    await client.overTcp(daemon.endpoints, "over TCP");
    await client.overSocket(daemon.endpoints, "over a socket");
    const texts = await arrivals(`${mail}/anna/new`, 2, "");
    const subjects = texts.map((text) => /^Subject: (.*?)\r?$/m.exec(text)?.[1]);
    assert.deepEqual(new Set(subjects), new Set(["over TCP", "over a socket"]), daemon.log);
  });
}

test("nc -U gets the greeting at once", {
  skip: unstartable || unlessInstalled("nc"),
}, async () => {
  await using scratch = new Scratch();
  const daemon = await Daemon.start(scratch, maildirRules(scratch.mailFolder("mail")));
  const { output } = await run(["nc", "-U", daemon.endpoints.socketPath], "QUIT\r\n");
  assert.match(output, /^220 \S+ .*\r\n221 /);
});
