/**
 * Clients that we did not write use what the real daemon offers: TLS behind a proxy,
 * Python's smtplib with SMTPUTF8 and DSN, and BDAT by hand. swaks has a file of its own.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { connect as secure } from "node:tls";
import { certify } from "#test/support/certificates.ts";
import { certificateFiles } from "./certificate-files.ts";
import { Daemon, unlessStartable } from "./daemon.ts";
import { freePort } from "./greeting.ts";
import { run, unlessInstalled } from "./peer-program.ts";
import { arrivals, MAIL_USER, Scratch } from "./scratch.ts";

const unstartable = await unlessStartable();

/** The daemon with `listen` beside its usual listeners. */
async function start(scratch: Scratch, listen: string): Promise<{ daemon: Daemon; mail: string }> {
  const mail = scratch.mailFolder("mail");
  const daemon = await Daemon.start(scratch, [
    listen,
    `action "deliver" maildir "${mail}/%{dest.user}" user ${MAIL_USER}`,
    'match from any for any action "deliver"',
  ]);
  return { daemon, mail };
}

test("TLS begins behind the header of a proxy, in the same packet, and REQUIRETLS is offered", {
  skip: unstartable || unlessInstalled("openssl"),
}, async () => {
  await using scratch = new Scratch();
  const server = certify({ subject: "localhost", dns: ["localhost"] });
  const port = await freePort();
  const { daemon } = await start(
    scratch,
    `${certificateFiles(scratch, "localhost", server).pki}\n` +
      `listen on 127.0.0.1 port ${port} smtps pki localhost proxy from { 127.0.0.1 }`,
  );
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.cork();
  socket.write("PROXY TCP4 198.51.100.9 192.0.2.1 4025 465\r\n");
  const client = secure({ socket, rejectUnauthorized: false });
  setImmediate(() => socket.uncork());
  await once(client, "secureConnect");
  client.write("EHLO client.example\r\nQUIT\r\n");
  let said = "";
  for await (const bytes of client) said += bytes;
  assert.match(said, /^220 .*\r\n250-\S+ Hello client\.example \[198\.51\.100\.9\],/, daemon.log);
  assert.match(said, /\r\n250-REQUIRETLS\r\n/);
});

/** Python's smtplib, which knows SMTPUTF8 and passes options of DSN on; then BDAT by its own hand. */
const PYTHON = `
import smtplib, sys
server = smtplib.SMTP("127.0.0.1", int(sys.argv[1]), "client.example")
server.ehlo()
for word in ("dsn", "smtputf8", "chunking", "binarymime", "mt-priority", "futurerelease"):
    assert server.has_extn(word), word
text = "From: <\\u00e9@b\\u00fccher.example>\\r\\nSubject: \\u7528\\u6237\\r\\n\\r\\nHello\\r\\n".encode()
server.sendmail("\\u00e9@b\\u00fccher.example", ["anna@in.example"], text,
    ["SMTPUTF8", "BODY=8BITMIME", "RET=HDRS", "ENVID=q1"],
    ["NOTIFY=FAILURE,DELAY", "ORCPT=rfc822;anna@in.example"])
server.docmd("MAIL", "FROM:<a@client.example> BODY=BINARYMIME")
server.docmd("RCPT", "TO:<bob@in.example>")
server.send(b"BDAT 12\\r\\nSubject: b\\r\\n")
assert server.getreply()[0] == 250
server.send(b"BDAT 6 LAST\\r\\n\\r\\na\\n\\0b")
code, words = server.getreply()
assert code == 250, words
server.quit()
`;

test("Python's smtplib uses SMTPUTF8 and DSN, and BDAT takes octets as they are", {
  skip: unstartable || unlessInstalled("python3"),
}, async () => {
  await using scratch = new Scratch();
  const { daemon, mail } = await start(scratch, "");
  const { code, output } = await run(["python3", "-c", PYTHON, `${daemon.endpoints.port}`]);
  assert.equal(code, 0, output + daemon.log);
  const [text] = await arrivals(`${mail}/anna/new`, 1, "");
  assert.match(text ?? "", / with UTF8SMTP id /);
  assert.match(text ?? "", /^Return-Path: <\xc3\xa9@xn--bcher-kva\.example>/m);
  assert.match(text ?? "", /^Subject: \xe7\x94\xa8\xe6\x88\xb7\r?$/m);
  assert.match(text ?? "", /^Message-ID: /m);
  const [binary] = await arrivals(`${mail}/bob/new`, 1, "");
  assert.ok(binary?.endsWith("\r\n\r\na\n\0b"), JSON.stringify(binary));
});
