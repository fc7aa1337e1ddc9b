/**
 * The real daemon relays over TLS: to Postfix, by each kind of policy, and to itself with
 * credentials.
 */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { certify, type CertificateRequest } from "#test/support/certificates.ts";
import { certificateFiles } from "./certificate-files.ts";
import { Daemon, unlessStartable } from "./daemon.ts";
import { freePort, until } from "./greeting.ts";
import { run } from "./peer-program.ts";
import { PostfixServer, unlessPostfix } from "./postfix-server.ts";
import { arrivals, MAIL_USER, Scratch } from "./scratch.ts";

const skip = await unlessStartable();
const SMTP = new URL("../../bin/smtp", import.meta.url).pathname;
const SMTPCTL = new URL("../../bin/smtpctl", import.meta.url).pathname;
const TEXT = "From: <a@client.example>\nSubject: onwards\n\nunder wraps\n";

const AUTHORITY = certify({ subject: "Authority", isAuthority: true });
const RIGHT: CertificateRequest = { subject: "localhost", dns: ["localhost"], issuer: AUTHORITY };

async function submit(daemon: Daemon, recipient: string): Promise<void> {
  const server = daemon.endpoints.socketPath;
  const { code, output } = await run(
    [SMTP, "-F", "a@client.example", "-s", server, recipient],
    TEXT,
  );
  assert.equal(code, 0, output);
}

/** The line of the log that tells how the delivery ended. */
async function ended(daemon: Daemon): Promise<string> {
  const line = (): string => /mta delivery .*/u.exec(daemon.log)?.[0] ?? "";
  await until(() => line() !== "", "line of the delivery in the log");
  return line();
}

interface Case {
  readonly name: string;
  /** Of the server. */
  readonly certificate?: CertificateRequest;
  readonly url?: string;
  /** Of the action. */
  readonly options?: string;
  readonly postfix?: readonly string[];
  readonly is: "Ok" | RegExp;
  readonly tells?: RegExp;
  /** What `smtpctl trace` says of the attempt. */
  readonly traced?: RegExp;
}

const CASES: readonly Case[] = [
  { name: "uses TLS with whoever offers it", is: "Ok", tells: /mta tls ciphers=TLSv1\.3:/u },
  {
    name: "speaks what its action says",
    options: 'protocols "tlsv1.2" ciphers "ECDHE-ECDSA-AES128-GCM-SHA256"',
    is: "Ok",
    tells: /mta tls ciphers=TLSv1\.2:ECDHE-ECDSA-AES128-GCM-SHA256:128/u,
    traced: / in \S+ m?s, TLSv1\.2 ECDHE-ECDSA-AES128-GCM-SHA256 not verified: /u,
  },
  {
    name: "sends in the clear where nothing is spoken that both know",
    options: 'protocols "tlsv1.2"',
    postfix: ["smtpd_tls_protocols = >=TLSv1.3"],
    is: "Ok",
    tells: /mta error reason="TLS handshake failed/u,
  },
  {
    name: "defers where TLS is required and not offered",
    options: "tls ca test",
    postfix: ["smtpd_tls_security_level = none"],
    is: /TLS is required, and the server does not offer it/u,
  },
  {
    name: "verifies by the authority",
    options: "tls ca test",
    is: "Ok",
    tells: /mta cert-check result="valid" fingerprint="SHA256:/u,
  },
  {
    name: "does not trust a certificate for another name",
    certificate: { ...RIGHT, dns: ["elsewhere.example"] },
    options: "tls ca test",
    is: /not verified: ERR_TLS_CERT_ALTNAME_INVALID/u,
  },
  {
    name: "does not trust who signed for himself",
    certificate: { subject: "localhost", dns: ["localhost"] },
    options: "tls ca test",
    is: /not verified: DEPTH_ZERO_SELF_SIGNED_CERT/u,
  },
  {
    name: "does not trust a certificate that has expired",
    certificate: { ...RIGHT, days: -1 },
    options: "tls ca test",
    is: /not verified: CERT_HAS_EXPIRED/u,
  },
  {
    name: "does not trust whom the system does not know",
    options: "tls",
    is: /not verified: UNABLE_TO_VERIFY_LEAF_SIGNATURE/u,
  },
  {
    name: "takes any certificate with 'tls no-verify'",
    certificate: { subject: "x" },
    options: "tls no-verify",
    is: "Ok",
    tells: /result="unverified"/u,
  },
  { name: "has STARTTLS with smtp+tls", url: "smtp+tls", options: "ca test", is: "Ok" },
  {
    name: "shows its own certificate",
    options: "tls ca test pki client",
    postfix: ["smtpd_tls_req_ccert = yes", "smtpd_tls_CAfile = CA"],
    is: "Ok",
  },
];

