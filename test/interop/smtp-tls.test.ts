/** smtp(1) over TLS to the real daemon, with and without credentials. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { certify } from "#test/support/certificates.ts";
import { certificateFiles } from "./certificate-files.ts";
import { Daemon, unlessStartable } from "./daemon.ts";
import { freePort } from "./greeting.ts";
import { type Finished, run } from "./peer-program.ts";
import { MAIL_USER, Scratch } from "./scratch.ts";

const SMTP = new URL("../../bin/smtp", import.meta.url).pathname;
const SMTPCTL = new URL("../../bin/smtpctl", import.meta.url).pathname;

function send(server: string, ...options: readonly string[]): Promise<Finished> {
  const from = ["-F", "ann@client.example"];
  return run([SMTP, ...from, "-s", server, ...options, "anna@in.example"], "Subject: x\n\nx\n");
}

test("smtp(1) sends over TLS, checks the certificate and logs in", {
  skip: await unlessStartable(),
}, async () => {
  await using scratch = new Scratch();
  const { folder } = scratch;
  const authority = certify({ subject: "Authority", isAuthority: true });
  const shown = certify({ subject: "localhost", dns: ["localhost"], issuer: authority });
  writeFileSync(`${folder}/ca.crt`, authority.certificate);
  writeFileSync(`${folder}/login`, "ann\npencil\n", { mode: 0o600 });
  const secret = (await run([SMTPCTL, "encrypt", "pencil"])).output.trim();
  const ports = { submission: await freePort(), smtps: await freePort() };
  const mail = scratch.mailFolder("mail");
  const auth = "pki localhost auth <logins>";
  await Daemon.start(scratch, [
    certificateFiles(scratch, "localhost", shown).pki,
    `table logins { "ann" = "${secret}" }`,
    `listen on 127.0.0.1 port ${ports.submission} tls-require ${auth}`,
    `listen on 127.0.0.1 port ${ports.smtps} smtps ${auth}`,
    `action "deliver" maildir "${mail}/%{dest.user}" user ${MAIL_USER}`,
    'match auth from any for any action "deliver"',
  ]);
  const ca = ["-T", `cafile=${folder}/ca.crt`];
  const login = ["-a", `${folder}/login`];
  const { submission, smtps } = ports;
  for (const server of [`smtp+tls://localhost:${submission}`, `smtps://localhost:${smtps}`]) {
    const sent = await send(server, ...ca, ...login);
    assert.equal(sent.code, 0, sent.output);
    assert.match(sent.output, /anna@in\.example: EOM: 250 /u);
  }
  const unknown = await send(`smtps://localhost:${smtps}`, ...login);
  assert.equal(unknown.code, 1);
  assert.match(unknown.output, /Server certificate not verified/u);
  const waived = await send(`smtps://localhost:${smtps}`, "-C", ...login);
  assert.equal(waived.code, 0, waived.output);
  const wrong = await send(`smtps://ann:eraser@localhost:${smtps}`, ...ca);
  assert.equal(wrong.code, 1);
  assert.match(wrong.output, /535 /u);
});
