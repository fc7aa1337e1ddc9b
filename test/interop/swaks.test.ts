/**
 * All that swaks can do with a server, against one daemon: TLS in its variants, each
 * mechanism of AUTH that it knows, pipelining, LMTP, PROXY, XCLIENT and sockets. What came
 * of it is in the Received field of the message.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { certify } from "#test/support/certificates.ts";
import { certificateFiles } from "./certificate-files.ts";
import { Daemon, unlessStartable } from "./daemon.ts";
import { freePort } from "./greeting.ts";
import { type Finished, run, unlessInstalled } from "./peer-program.ts";
import { arrivals, MAIL_USER, Scratch } from "./scratch.ts";

const HOST = "mx.example.org";
const PASSWORD = "correct-horse";
const skip =
  (await unlessStartable()) || unlessInstalled("swaks") || (await unlessPerlHas("Net::SSLeay"));

/** What stands behind the port of each listener. */
const LISTENERS = {
  plain: "",
  starttls: "tls pki own auth-optional <logins>",
  required: "tls-require pki own auth <logins>",
  smtps: "smtps pki own auth-optional <logins>",
  verify: "tls-require verify pki own ca clients",
  lmtp: "lmtp tls pki own auth-optional <logins>",
  proxy: "proxy from { 127.0.0.1 }",
  "proxy-v2": "proxy-v2 from { 127.0.0.1 }",
  xclient: "xclient from { 127.0.0.1 }",
} as const;
type Listener = keyof typeof LISTENERS;

const LOGIN = ["--auth-user", "ann", "--auth-password", PASSWORD];
/** With LOCAL as its command swaks 20201014 writes a header that is no header. */
const V2 = ["--proxy-version", "2", "--proxy-family", "AF_INET", "--proxy-protocol", "STREAM"];
const ENDS = [
  "--proxy-source=198.51.100.9",
  "--proxy-source-port=4025",
  "--proxy-dest=192.0.2.1",
  "--proxy-dest-port=25",
];

interface Case {
  readonly at: Listener;
  readonly options: readonly string[];
  /** In the first Received field. */
  readonly received: RegExp;
}

