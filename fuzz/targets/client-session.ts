/**
 * A client session, from the first octet that a server sends: it offers what it wants, to a
 * client that wants TLS, has credentials and a mail. Nothing throws; no secret leaves in
 * the clear; no recipient is accepted whose text was not sent.
 */
import assert from "node:assert/strict";
import { unreachable } from "#base/unreachable.ts";
import { step } from "#protocols/smtp/client-session.ts";
import {
  type ClientAction,
  type ClientEvent,
  type ClientSession,
  ENDLESS_PATIENCE,
} from "#protocols/smtp/client-session-state.ts";
import { ReplyParser } from "#protocols/smtp/reply-parser.ts";
import type { FuzzTarget } from "#fuzz/target.ts";

const NONCE = "rOprNGfwEbeRWgbNEkqO";
const MAIL = {
  reversePath: "a@client.example",
  forwardPaths: ["b@server.example", "c@server.example"],
  // Large enough to go in chunks where they are offered.
  textBytes: 1024 * 1024,
  is8bit: false,
};

const GREETED = "220 mx\r\n250-mx\r\n250-STARTTLS\r\n250 PIPELINING\r\n220 go\r\n";

export const clientSession: FuzzTarget = {
  name: "client-session",
  words: [
    "220 x\r\n",
    "250-mx\r\n",
    "250 STARTTLS\r\n",
    "250 AUTH PLAIN LOGIN SCRAM-SHA-256\r\n",
    "250 CHUNKING\r\n",
    "235 yes\r\n",
    "334 \r\n",
    "334 VXNlcm5hbWU6\r\n",
    "354 go\r\n",
    "421 bye\r\n",
    "535 no\r\n",
  ],
  seeds: () => [
    `${GREETED}250-mx\r\n250 AUTH PLAIN\r\n235 yes\r\n250 a\r\n250 b\r\n250 c\r\n354 d\r\n250 e\r\n`,
    `${GREETED}250-mx\r\n250 AUTH LOGIN\r\n334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n235 yes\r\n`,
    `${GREETED}250-mx\r\n250 AUTH SCRAM-SHA-256\r\n334 ${base64(`r=${NONCE}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`)}\r\n334 dj14\r\n`,
    "220 mx\r\n250-mx\r\n250 AUTH PLAIN\r\n250 a\r\n250 b\r\n550 c\r\n354 d\r\n250 e\r\n",
  ],
  run: (input) => new Play().run(input),
};

function base64(text: string): string {
  return Buffer.from(text, "latin1").toString("base64");
}

class Play {
  #session: ClientSession = {
    phase: "greeting",
    dialect: "smtp",
    helo: "client.example",
    ownName: "client.example",
    tls: "if-offered",
    credentials: { user: "user", password: "pencil", nonce: NONCE },
  };
  readonly #parser = new ReplyParser();
  #isSecured = false;
  #isTextSent = false;

  /** A line at a time, as a server sends that waits for its client. */
  run(input: Uint8Array): void {
    for (let at = 0; at < input.length; ) {
      const lf = input.indexOf(0x0a, at);
      const to = lf < 0 ? input.length : lf + 1;
      const { replies, fault } = this.#parser.push(input.subarray(at, to));
      at = to;
      const broken = fault && ({ kind: "protocol", message: fault.reason } as const);
      if (replies.length > 0 || fault !== undefined)
        this.#take({ type: "replies", replies, fault: broken });
    }
    this.#take({ type: "broken", fault: { kind: "closed", message: "gone" } });
    assert.equal(this.#session.phase, "closed");
  }

  #take(event: ClientEvent): void {
    if (this.#session.phase === "closed") return;
    const [next, ...actions] = step(this.#session, event);
    this.#session = next;
    for (const action of actions) this.#carryOut(action);
  }

  #carryOut(action: ClientAction): void {
    switch (action.type) {
      case "send":
        assert.match(action.commands, /^(?:[ -~]+\r\n)+$/u);
        return;
      case "send-secret":
        assert.ok(this.#isSecured, "a secret in the clear");
        assert.match(action.line, /^[ -~]*\r\n$/u);
        assert.ok(!action.shown.includes(base64("pencil").slice(0, 6)));
        return;
      case "secure":
        this.#isSecured = true;
        this.#take({ type: "secured", isProven: false });
        return;
      case "send-text":
        if (action.by === "BDAT") this.#take({ type: "chunk-sent" });
        this.#isTextSent = true;
        this.#take({ type: "text-sent" });
        return;
      case "ready":
        this.#take({ type: "mail", mail: MAIL, nowMs: 0, patience: ENDLESS_PATIENCE });
        return;
      case "verdicts":
        assert.equal(action.verdicts.length, MAIL.forwardPaths.length);
        for (const { kind } of action.verdicts) assert.ok(kind !== "accepted" || this.#isTextSent);
        return;
      case "refused":
      case "unreachable":
      case "not-started":
      case "close":
        return;
      default:
        unreachable(action);
    }
  }
}
