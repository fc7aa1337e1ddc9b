/**
 * What one mail server is seen to do with another one, for each row of the matrix. What
 * went between them is seen on the wire, and what came of it in the mailboxes: every
 * message octet by octet, but for what each hop may add above it.
 */
import assert from "node:assert/strict";
import { until } from "./greeting.ts";
import { arrived, type Letter, letter, reported } from "./peer-letter.ts";
import type { Row } from "./peer-matrix.ts";
import {
  type LoginWay,
  MECHANISMS,
  type Party,
  type Path,
  UNKNOWN,
  type Way,
} from "./peer-party.ts";
import type { Wire } from "./peer-wire.ts";
import { SmtpSession } from "./smtp-session.ts";

/** Beyond 1 MiB, from which on Postrider uses chunks. */
const CHUNKED_LINES = 11_000;
const SENDER = "ann@sender.example";

/** One direction. */
export interface Exchange {
  readonly from: Party;
  readonly to: Party;
  readonly path: (way: Way) => Path;
}

/** What is asked for with a letter, behind the addresses. */
interface Asked {
  readonly sender?: string;
  readonly mail?: string;
  readonly rcpt?: string;
}

/** Gives `sent` to the first server, for `users` of the way, and resolves when it is taken. */
async function give(
  { from, path }: Exchange,
  way: Way,
  sent: Letter,
  { users = ["bob"], sender = SENDER, mail = "", rcpt = "" }: Asked & { users?: readonly string[] },
): Promise<void> {
  using session = await SmtpSession.open({ host: "127.0.0.1", port: from.entrance });
  const lines = [
    "EHLO client.example",
    `MAIL FROM:<${sender}>${mail}`,
    ...users.map((user) => `RCPT TO:<${user}@${path(way).domain}>${rcpt}`),
  ];
  for (const line of lines) assert.match(await session.say(line), /^250[ -]/u, line);
  if (mail.includes("BINARYMIME")) {
    session.send(`BDAT ${sent.text.length} LAST\r\n`);
    session.sendOctets(Buffer.from(sent.text, "latin1"));
  } else {
    assert.match(await session.say("DATA"), /^354 /u);
    session.sendOctets(Buffer.from(sent.text.replaceAll(/^\./gmu, ".."), "latin1"));
    session.send(".\r\n");
  }
  assert.match(await session.reply(), /^250 /u);
  await session.say("QUIT");
}

interface Unsendable extends Asked {
  readonly sent?: Letter;
  readonly says: RegExp;
}

interface Passed {
  readonly wire: Wire;
  readonly sent: Letter;
  /** As it was kept. */
  readonly text: string;
  /** What the client said, and the server, on the wire meanwhile. */
  readonly client: readonly string[];
}

/** A letter goes all the way, and is whole. */
async function pass(
  exchange: Exchange,
  way: Way,
  asked: Asked & { readonly users?: readonly string[]; readonly sent?: Letter } = {},
): Promise<Passed> {
  const { sent = letter() } = asked;
  const { wire } = exchange.path(way);
  const mark = wire.mark();
  await give(exchange, way, sent, asked);
  const text = await arrived(exchange.to.box, sent);
  return { wire, sent, text, client: wire.said("client", mark) };
}

/** A letter comes back, and what the report `says` is the reason. */
async function comesBack(
  exchange: Exchange,
  way: Way,
  { sent = letter(), says, ...asked }: Unsendable,
): Promise<void> {
  await give(exchange, way, sent, asked);
  const report = await reported(exchange.from.box, sent);
  assert.match(report, /\nAction: failed\n/iu);
  assert.match(report, says);
}

/** Postrider sends nothing of a text that the server cannot take. */
async function isKept(exchange: Exchange, way: Way, asked: Unsendable): Promise<void> {
  const sent = asked.sent ?? letter();
  await comesBack(exchange, way, { ...asked, sent });
  assert.equal(exchange.path(way).wire.talkOf(sent.subject), undefined);
}

function isPipelined(client: readonly string[]): boolean {
  return client.some((said) => /^(?:MAIL|RCPT) .*\r\n(?:RCPT|DATA|BDAT)/imu.test(said));
}

