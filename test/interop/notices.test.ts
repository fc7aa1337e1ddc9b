/**
 * Reports on their whole way: nodemailer asks for them, the real daemon writes them and
 * delivers them to the sender, and mailparser reads them.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ParsedMail, simpleParser } from "mailparser";
import { createTransport } from "nodemailer";
import type { Endpoint } from "#base/endpoint.ts";
import { Sink, type SinkSettings } from "#test/support/sink.ts";
import { nodeNetwork } from "#world/node/network.ts";
import { Daemon, unlessStartable } from "./daemon.ts";
import { freePort } from "./greeting.ts";
import { arrivals, MAIL_USER, Scratch } from "./scratch.ts";

const unstartable = await unlessStartable();

const SENDER = "alice@in.example";
const CLOSED = "--";

interface Scene extends AsyncDisposable {
  readonly sink: Sink;
  /** Sends a message, and reads the reports that come back. */
  reportsOn(mail: Mail, count: number): Promise<readonly ParsedMail[]>;
}

interface Mail {
  readonly to: readonly string[];
  readonly notify: string;
  readonly returns?: "full" | "headers";
  readonly text?: string;
}

/** Local mail goes to Maildirs, the rest to a server that does what `settings` says. */
async function scene(settings: SinkSettings): Promise<Scene> {
  const scratch = new Scratch();
  const mail = scratch.mailFolder("mail");
  const sink = new Sink(settings);
  const endpoint: Endpoint = { kind: "tcp", host: "127.0.0.1", port: await freePort() };
  const listening = await sink.listen(nodeNetwork(), endpoint);
  const daemon = await Daemon.start(scratch, [
    'table aliases { staff = "carol, dave" }',
    `action "keep" maildir "${mail}/%{dest.user}" user ${MAIL_USER} alias <aliases>`,
    `action "out" relay host "smtp://127.0.0.1:${endpoint.port}"`,
    'match from any for domain "in.example" action "keep"',
    'match from any for any action "out"',
  ]);
  return {
    sink,
    async reportsOn({ to, notify, returns = "headers", text = "Hello\r\n" }, count) {
      const transport = createTransport({ host: "127.0.0.1", port: daemon.endpoints.port });
      await transport.sendMail({
        from: SENDER,
        to: [...to],
        subject: "asked",
        text,
        messageId: "<asked.1@client.example>",
        dsn: { id: "QQ=1", return: returns, notify: notify.split(","), recipient: SENDER },
      });
      transport.close();
      const texts = await arrivals(`${mail}/alice/new`, count, CLOSED);
      return Promise.all(texts.map((each) => simpleParser(each, { keepDeliveryStatus: true })));
    },
    async [Symbol.asyncDispose]() {
      await scratch[Symbol.asyncDispose]();
      listening.close();
    },
  };
}

function statusOf(mail: ParsedMail): string {
  const part = mail.attachments.find(
    ({ contentType }) => contentType === "message/delivery-status",
  );
  return part?.content.toString() ?? "";
}

test("who asked is told of a local delivery, by the name that it gave the message", {
  skip: unstartable,
}, async () => {
  await using here = await scene({});
  const [mail] = await here.reportsOn({ to: ["bob@in.example"], notify: "success" }, 1);
  assert.ok(mail !== undefined, "no report");
  assert.equal(mail.inReplyTo, "<asked.1@client.example>");
  assert.match(statusOf(mail), /^Original-Envelope-Id: QQ=1\n/);
  assert.match(statusOf(mail), /\nFinal-Recipient: rfc822; bob@in\.example\nAction: delivered\n/);
});

test("who asked is told that a recipient was a list, and not of each member", {
  skip: unstartable,
}, async () => {
  await using here = await scene({});
  const [mail] = await here.reportsOn({ to: ["staff@in.example"], notify: "success" }, 1);
  assert.ok(mail !== undefined, "no report");
  assert.match(statusOf(mail), /\nFinal-Recipient: rfc822; staff@in\.example\nAction: expanded\n/);
});

test("a server without DSN is reported as relayed, one with it is asked to report", {
  skip: unstartable,
}, async () => {
  await using plain = await scene({ extensions: ["PIPELINING"] });
  const [mail] = await plain.reportsOn({ to: ["bob@far.example"], notify: "success" }, 1);
  assert.match(statusOf(mail ?? assert.fail("no report")), /\nAction: relayed\n/);
  await using dsn = await scene({ extensions: ["PIPELINING", "DSN"] });
  await dsn.reportsOn({ to: ["bob@far.example", "carol@in.example"], notify: "success" }, 1);
  assert.ok(
    dsn.sink.lines.some((line) => line.startsWith("RCPT TO:<bob@far.example> NOTIFY=SUCCESS")),
    dsn.sink.lines.join("\n"),
  );
  assert.ok(
    dsn.sink.lines.some((line) => line.endsWith(" RET=HDRS ENVID=QQ+3D1")),
    "MAIL",
  );
});

test("a large message that was refused comes back whole, with the refusal", {
  skip: unstartable,
}, async () => {
  await using here = await scene({
    reply: (line) => (line.startsWith("RCPT") ? "550 5.1.1 No such user here" : undefined),
  });
  const text = "A line of the message\r\n".repeat(20_000);
  const [mail] = await here.reportsOn(
    { to: ["bob@far.example"], notify: "failure", returns: "full", text },
    1,
  );
  assert.ok(mail !== undefined, "no report");
  assert.match(mail.text ?? "", /There is no such address[^]*> 550 5\.1\.1 No such user here/);
  const original = mail.attachments.find(({ contentType }) => contentType === "message/rfc822");
  const returned = await simpleParser(original?.content ?? "");
  assert.equal(returned.subject, "asked");
  assert.equal(returned.text?.trimEnd(), text.trimEnd().replaceAll("\r\n", "\n"));
});
