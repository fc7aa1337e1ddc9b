/**
 * Clients that others wrote show tokens to the real daemon, which asks an issuer about them
 * over HTTPS, as the process `lookup` may; and what the log gets to see of that.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { createTransport } from "nodemailer";
import { certify } from "#test/support/certificates.ts";
import { certificateFiles } from "./certificate-files.ts";
import { Daemon, unlessStartable } from "./daemon.ts";
import { freePort, until } from "./greeting.ts";
import { type Finished, run, unlessInstalled } from "./peer-program.ts";
import { arrivals, MAIL_USER, Scratch } from "./scratch.ts";

const skip = (await unlessStartable()) || unlessInstalled("openssl");
const TOKEN = `goodToken-${"k7Q".repeat(900)}`;
const SECRET = "the-daemon's own secret";
const USER = "ann@in.example";
const FROM = "ann@client.example";
const TO = "anna@in.example";

/** Knows one token; whoever asks must show who it is. */
class Issuer implements AsyncDisposable {
  readonly asked: string[] = [];
  readonly #server: Server;

  constructor(tls: { readonly cert: string; readonly key: string }) {
    this.#server = createServer(tls, (request, response) => void this.#answer(request, response));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const token = new URLSearchParams(await text(request)).get("token") ?? "";
    this.asked.push(token);
    const who = Buffer.from(`mail:${encodeURIComponent(SECRET)}`.replace("'", "%27"));
    const isKnown = request.headers.authorization === `Basic ${who.toString("base64")}`;
    const answer = { active: token === TOKEN, scope: "openid smtp", email: USER };
    response.writeHead(isKnown ? 200 : 401).end(JSON.stringify(answer));
  }

  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `https://localhost:${(this.#server.address() as AddressInfo).port}/introspect`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => void this.#server.close(resolve));
  }
}

interface Scene {
  readonly daemon: Daemon;
  readonly issuer: Issuer;
  readonly mail: string;
  readonly socket: string;
  readonly port: number;
  readonly authority: string;
}

async function scene(
  scratch: Scratch,
  changed: (rule: string) => string = (rule) => rule,
): Promise<Scene> {
  const { folder } = scratch;
  const authority = certify({ subject: "Authority", isAuthority: true });
  const { certificate, key } = certify({
    subject: "localhost",
    dns: ["localhost"],
    issuer: authority,
  });
  writeFileSync(`${folder}/ca.crt`, authority.certificate);
  // Of the daemon's processes the parent alone can read it.
  writeFileSync(`${folder}/secret`, `${SECRET}\n`, { mode: 0o600 });
  const issuer = scratch.use(new Issuer({ cert: certificate, key }));
  const url = await issuer.listen();
  const socket = `${folder}/tokens.sock`;
  const port = await freePort();
  const mail = scratch.mailFolder("mail");
  const rules = [
    'table none { "nobody" = "$6$salt$hash" }',
    `ca id.example cert "${folder}/ca.crt"`,
    certificateFiles(scratch, "localhost", { certificate, key }).pki,
    `oauth corp introspect "${url}" client mail secret "${folder}/secret" scope "smtp" claim email ca id.example`,
    `listen on socket "${socket}" auth oauth corp`,
    `listen on 127.0.0.1 port ${port} tls-require pki localhost auth oauth corp`,
    `action "deliver" maildir "${mail}/%{dest.user}" user ${MAIL_USER}`,
    'match from auth for any action "deliver"',
  ];
  const daemon = await Daemon.start(scratch, rules.map(changed));
  return { daemon, issuer, mail, socket, port, authority: `${folder}/ca.crt` };
}

function logged(daemon: Daemon, line: string): Promise<void> {
  return until(() => daemon.log.includes(line), `log line: ${line}`);
}

function msmtp({ socket }: Scene, mechanism: string, token: string): Promise<Finished> {
  const login = [`--auth=${mechanism}`, `--user=${USER}`, `--passwordeval=echo '${token}'`];
  const where = [`--socket=${socket}`, "--host=localhost", "--tls=off", "--file=/dev/null"];
  const command = ["msmtp", ...where, ...login, `--from=${FROM}`, TO];
  return run(command, `From: ${FROM}\nSubject: msmtp\n\nHello\n`);
}