/** `FOLDER` stands for the scratch folder. */
const TAKEN: Readonly<Record<string, Case>> = {
  "SMTP, with HELO": { at: "plain", options: ["--protocol", "SMTP"], received: / with SMTP / },
  ESMTP: { at: "plain", options: ["--protocol", "ESMTP"], received: / with ESMTP / },
  pipelining: { at: "plain", options: ["--pipeline"], received: / with ESMTP / },
  STARTTLS: { at: "starttls", options: ["--tls"], received: / with ESMTPS .*TLSv1\.3:.*:NO\)/s },
  "STARTTLS if there is": {
    at: "starttls",
    options: ["--tls-optional"],
    received: / with ESMTPS /,
  },
  "STARTTLS if there is, and there is none": {
    at: "plain",
    options: ["--tls-optional-strict"],
    received: / with ESMTP /,
  },
  "STARTTLS, then pipelining": {
    at: "starttls",
    options: ["--tls", "--pipeline"],
    received: / with ESMTPS /,
  },
  "TLS from the first octet": {
    at: "smtps",
    options: ["--tls-on-connect"],
    received: / with ESMTPS /,
  },
  "one version and one cipher": {
    at: "starttls",
    options: [
      "--tls",
      "--tls-protocol",
      "tlsv1_2",
      "--tls-cipher",
      "ECDHE-ECDSA-CHACHA20-POLY1305",
    ],
    received: /TLSv1\.2:ECDHE-ECDSA-CHACHA20-POLY1305:256/,
  },
  "a server that it verifies by name": {
    at: "smtps",
    options: ["-tlsc", "--tls-verify", "--tls-ca-path", "FOLDER/ca.crt", "--tls-sni", HOST],
    received: / with ESMTPS /,
  },
  "a certificate of its own": {
    at: "verify",
    options: ["--tls", "--tls-cert", "FOLDER/client.crt", "--tls-key", "FOLDER/client.key"],
    received: / with ESMTPS .*:YES\)/s,
  },
  "AUTH PLAIN behind STARTTLS": {
    at: "required",
    options: ["--protocol", "ESMTPSA", "--auth", "PLAIN", ...LOGIN],
    received: / with ESMTPSA /,
  },
  "AUTH LOGIN behind STARTTLS": {
    at: "required",
    options: ["--protocol", "ESMTPSA", "--auth", "LOGIN", ...LOGIN],
    received: / with ESMTPSA /,
  },
  "AUTH that the server prefers, over TLS from the first octet": {
    at: "smtps",
    options: ["--protocol", "SSMTPA", "--auth", ...LOGIN],
    received: / with ESMTPSA /,
  },
  "AUTH if there is, and there is none": {
    at: "plain",
    options: ["--auth-optional", "PLAIN", ...LOGIN],
    received: / with ESMTP /,
  },
  "AUTH PLAIN, pipelined behind it": {
    at: "required",
    options: ["--tls", "--pipeline", "--auth", "PLAIN", ...LOGIN],
    received: / with ESMTPSA /,
  },
  LMTP: { at: "lmtp", options: ["--protocol", "LMTP"], received: / with LMTP / },
  "LMTP with TLS": { at: "lmtp", options: ["--protocol", "LMTPS"], received: / with LMTPS / },
  "LMTP with TLS and AUTH": {
    at: "lmtp",
    options: ["--protocol", "LMTPSA", "--auth", "PLAIN", ...LOGIN],
    received: / with LMTPSA /,
  },
  "PROXY version 1, in parts": {
    at: "proxy",
    options: ["--proxy-version", "1", "--proxy-family", "TCP4", ...ENDS],
    received: /\[198\.51\.100\.9\]/,
  },
  "PROXY version 1, raw": {
    at: "proxy",
    options: ["--proxy", "TCP6 2001:db8::9 2001:db8::1 4025 25"],
    received: /\[(?:IPv6:)?2001:db8::9\]/,
  },
  "PROXY version 1 of nobody": {
    at: "proxy",
    options: ["--proxy", "UNKNOWN"],
    received: /\[127\.0\.0\.1\]/,
  },
  "PROXY version 2, in parts": {
    at: "proxy-v2",
    options: [...V2, ...ENDS],
    received: /\[198\.51\.100\.9\]/,
  },
  "XCLIENT, in parts": {
    at: "xclient",
    options: ["--xclient-addr", "198.51.100.9", "--xclient-name", "spike.example"],
    received: /\(spike\.example \[198\.51\.100\.9\]\)/,
  },
  "XCLIENT, raw and in two commands": {
    at: "xclient",
    options: ["--xclient", "ADDR=198.51.100.9", "--xclient-delim", "--xclient-helo", "hi.example"],
    received: /\[198\.51\.100\.9\]/,
  },
  "XCLIENT if there is, and there is none": {
    at: "plain",
    options: ["--xclient-addr", "198.51.100.9", "--xclient-optional"],
    received: /\[127\.0\.0\.1\]/,
  },
};

const NOT_OFFERED = /Auth not attempted, requested type not available/;

interface Refusal {
  readonly at: Listener;
  readonly options: readonly string[];
  readonly says: RegExp;
  /** A module of Perl that swaks needs for it. */
  readonly module?: string;
}

const REFUSED: Readonly<Record<string, Refusal>> = {
  "AUTH CRAM-MD5, which is not offered": {
    at: "required",
    options: ["--tls", "--auth", "CRAM-MD5", ...LOGIN],
    says: NOT_OFFERED,
    module: "Digest::MD5",
  },
  "AUTH CRAM-SHA1": {
    at: "required",
    options: ["--tls", "--auth", "CRAM-SHA1", ...LOGIN],
    says: NOT_OFFERED,
    module: "Digest::SHA",
  },
  "AUTH DIGEST-MD5": {
    at: "required",
    options: ["--tls", "--auth", "DIGEST-MD5", ...LOGIN],
    says: NOT_OFFERED,
    module: "Authen::SASL",
  },
  "AUTH NTLM": {
    at: "required",
    options: ["--tls", "--auth", "NTLM", ...LOGIN],
    says: NOT_OFFERED,
    module: "Authen::NTLM",
  },
  "AUTH without TLS": {
    at: "starttls",
    options: ["--auth", "PLAIN", ...LOGIN],
    says: /did not advertise authentication/i,
  },
  "a wrong password": {
    at: "required",
    options: ["--tls", "--auth", "LOGIN", "--auth-user", "ann", "--auth-password", "x"],
    says: /535 5\.7\.8/,
  },
  "mail without STARTTLS, where it is required": { at: "verify", options: [], says: /530 5\.5\.1/ },
  "a version that is not offered": {
    at: "starttls",
    options: ["--tls", "--tls-protocol", "tlsv1_1"],
    says: /TLS startup failed/,
  },
  "no certificate, where one is asked for: it is cut off behind the handshake": {
    at: "verify",
    options: ["--tls"],
    says: / ~> EHLO client\.example\n(?!<~)/,
  },
  "XCLIENT of who is not listed": {
    at: "plain",
    options: ["--xclient-addr", "198.51.100.9", "--xclient-no-verify"],
    says: /did not advertise XCLIENT/,
  },
  "no header of a proxy": { at: "proxy", options: [], says: /closed connection|Timeout/i },
};