for (const {
  name,
  certificate = RIGHT,
  url = "smtp",
  options = "",
  postfix = [],
  is,
  tells,
  traced,
} of CASES) {
  test(`relay to Postfix ${name}`, { skip: skip || unlessPostfix() }, async () => {
    await using scratch = new Scratch();
    const { folder } = scratch;
    const { cert, key } = certificateFiles(scratch, "server", certify(certificate));
    const client = certificateFiles(
      scratch,
      "client",
      certify({ subject: "client", issuer: AUTHORITY }),
    );
    writeFileSync(`${folder}/ca.crt`, AUTHORITY.certificate);
    const server = await PostfixServer.start(scratch, [
      "smtpd_tls_security_level = may",
      `smtpd_tls_chain_files = ${key}, ${cert}`,
      ...postfix.map((line) => line.replace("CA", `${folder}/ca.crt`)),
    ]);
    const daemon = await Daemon.start(scratch, [
      `ca test cert "${folder}/ca.crt"`,
      client.pki,
      `action "out" relay host "${url}://localhost:${server.port}" ${options}`,
      'match from any for any action "out"',
    ]);
    await submit(daemon, "anna@in.example");
    const line = await ended(daemon);
    if (is === "Ok") {
      assert.match(line, /result="Ok"/u, daemon.log);
      const [text] = await arrivals(`${server.mail}/anna/new`, 1, "under wraps");
      assert.match(text ?? "", /Subject: onwards/u);
    } else {
      assert.match(line, /result="TempFail"/u, daemon.log);
      assert.match(line, is);
    }
    if (tells !== undefined) await until(() => tells.test(daemon.log), "line that tells");
    if (traced === undefined) return;
    const state = `${folder}/state`;
    await until(async () => {
      const { output } = await run([SMTPCTL, "--state", state, "trace", "anna@in.example"]);
      return traced.test(output);
    }, "the attempt in the trace");
  });
}

for (const [name, isPinned] of [
  ["whose key is pinned", true],
  ["whose key is not the one that is pinned", false],
] as const) {
  test(`relay ${isPinned ? "trusts" : "does not trust"} Postfix, ${name}`, {
    skip: skip || unlessPostfix(),
  }, async () => {
    await using scratch = new Scratch();
    const shown = certify({ subject: "anything" });
    const { cert, key } = certificateFiles(scratch, "server", shown);
    const server = await PostfixServer.start(scratch, [
      "smtpd_tls_security_level = may",
      `smtpd_tls_chain_files = ${key}, ${cert}`,
    ]);
    const pinned = isPinned ? shown : certify({ subject: "another" });
    const { fingerprint256 } = new X509Certificate(pinned.certificate);
    const daemon = await Daemon.start(scratch, [
      `action "out" relay host "smtp://localhost:${server.port}" tls fingerprint "${fingerprint256}"`,
      'match from any for any action "out"',
    ]);
    await submit(daemon, "anna@in.example");
    assert.match(await ended(daemon), isPinned ? /result="Ok"/u : /none of those that are known/u);
  });
}

for (const { scheme, mechanism, hash } of [
  { scheme: "smtps", mechanism: "PLAIN", hash: [] },
  { scheme: "smtp+tls", mechanism: "PLAIN", hash: [] },
  { scheme: "smtps", mechanism: "SCRAM-SHA-256", hash: ["--scram"] },
]) {
  test(`relay logs in by ${mechanism} over ${scheme}`, { skip }, async () => {
    await using scratch = new Scratch();
    await using other = new Scratch();
    const { pki } = certificateFiles(other, "localhost", certify(RIGHT));
    writeFileSync(`${scratch.folder}/ca.crt`, AUTHORITY.certificate);
    const secret = (await run([SMTPCTL, "encrypt", ...hash, "pencil"])).output.trim();
    const port = await freePort();
    const mail = other.mailFolder("mail");
    const tls = scheme === "smtps" ? "smtps" : "tls-require";
    const server = await Daemon.start(other, [
      pki,
      `table logins { "ann" = "${secret}" }`,
      `listen on 127.0.0.1 port ${port} ${tls} pki localhost auth <logins>`,
      `action "deliver" maildir "${mail}/%{dest.user}" user ${MAIL_USER}`,
      'match auth from any for any action "deliver"',
    ]);
    const daemon = await Daemon.start(scratch, [
      `ca test cert "${scratch.folder}/ca.crt"`,
      'table secrets { provider = "ann:pencil", wrong = "ann:eraser" }',
      `action "out" relay host "${scheme}://provider@localhost:${port}" auth <secrets> ca test`,
      `action "bad" relay host "${scheme}://wrong@localhost:${port}" auth <secrets> ca test`,
      'match from any for domain "bad.example" action "bad"',
      'match from any for any action "out"',
    ]);
    await submit(daemon, "anna@in.example");
    const [text] = await arrivals(`${mail}/anna/new`, 1, "under wraps");
    assert.match(text ?? "", /Subject: onwards/u);
    const login = new RegExp(`user=ann result=ok mechanism=${mechanism}`, "u");
    await until(() => login.test(server.log), "line of the login");
    await submit(daemon, "anna@bad.example");
    await until(
      () => /result="TempFail" stat="535 /u.test(daemon.log),
      "delivery that is deferred, as the server said 535",
    );
    assert.doesNotMatch(`${daemon.log}${server.log}`, /pencil|eraser|AGFubg/u);
  });
}