function curl({ port, authority }: Scene, token: string): Promise<Finished> {
  const tls = ["--ssl-reqd", "--cacert", authority];
  const login = ["--user", USER, "--oauth2-bearer", token];
  const mail = ["--mail-from", FROM, "--mail-rcpt", TO, "--upload-file", "-"];
  const command = ["curl", "--silent", "--show-error", "--verbose", ...tls, ...login, ...mail];
  return run([...command, `smtp://localhost:${port}`], `From: ${FROM}\r\n\r\nHello\r\n`);
}

async function nodemailer({ socket }: Scene, accessToken: string): Promise<void> {
  const transport = createTransport({
    connection: connect(socket),
    host: "localhost",
    secure: false,
    ignoreTLS: true,
    auth: { type: "OAuth2", user: USER, accessToken },
  });
  try {
    await transport.sendMail({ from: FROM, to: TO, subject: "nodemailer", text: "Hello" });
  } finally {
    transport.close();
  }
}

/** AUTH-12: nothing of a token, or of what we show the issuer, is in the log. */
function assertUnlogged({ log }: Daemon, token: string): void {
  for (const secret of [
    token.slice(0, 12),
    SECRET,
    Buffer.from(USER).toString("base64").slice(4, 16),
  ])
    assert.ok(!log.includes(secret), secret);
}

test("curl shows a token by OAUTHBEARER inside TLS", {
  skip: skip || unlessInstalled("curl"),
}, async () => {
  await using scratch = new Scratch();
  const stage = await scene(scratch);
  const { code, output } = await curl(stage, TOKEN);
  assert.equal(code, 0, output);
  assert.equal((await arrivals(`${stage.mail}/anna/new`, 1, `From: ${FROM}`)).length, 1);
  assert.notEqual((await curl(stage, "stolenToken")).code, 0);
  assert.deepEqual(stage.issuer.asked, [TOKEN, "stolenToken"]);
  const who = `user=${USER} result`;
  await logged(stage.daemon, `smtp authentication ${who}=ok mechanism=OAUTHBEARER`);
  await logged(stage.daemon, `smtp authentication ${who}=permfail mechanism=OAUTHBEARER`);
  assertUnlogged(stage.daemon, TOKEN);
  assertUnlogged(stage.daemon, "stolenToken");
});

test("nodemailer shows a token, and what was learnt of it is believed for a while", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const stage = await scene(scratch);
  await nodemailer(stage, TOKEN);
  await nodemailer(stage, TOKEN);
  assert.equal((await arrivals(`${stage.mail}/anna/new`, 2, `From: ${FROM}`)).length, 2);
  await assert.rejects(nodemailer(stage, "stolenToken"), /535/u);
  // It tries twice, and a no is not remembered.
  assert.deepEqual(new Set(stage.issuer.asked), new Set([TOKEN, "stolenToken"]));
  assert.equal(stage.issuer.asked.indexOf("stolenToken"), 1);
  await logged(stage.daemon, `smtp authentication user=${USER} result=ok mechanism=XOAUTH2`);
  assertUnlogged(stage.daemon, TOKEN);
});

test("a reload that brings an issuer has lookup started anew, with the network", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const stage = await scene(scratch, (rule) => rule.replaceAll("auth oauth corp", "auth <none>"));
  await assert.rejects(nodemailer(stage, TOKEN));
  const file = `${scratch.folder}/smtpd.conf`;
  const before = readFileSync(file, "utf8");
  writeFileSync(file, before.replaceAll("auth <none>", "auth oauth corp"));
  process.kill(stage.daemon.pid, "SIGHUP");
  await until(
    () =>
      nodemailer(stage, TOKEN).then(
        () => true,
        () => false,
      ),
    "client that gets in with a token",
  );
  assert.deepEqual(stage.issuer.asked, [TOKEN]);
});

test("msmtp shows a token by each mechanism that it knows", {
  skip: skip || unlessInstalled("msmtp"),
}, async () => {
  await using scratch = new Scratch();
  const stage = await scene(scratch);
  for (const mechanism of ["oauthbearer", "xoauth2"]) {
    const { code, output } = await msmtp(stage, mechanism, "goodToken-short");
    assert.notEqual(code, 0, output);
    assert.match(output, /535|authentication failed/iu);
  }
  await stage.issuer[Symbol.asyncDispose]();
  const { code, output } = await msmtp(stage, "oauthbearer", "another");
  assert.notEqual(code, 0);
  assert.match(output, /454/u);
  await logged(stage.daemon, "warn: authentication: oauth corp: ");
});
