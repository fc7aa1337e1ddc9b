import assert from "node:assert/strict";
import { test } from "node:test";
import type { Command } from "./command.ts";
import { NO_EXTENSIONS } from "./extensions.ts";
import { NOTHING_ASKED } from "./mail-options.ts";
import { NO_RCPT_OPTIONS } from "./rcpt-options.ts";
import type { Reply } from "./reply.ts";
import { step } from "./server-session.ts";
import { CONNECTED, type Session } from "./server-session-state.ts";
import { NO_AUTH, type ServiceRules } from "./service.ts";

const RULES: ServiceRules = {
  serverName: "mx.example",
  protocol: "smtp",
  clientAddress: "[192.0.2.7]",
  maxMessageBytes: 1000,
  maxRecipients: 2,
  maxMails: 2,
  maxBadCommands: 5,
  maxUnknownRecipients: 5,
  maxIdleCommands: 5,
  maxFailedLogins: 3,
  auth: NO_AUTH,
  extensions: NO_EXTENSIONS,
  tls: "none",
};
const REFUSED: Reply = { code: 550, enhanced: "5.7.1", text: "Not here" };

/** Reply codes to `commands`, where policy refuses every RCPT to `refused`, and DATA ends at once. */
function codes(
  commands: readonly Command[],
  refused = "",
  rules: ServiceRules = RULES,
): readonly number[] {
  let session: Session = CONNECTED;
  const replies: number[] = [];
  for (const command of commands) {
    let [next, ...actions] = step(session, { type: "command", command }, rules);
    if (next.phase === "consulting") {
      const isRefused = command.verb === "RCPT" && command.forwardPath === refused;
      const refusal = isRefused ? REFUSED : undefined;
      [next, ...actions] = step(next, { type: "verdict", refusal }, rules);
    }
    for (const action of actions) if (action.type === "reply") replies.push(action.reply.code);
    if (next.phase === "message") {
      const [ready, ...ending] = step(next, { type: "message-end", reply: REFUSED }, rules);
      for (const action of ending) if (action.type === "reply") replies.push(action.reply.code);
      next = ready;
    }
    session = next;
  }
  return replies;
}

const EHLO: Command = { verb: "EHLO", domain: "client.example" };
const LHLO: Command = { verb: "LHLO", domain: "client.example" };
const MAIL: Command = {
  verb: "MAIL",
  reversePath: "a@client.example",
  options: NOTHING_ASKED,
};
const RCPT: Command = {
  verb: "RCPT",
  forwardPath: "b@server.example",
  isAscii: true,
  options: NO_RCPT_OPTIONS,
};
const DATA: Command = { verb: "DATA" };
const RSET: Command = { verb: "RSET" };
const LMTP: ServiceRules = { ...RULES, protocol: "lmtp" };

test("session refuses MAIL before EHLO, and lets the client recover", () => {
  assert.deepEqual(codes([MAIL, EHLO, MAIL]), [503, 250, 250]);
});

test("session refuses DATA when policy refused every recipient, and then all but RSET", () => {
  const commands = [EHLO, MAIL, RCPT, DATA, RCPT, RSET, MAIL];
  assert.deepEqual(codes(commands, "b@server.example"), [250, 250, 550, 503, 503, 250, 250]);
});

test("session forgets the transaction at RSET, at EHLO and after a message", () => {
  assert.deepEqual(codes([EHLO, MAIL, RCPT, RSET, RCPT]), [250, 250, 250, 250, 503]);
  assert.deepEqual(codes([EHLO, MAIL, RCPT, EHLO, RCPT]), [250, 250, 250, 250, 503]);
  assert.deepEqual(codes([EHLO, MAIL, RCPT, DATA, RCPT]), [250, 250, 250, 354, 550, 503]);
});

test("session keeps to the number of mails and recipients", () => {
  assert.deepEqual(codes([EHLO, MAIL, RCPT, RCPT, RCPT]), [250, 250, 250, 250, 452]);
  assert.deepEqual(codes([EHLO, MAIL, RSET, MAIL, RSET, MAIL]), [250, 250, 250, 250, 250, 452]);
});

test("LMTP session answers once for each recipient that was accepted", () => {
  assert.deepEqual(
    codes([LHLO, MAIL, RCPT, RCPT, DATA], "", LMTP),
    [250, 250, 250, 250, 354, 550, 550],
  );
  assert.deepEqual(codes([EHLO, LHLO], "", LMTP), [500, 250]);
});

const STARTTLS: Command = { verb: "STARTTLS" };

test("session refuses STARTTLS where it is not offered, before EHLO, and in a transaction", () => {
  const offering: ServiceRules = { ...RULES, tls: "offered" };
  assert.deepEqual(codes([EHLO, STARTTLS]), [250, 503]);
  assert.deepEqual(codes([STARTTLS, EHLO, MAIL, STARTTLS], "", offering), [503, 250, 250, 503]);
  assert.deepEqual(codes([EHLO, STARTTLS], "", { ...RULES, tls: "secured" }), [250, 503]);
});

test("session that must be secured takes no mail before it is", () => {
  assert.deepEqual(codes([EHLO, MAIL, RCPT], "", { ...RULES, tls: "required" }), [250, 530, 503]);
});

test("session knows nothing of its client after the handshake, and takes no command in it", () => {
  const offering: ServiceRules = { ...RULES, tls: "offered" };
  const ready: Session = step(
    step(CONNECTED, { type: "command", command: EHLO }, offering)[0],
    { type: "verdict", refusal: undefined },
    offering,
  )[0];
  const [securing, ...actions] = step(ready, { type: "command", command: STARTTLS }, offering);
  assert.deepEqual(actions, [{ type: "start-tls" }]);
  assert.throws(() => step(securing, { type: "command", command: MAIL }, offering), TypeError);
  const secured: ServiceRules = { ...RULES, tls: "secured" };
  const [connected] = step(securing, { type: "secured" }, secured);
  assert.equal(connected.phase, "connected");
  const [, refusal] = step(connected, { type: "command", command: MAIL }, secured);
  assert.ok(refusal?.type === "reply" && refusal.reply.code === 503);
});

test("session throws when the driver sends a command before the verdict", () => {
  const [consulting] = step(CONNECTED, { type: "command", command: EHLO }, RULES);
  assert.throws(() => step(consulting, { type: "command", command: MAIL }, RULES), TypeError);
});

test("session that was closed takes nothing", () => {
  const [closed] = step(CONNECTED, { type: "command", command: { verb: "QUIT" } }, RULES);
  assert.throws(() => step(closed, { type: "command", command: EHLO }, RULES), TypeError);
});
