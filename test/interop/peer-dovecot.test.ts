/**
 * The real daemon hands mail to Dovecot by LMTP, over TCP and over a UNIX-domain socket: each
 * recipient has a result of its own. And Dovecot, as a proxy, hands it back by LMTP.
 */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Daemon, unlessStartable } from "./daemon.ts";
import { freePort } from "./greeting.ts";
import { type Dovecot, startDovecot, unlessDovecot } from "./peer-dovecot.ts";
import { arrived, type Letter, letter, reported } from "./peer-letter.ts";
import { Wire } from "./peer-wire.ts";
import { MAIL_USER, Scratch } from "./scratch.ts";
import { SmtpSession } from "./smtp-session.ts";

interface Setting {
  readonly daemon: Daemon;
  readonly dovecot: Dovecot;
  /** Of what the daemon keeps: reports, and what a proxy brought back. */
  readonly box: string;
  /** Between the daemon and Dovecot's port. */
  readonly wire: Wire;
}

/** By domain: how mail goes to Dovecot. */
const WAYS = {
  "tcp.example": (at) => `lmtp "127.0.0.1:${at.wire.port}" rcpt-to`,
  "named.example": (at) => `lmtp "127.0.0.1:${at.wire.port}"`,
  "socket.example": (at) => `lmtp "${at.dovecot.socketPath}" rcpt-to`,
  "relay.example": (at) => `relay host "lmtp://127.0.0.1:${at.wire.port}"`,
  "relay-socket.example": (at) => `relay host "lmtp:${at.dovecot.socketPath}"`,
} as const satisfies Readonly<Record<string, (at: Pick<Setting, "dovecot" | "wire">) => string>>;

/** Beyond 1 MiB, from which on Postrider uses chunks. */
const CHUNKED_LINES = 12_000;

async function start(scratch: Scratch): Promise<Setting> {
  const wire = await Wire.open(scratch);
  const back = await freePort();
  const dovecot = await startDovecot(scratch, back);
  wire.leadTo(dovecot.port);
  const box = `${scratch.mailFolder("mail")}/box`;
  const ways = Object.entries(WAYS);
  const daemon = await Daemon.start(scratch, [
    `listen on 127.0.0.1 port ${back} lmtp tag BACK`,
    `action "keep" maildir "${box}" user ${MAIL_USER}`,
    ...ways.map(([domain, way]) => {
      const to = way({ dovecot, wire });
      return `action "${domain}" ${to}${to.startsWith("lmtp") ? ` user ${MAIL_USER}` : ""}`;
    }),
    'match tag BACK from any for any action "keep"',
    ...ways.map(([domain]) => `match from any for domain "${domain}" action "${domain}"`),
    'match from any for any action "keep"',
  ]);
  return { daemon, dovecot, box, wire };
}

/** Gives `sent` to the daemon, in one transaction. `rcpt`: what is asked for each recipient. */
async function give(
  { daemon }: Setting,
  sent: Letter,
  recipients: readonly string[],
  rcpt = "",
): Promise<void> {
  using session = await SmtpSession.open({ path: daemon.endpoints.socketPath });
  const lines = [
    "EHLO client.example",
    "MAIL FROM:<ann@sender.example> BODY=8BITMIME",
    ...recipients.map((recipient) => `RCPT TO:<${recipient}>${rcpt}`),
  ];
  for (const line of lines) assert.match(await session.say(line), /^250[ -]/u, line);
  assert.match(await session.say("DATA"), /^354 /u);
  session.sendOctets(Buffer.from(sent.text.replaceAll(/^\./gmu, ".."), "latin1"));
  session.send(".\r\n");
  assert.match(await session.reply(), /^250 /u);
}