async function unlessPerlHas(module: string): Promise<string | false> {
  const { code } = await run(["perl", `-M${module}`, "-e", "1"]);
  return code === 0 ? false : `${module}, which swaks needs for it, is not installed`;
}

interface Scene {
  readonly daemon: Daemon;
  readonly mail: string;
  readonly swaks: (at: Listener, to: string, options: readonly string[]) => Promise<Finished>;
}

async function scene(scratch: Scratch): Promise<Scene> {
  const { folder } = scratch;
  const authority = certify({ subject: "Authority", isAuthority: true });
  const own = certify({ subject: HOST, dns: [HOST], issuer: authority });
  const client = certify({ subject: "client", issuer: authority });
  writeFileSync(`${folder}/ca.crt`, authority.certificate);
  certificateFiles(scratch, "client", client);
  const hash = (await run(["openssl", "passwd", "-6", PASSWORD])).output.trim();
  const mail = scratch.mailFolder("mail");
  const ports = new Map<string, number>();
  for (const name of Object.keys(LISTENERS)) ports.set(name, await freePort());
  const daemon = await Daemon.start(scratch, [
    certificateFiles(scratch, "own", own).pki,
    `ca clients cert "${folder}/ca.crt"`,
    `table logins { "ann" = "${hash}" }`,
    ...Object.entries(LISTENERS).map(
      ([name, options]) => `listen on 127.0.0.1 port ${ports.get(name)} ${options}`,
    ),
    `action "deliver" maildir "${mail}/%{dest.user}" user ${MAIL_USER}`,
    'match from any for any action "deliver"',
  ]);
  return {
    daemon,
    mail,
    swaks: (at, to, options) => {
      const server = ["--server", "127.0.0.1", "--helo", "client.example"];
      const what = ["--from", "sender@client.example", "--to", `${to}@in.example`];
      const asked = options.map((word) => word.replace("FOLDER", folder));
      // The port last: a protocol has one of its own.
      return run(["swaks", ...server, ...what, ...asked, "--port", `${ports.get(at)}`]);
    },
  };
}

test("swaks sends mail", { skip }, async (t) => {
  await using scratch = new Scratch();
  const { daemon, mail, swaks } = await scene(scratch);
  for (const [number, [name, { at, options, received }]] of Object.entries(TAKEN).entries()) {
    await t.test(`by ${name}`, async () => {
      const { code, output } = await swaks(at, `to${number}`, options);
      assert.equal(code, 0, `${output}\n${daemon.log.slice(-500)}`);
      const [text = ""] = await arrivals(`${mail}/to${number}/new`, 1, "");
      const field = /^Received: .*\n(?:\s.*\n)*/mu.exec(text)?.[0] ?? "";
      assert.match(field, received);
    });
  }
});

test("swaks is refused", { skip }, async (t) => {
  await using scratch = new Scratch();
  const { daemon, swaks } = await scene(scratch);
  for (const [name, { at, options, says, module }] of Object.entries(REFUSED)) {
    const missing = module === undefined ? false : await unlessPerlHas(module);
    await t.test(name, { skip: missing }, async () => {
      const { code, output } = await swaks(at, "nobody", options);
      assert.notEqual(code, 0, output);
      assert.match(output, says);
    });
  }
  assert.ok(!daemon.log.includes(PASSWORD));
});
