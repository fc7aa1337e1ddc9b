/**
 * Authentication inside TLS, on a port as submission has it: what is offered before and
 * after STARTTLS; SCRAM bound to the connection; a certificate in place of a password.
 */
import assert from "node:assert/strict";
import { createHash, createHmac, pbkdf2Sync, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { connect as secure, type ConnectionOptions, type TLSSocket } from "node:tls";
import { test } from "node:test";
import { createTransport } from "nodemailer";
import { certify } from "#test/support/certificates.ts";
import { certificateFiles } from "./certificate-files.ts";
import { Daemon, unlessStartable } from "./daemon.ts";
import { freePort } from "./greeting.ts";
import { run, unlessInstalled } from "./peer-program.ts";
import { arrivals, MAIL_USER, Scratch } from "./scratch.ts";

const skip = (await unlessStartable()) || unlessInstalled("openssl");
const SMTPCTL = new URL("../../bin/smtpctl", import.meta.url).pathname;
const PASSWORD = "pencil";
const FROM = "ann@client.example";
const TO = "anna@in.example";

interface Scene {
  readonly port: number;
  /** Where a client shows a certificate. */
  readonly verifyPort: number;
  readonly mail: string;
  readonly client: { readonly cert: string; readonly key: string };
}

async function scene(scratch: Scratch): Promise<Scene> {
  const { folder } = scratch;
  const authority = certify({ subject: "Authority", isAuthority: true });
  const server = certify({ subject: "localhost", dns: ["localhost"], issuer: authority });
  const client = certify({ subject: "client", issuer: authority });
  writeFileSync(`${folder}/ca.crt`, authority.certificate);
  const verifier = (await run([SMTPCTL, "encrypt", "--scram", PASSWORD])).output.trim();
  const fingerprint = new X509Certificate(client.certificate).fingerprint256.replaceAll(":", "");
  const port = await freePort();
  const verifyPort = await freePort();
  const mail = scratch.mailFolder("mail");
  await Daemon.start(scratch, [
    certificateFiles(scratch, "localhost", server).pki,
    `ca clients cert "${folder}/ca.crt"`,
    `table logins { "ann" = "${verifier}" }`,
    `table machines { "printer" = "CERT-SHA256$${fingerprint}" }`,
    `listen on 127.0.0.1 port ${port} tls-require pki localhost auth <logins>`,
    `listen on 127.0.0.1 port ${verifyPort} tls-require verify pki localhost ca clients auth <machines>`,
    `action "deliver" maildir "${mail}/%{dest.user}" user ${MAIL_USER}`,
    'match from auth for any action "deliver"',
  ]);
  return { port, verifyPort, mail, client: { cert: client.certificate, key: client.key } };
}

/** A client that reads replies whole. */
class Client {
  #socket: Socket | TLSSocket;
  #received = "";

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  static async connect(port: number): Promise<Client> {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    const client = new Client(socket);
    await client.reply();
    return client;
  }

  #listen(): void {
    this.#socket.on("data", (bytes: Buffer) => (this.#received += bytes.toString("latin1")));
  }

  async say(line: string): Promise<string> {
    this.#socket.write(`${line}\r\n`);
    return this.reply();
  }

  async reply(): Promise<string> {
    for (;;) {
      const whole = /^(?:\d{3}-.*\r\n)*\d{3} .*\r\n/u.exec(this.#received)?.[0];
      if (whole !== undefined) {
        this.#received = this.#received.slice(whole.length);
        return whole.trimEnd();
      }
      await once(this.#socket, "data");
    }
  }

  async startTls(options: ConnectionOptions): Promise<TLSSocket> {
    assert.match(await this.say("STARTTLS"), /^220 /u);
    this.#socket.removeAllListeners("data");
    const tls = secure({ socket: this.#socket, rejectUnauthorized: false, ...options });
    await once(tls, "secureConnect");
    this.#socket = tls;
    this.#listen();
    return tls;
  }

  leave(): void {
    this.#socket.destroy();
  }
}

const base64 = (text: string | Uint8Array): string => Buffer.from(text).toString("base64");
const fromBase64 = (text: string): string => Buffer.from(text, "base64").toString("utf8");

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

/** RFC 5802 §3, as a client; returns the last reply. */
async function scramPlus(client: Client, binding: Uint8Array): Promise<string> {
  const header = "p=tls-exporter,,";
  const bare = "n=ann,r=fyko+d2lbbFgONRv9qkxdawL";
  const challenge = await client.say(`AUTH SCRAM-SHA-256-PLUS ${base64(header + bare)}`);
  const serverFirst = fromBase64(challenge.slice(4));
  const [, nonce = "", salt = "", iterations = ""] =
    /^r=(.*),s=(.*),i=(\d+)$/u.exec(serverFirst) ?? [];
  const bound = base64(Buffer.concat([Buffer.from(header), binding]));
  const withoutProof = `c=${bound},r=${nonce}`;
  const authMessage = `${bare},${serverFirst},${withoutProof}`;
  const salted = pbkdf2Sync(
    PASSWORD,
    Buffer.from(salt, "base64"),
    Number(iterations),
    32,
    "sha256",
  );
  const clientKey = hmac(salted, "Client Key");
  const signature = hmac(createHash("sha256").update(clientKey).digest(), authMessage);
  const proof = clientKey.map((byte, at) => byte ^ (signature[at] ?? 0));
  const answer = await client.say(base64(`${withoutProof},p=${base64(proof)}`));
  if (!answer.startsWith("334 ")) return answer;
  const expected = `v=${base64(hmac(hmac(salted, "Server Key"), authMessage))}`;
  assert.equal(fromBase64(answer.slice(4)), expected, "the server knows the user");
  return client.say("");
}

test("AUTH is offered inside TLS alone, and what it is bound to is this connection", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const { port } = await scene(scratch);
  for (const [isOurs, code] of [
    [true, "235"],
    [false, "535"],
  ] as const) {
    const client = await Client.connect(port);
    assert.doesNotMatch(await client.say("EHLO client.example"), /AUTH/u);
    assert.match(await client.say(`AUTH PLAIN ${base64(`\0ann\0${PASSWORD}`)}`), /^503 /u);
    const tls = await client.startTls({});
    assert.match(
      await client.say("EHLO client.example"),
      /^250-AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN\r?$/mu,
    );
    assert.match(await client.say("MAIL FROM:<a@b.example>"), /^530 .*AUTH/u);
    const exported = tls.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0));
    const last = await scramPlus(client, isOurs ? exported : Buffer.alloc(32));
    assert.equal(last.slice(0, 3), code);
    client.leave();
  }
});

test("msmtp and nodemailer log in behind STARTTLS", {
  skip: skip || unlessInstalled("msmtp"),
}, async () => {
  await using scratch = new Scratch();
  const { port, mail } = await scene(scratch);
  const msmtp = await run(
    [
      "msmtp",
      "--file=/dev/null",
      "--host=127.0.0.1",
      `--port=${port}`,
      "--tls=on",
      "--tls-starttls=on",
      "--tls-certcheck=off",
      "--auth=scram-sha-256",
      "--user=ann",
      `--passwordeval=echo ${PASSWORD}`,
      `--from=${FROM}`,
      TO,
    ],
    `From: ${FROM}\nSubject: msmtp\n\nHello\n`,
  );
  assert.equal(msmtp.code, 0, msmtp.output);
  const transport = createTransport({
    host: "127.0.0.1",
    port,
    requireTLS: true,
    tls: { rejectUnauthorized: false },
    auth: { user: "ann", pass: PASSWORD },
  });
  await transport.sendMail({ from: FROM, to: TO, subject: "nodemailer", text: "Hello" });
  transport.close();
  assert.equal((await arrivals(`${mail}/anna/new`, 2, `From: ${FROM}`)).length, 2);
});

test("a certificate that a table has stands for its user, and for no other", { skip }, async () => {
  await using scratch = new Scratch();
  const { verifyPort, client: shown } = await scene(scratch);
  const client = await Client.connect(verifyPort);
  await client.say("EHLO client.example");
  await client.startTls(shown);
  assert.match(await client.say("EHLO client.example"), /^250-AUTH EXTERNAL PLAIN LOGIN\r?$/mu);
  assert.match(await client.say(`AUTH EXTERNAL ${base64("admin")}`), /^535 /u);
  assert.match(await client.say("AUTH EXTERNAL ="), /^501 /u);
  assert.match(await client.say(`AUTH EXTERNAL ${base64("printer")}`), /^235 /u);
  assert.match(await client.say("MAIL FROM:<printer@client.example>"), /^250 /u);
  client.leave();
});