const CHECKS: Readonly<Record<string, (setting: Setting) => Promise<void>>> = {
  "three recipients over TCP, of whom one is unknown": async (setting) => {
    const sent = letter();
    const users = ["anna", "nobody-of-this-name", "berta"];
    await give(
      setting,
      sent,
      users.map((user) => `${user}@tcp.example`),
    );
    for (const user of ["anna", "berta"]) await arrived(setting.dovecot.box(user), sent);
    const report = await reported(setting.box, sent);
    assert.match(
      report,
      /\nFinal-Recipient: .*nobody-of-this-name@tcp\.example\nAction: failed\n/u,
    );
    assert.match(report, /\nStatus: 5\.1\.1\n/u);
  },
  "three recipients over a UNIX-domain socket, of whom one is over quota": async (setting) => {
    const sent = letter();
    const users = ["anna", "full", "berta"];
    await give(
      setting,
      sent,
      users.map((user) => `${user}@socket.example`),
    );
    for (const user of ["anna", "berta"]) await arrived(setting.dovecot.box(user), sent);
    const report = await reported(setting.box, sent);
    assert.match(report, /\nFinal-Recipient: .*full@socket\.example\nAction: failed\n/u);
    assert.match(report, /\nStatus: 5\.2\.2\n/u);
    assert.match(report, /Quota exceeded/u);
  },
  "the name of the user alone is given without rcpt-to": async (setting) => {
    const sent = letter();
    const mark = setting.wire.mark();
    await give(setting, sent, ["carla@named.example"]);
    await arrived(setting.dovecot.box("carla"), sent);
    assert.match(setting.wire.said("client", mark).join(""), /^RCPT TO:<carla>/mu);
  },
  "commands are pipelined, and a connection serves two messages": async (setting) => {
    const [first, second] = [letter(), letter()];
    const mark = setting.wire.mark();
    for (const sent of [first, second])
      await give(setting, sent, ["anna@tcp.example", "carla@tcp.example"]);
    for (const sent of [first, second]) await arrived(setting.dovecot.box("carla"), sent);
    assert.match(
      setting.wire.said("client", mark).join("--"),
      /^MAIL FROM:.*\r\nRCPT TO:<anna@tcp\.example>.*\r\nRCPT TO:<carla@tcp\.example>/mu,
    );
    const talk = setting.wire.talkOf(`Subject: ${first.subject}`);
    assert.ok(talk !== undefined && talk === setting.wire.talkOf(`Subject: ${second.subject}`));
  },
  "octets beyond ASCII, and a large text in chunks": async (setting) => {
    const line = "z".repeat(90).concat("\xff\r\n");
    const sent = letter(line.repeat(CHUNKED_LINES));
    const mark = setting.wire.mark();
    await give(setting, sent, ["berta@tcp.example"]);
    await arrived(setting.dovecot.box("berta"), sent);
    const client = setting.wire.said("client", mark).join("\n");
    assert.match(client, /^MAIL FROM:<.* BODY=8BITMIME/mu);
    assert.match(client, /^BDAT \d+/mu);
  },
  "a relay action speaks LMTP too, over both": async (setting) => {
    for (const domain of ["relay.example", "relay-socket.example"]) {
      const sent = letter();
      await give(setting, sent, [`carla@${domain}`], " NOTIFY=SUCCESS");
      await arrived(setting.dovecot.box("carla"), sent);
      // RFC 3461 §5.2.3: Dovecot does not know of DSN, so more than this is not known.
      assert.match(await reported(setting.box, sent), /\nAction: relayed\n/u);
    }
  },
  "Dovecot hands mail on by LMTP as a proxy": async (setting) => {
    const sent = letter();
    await give(setting, sent, ["away@tcp.example"]);
    await arrived(setting.box, sent);
  },
};

test("Dovecot takes mail by LMTP", {
  skip: (await unlessStartable()) || unlessDovecot(),
}, async (t: TestContext) => {
  await using scratch = new Scratch();
  const setting = await start(scratch);
  for (const [name, check] of Object.entries(CHECKS)) await t.test(name, () => check(setting));
});
