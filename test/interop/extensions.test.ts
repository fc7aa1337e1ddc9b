/**
 * Clients that we did not write use what the real daemon offers: swaks by PROXY, XCLIENT
 * and LMTP, Python's smtplib with SMTPUTF8 and DSN, and BDAT by hand.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { test } from "node:test";
import { connect as secure } from "node:tls";
import { certify } from "#test/support/certificates.ts";
import { Daemon, unlessStartable } from "./daemon.ts";
import { freePort } from "./greeting.ts";
import { run, unlessInstalled } from "./peer-program.ts";
import { arrivals, MAIL_USER, Scratch } from "./scratch.ts";

const unstartable = await unlessStartable();
const TO = "anna@in.example";

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

async function swaks(port: number, options: readonly string[]): Promise<string> {
  const server = ["--server", "127.0.0.1", "--port", `${port}`, "--helo", "client.example"];
  const what = ["--from", "sender@client.example", "--to", TO, "--body", "Hello"];
  const { code, output } = await run(["swaks", ...server, ...what, ...options]);
  assert.equal(code, 0, output);
  return output;
}

const skipSwaks = unstartable || unlessInstalled("swaks");

for (const version of ["1", "2"] as const) {
  test(`swaks speaks through version ${version} of the PROXY protocol`, {
    skip: skipSwaks,
  }, async () => {
    await using scratch = new Scratch();
    const port = await freePort();
    const word = version === "1" ? "proxy" : "proxy-v2";
    const listen = `listen on 127.0.0.1 port ${port} ${word} from { 127.0.0.1 }`;
    const { daemon, mail } = await start(scratch, listen);
    const family = version === "1" ? "TCP4" : "AF_INET";
    const source = ["--proxy-source", "198.51.100.9", "--proxy-source-port", "4025"];
    const dest = ["--proxy-dest", "192.0.2.1", "--proxy-dest-port", "25"];
    const how = ["--proxy-version", version, "--proxy-family", family, ...source, ...dest];
    const more = version === "2" ? ["--proxy-protocol", "STREAM"] : [];
    await swaks(port, [...how, ...more]);
    const [text] = await arrivals(`${mail}/anna/new`, 1, "");
    assert.match(
      text ?? "",
      /^Received: from client\.example \(\S+ \[198\.51\.100\.9\]\)/m,
      daemon.log,
    );
  });
}

test("swaks speaks for another client by XCLIENT", { skip: skipSwaks }, async () => {
  await using scratch = new Scratch();
  const port = await freePort();
  const { daemon, mail } = await start(
    scratch,
    `listen on 127.0.0.1 port ${port} xclient from { 127.0.0.1 }`,
  );
  await swaks(port, ["--xclient-addr", "198.51.100.9", "--xclient-name", "spike.example"]);
  const [text] = await arrivals(`${mail}/anna/new`, 1, "");
  assert.match(
    text ?? "",
    /^Received: from client\.example \(spike\.example \[198\.51\.100\.9\]\)/m,
    daemon.log,
  );
});

test("swaks speaks LMTP", { skip: skipSwaks }, async () => {
  await using scratch = new Scratch();
  const port = await freePort();
  const { daemon, mail } = await start(scratch, `listen on 127.0.0.1 port ${port} lmtp`);
  await swaks(port, ["--protocol", "LMTP"]);
  const [text] = await arrivals(`${mail}/anna/new`, 1, "");
  assert.match(text ?? "", / with LMTP id /, daemon.log);
});

test("TLS begins behind the header of a proxy, in the same packet, and REQUIRETLS is offered", {
  skip: unstartable || unlessInstalled("openssl"),
}, async () => {
  await using scratch = new Scratch();
  const { folder } = scratch;
  const server = certify({ subject: "localhost", dns: ["localhost"] });
  writeFileSync(`${folder}/s.crt`, server.certificate);
  writeFileSync(`${folder}/s.key`, server.key, { mode: 0o600 });
  const port = await freePort();
  const { daemon } = await start(
    scratch,
    `pki localhost cert "${folder}/s.crt" key "${folder}/s.key"\n` +
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