/** A record of TLS: a handshake, of version 3.x. */
const TLS_RECORD = "\x16\x03";

async function login(exchange: Exchange, way: LoginWay): Promise<void> {
  const { client } = await pass(exchange, way);
  assert.ok(client.some((said) => said.startsWith(TLS_RECORD)));
  const { loggedIn, log } = exchange.to;
  const isTold = (): boolean => loggedIn(MECHANISMS[way]).test(log());
  await until(isTold, `word of a login in:\n${log().slice(-2000)}`);
}

/** Of ENVID=job+2B7 and ORCPT=rfc822;bo+2Bb@old.example. */
const ECHOES: Readonly<Record<Party["echoes"], readonly (string | undefined)[]>> = {
  decoded: ["job+7", "bo+b@old.example"],
  "as they came": ["job+2B7", "bo+2Bb@old.example"],
  "not at all": [undefined, undefined],
};

export const CHECKS: Readonly<Record<Row, (exchange: Exchange) => Promise<void>>> = {
  "in the clear": async (exchange) => {
    const { wire, sent } = await pass(exchange, "clear");
    assert.notEqual(wire.talkOf(`Subject: ${sent.subject}`), undefined);
  },
  STARTTLS: async (exchange) => {
    const { client, wire, sent } = await pass(exchange, "starttls");
    const sealed = client.findIndex((said) => said.startsWith(TLS_RECORD));
    assert.match(client[sealed - 1] ?? "", /^STARTTLS\r\n$/iu);
    assert.equal(wire.talkOf(sent.subject), undefined);
  },
  "TLS from the first octet": async (exchange) => {
    const { client, wire, sent } = await pass(exchange, "smtps");
    assert.ok(client[0]?.startsWith(TLS_RECORD));
    assert.equal(wire.talkOf(sent.subject), undefined);
  },
  "AUTH PLAIN": (exchange) => login(exchange, "plain"),
  "AUTH LOGIN": (exchange) => login(exchange, "login"),
  "AUTH SCRAM-SHA-256": (exchange) => login(exchange, "scram"),
  PIPELINING: async (exchange) => {
    const { client } = await pass(exchange, "clear", { users: ["bob", "carl"] });
    assert.ok(isPipelined(client), client.join("\n--\n"));
  },
  "without PIPELINING": async (exchange) => {
    const { client } = await pass(exchange, "modest", { users: ["bob", "carl"] });
    assert.ok(!isPipelined(client), client.join("\n--\n"));
  },
  CHUNKING: async (exchange) => {
    const sent = letter("z".repeat(98).concat("\r\n").repeat(CHUNKED_LINES));
    const { client } = await pass(exchange, "clear", { sent });
    assert.match(client.join("\n"), /^BDAT \d+(?: LAST)?\r\n/mu);
  },
  "without CHUNKING": async (exchange) => {
    const { client } = await pass(exchange, "modest");
    assert.match(client.join("\n"), /^DATA\r\n/imu);
  },
  "BINARYMIME is not offered: returned": (exchange) =>
    isKept(exchange, "clear", {
      sent: letter("\n a line that ends in \n and \0"),
      mail: " BODY=BINARYMIME",
      says: /\nStatus: 5\.6\.\d\n/u,
    }),
  "8BITMIME": async (exchange) => {
    const sent = letter("Gr\xc3\xbc\xc3\x9fe, and an octet that is no UTF-8: \xff");
    const { client } = await pass(exchange, "clear", { sent, mail: " BODY=8BITMIME" });
    assert.match(client.join(""), /^MAIL FROM:<ann@sender\.example> .*BODY=8BITMIME/mu);
  },
  "8BITMIME is not offered: returned": (exchange) =>
    isKept(exchange, "modest", {
      sent: letter("Gr\xc3\xbc\xc3\x9fe"),
      mail: " BODY=8BITMIME",
      says: /\nStatus: 5\.6\.3\n/u,
    }),
  SMTPUTF8: async (exchange) => {
    const { client } = await pass(exchange, "clear", {
      sent: letter("Gr\xc3\xbc\xc3\x9fe"),
      sender: "é@sender.example",
      users: ["用户"],
      mail: " SMTPUTF8 BODY=8BITMIME",
    });
    const said = Buffer.from(client.join(""), "latin1").toString("utf8");
    assert.match(said, /^MAIL FROM:<é@sender\.example> .*SMTPUTF8/mu);
    assert.match(said, /^RCPT TO:<用户@/mu);
  },
  "SMTPUTF8 is not offered: returned": (exchange) =>
    isKept(exchange, "modest", {
      sender: "é@sender.example",
      mail: " SMTPUTF8",
      says: /\nStatus: 5\.6\.7\n/u,
    }),
  "DSN: NOTIFY=SUCCESS, and the report": async (exchange) => {
    const { client, sent } = await pass(exchange, "clear", {
      mail: " RET=HDRS ENVID=job+2B7",
      rcpt: " NOTIFY=SUCCESS,DELAY ORCPT=rfc822;bo+2Bb@old.example",
    });
    assert.match(client.join(""), /^MAIL FROM:<.* RET=HDRS.*/mu);
    assert.match(client.join(""), /^MAIL FROM:<.* ENVID=job\+2B7/mu);
    assert.match(client.join(""), /^RCPT TO:<.* NOTIFY=SUCCESS,DELAY/mu);
    assert.match(client.join(""), /^RCPT TO:<.* ORCPT=rfc822;bo\+2Bb@old\.example/mu);
    const report = await reported(exchange.to.box, sent);
    assert.match(report, /\nAction: delivered\n/iu);
    assert.deepEqual(
      [/\nOriginal-Envelope-Id: (.*)\n/iu, /\nOriginal-Recipient: rfc822; ?(.*)\n/iu].map(
        (field) => field.exec(report)?.[1],
      ),
      ECHOES[exchange.to.echoes],
    );
  },
  "DSN is not offered: relayed, and the report": async (exchange) => {
    const { client, sent } = await pass(exchange, "silent", { rcpt: " NOTIFY=SUCCESS" });
    assert.doesNotMatch(client.join(""), /NOTIFY=/u);
    const report = await reported(exchange.from.box, sent);
    // Exim says it in the text for people alone.
    assert.match(report, /\nAction: relayed\n|\(relayed to non-DSN-aware mailer\)/iu);
  },
  "SIZE: too large, returned": (exchange) =>
    comesBack(exchange, "small", {
      sent: letter(
        "y"
          .repeat(99)
          .concat("\r\n")
          .repeat(exchange.to.smallBytes / 67),
      ),
      says: /\nStatus: 5\.(?:3\.4|2\.3|0\.0)\n/u,
    }),
  "one recipient of two is refused": async (exchange) => {
    const { client, sent } = await pass(exchange, "clear", { users: ["bob", UNKNOWN] });
    assert.equal(client.join("").match(/^RCPT TO:/gmu)?.length, 2, "in one transaction");
    const report = await reported(exchange.from.box, sent);
    const about = report.match(/\nFinal-Recipient: .*\n/giu) ?? [];
    assert.deepEqual(about.length, 1);
    assert.match(about[0] ?? "", new RegExp(UNKNOWN, "u"));
    assert.match(report, /\nAction: failed\n/iu);
  },
  "two messages on one connection": async (exchange) => {
    const [first, second] = [letter(), letter()];
    for (const sent of [first, second]) await give(exchange, "clear", sent, {});
    for (const sent of [first, second]) await arrived(exchange.to.box, sent);
    const { wire } = exchange.path("clear");
    const talk = wire.talkOf(first.subject);
    assert.ok(talk !== undefined && talk === wire.talkOf(second.subject));
  },
  "LMTP: one recipient of three is refused": async (exchange) => {
    const { client, sent } = await pass(exchange, "lmtp", { users: ["bob", UNKNOWN, "carl"] });
    assert.match(client.join(""), /^LHLO /u);
    const report = await reported(exchange.from.box, sent);
    assert.match(report, new RegExp(`\nFinal-Recipient: .*${UNKNOWN}@`, "iu"));
    assert.equal(report.match(/\nAction: failed\n/giu)?.length, 1);
  },
};
