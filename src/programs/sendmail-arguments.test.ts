import assert from "node:assert/strict";
import { test } from "node:test";
import type { MailOrder } from "#engine/enqueue/prepare-mail.ts";
import { parseSendmailArguments } from "./sendmail-arguments.ts";

const ORDER: MailOrder = {
  sender: undefined,
  fullName: undefined,
  addressees: [],
  readsHeaders: false,
  dotEnds: true,
  notify: undefined,
  returns: undefined,
  envelopeId: "",
};

/** As other programs call it, and as people may. */
const MISPLACED =
  "behind an address is no option: options come first, and -- before an address that begins so";

const MESSAGES: readonly (readonly [words: string, order: Partial<MailOrder>, isVerbose?: true])[] =
  [
    ["", {}],
    ["a@x b@y", { addressees: ["a@x", "b@y"] }],
    ["-t", { readsHeaders: true }],
    // PHP
    ["-t -i", { readsHeaders: true, dotEnds: false }],
    ["-ti -f web@x", { readsHeaders: true, dotEnds: false, sender: "web@x" }],
    // git send-email
    ["-i a@x b@y", { dotEnds: false, addressees: ["a@x", "b@y"] }],
    ["-i -f me@x a@x", { dotEnds: false, sender: "me@x", addressees: ["a@x"] }],
    // mutt
    ["-oem -oi -- a@x", { dotEnds: false, addressees: ["a@x"] }],
    [
      "-oem -oi -f me@x -N failure,delay -R hdrs -B8BITMIME -- a@x",
      {
        dotEnds: false,
        sender: "me@x",
        notify: ["failure", "delay"],
        returns: "headers",
        addressees: ["a@x"],
      },
    ],
    // s-nail
    [
      "-i -f me@x -F Me -- a@x",
      { dotEnds: false, sender: "me@x", fullName: "Me", addressees: ["a@x"] },
    ],
    // cron
    [
      "-i -FCronDaemon -B8BITMIME -oem root",
      { dotEnds: false, fullName: "CronDaemon", addressees: ["root"] },
    ],
    [
      "-FCronDaemon -i -odi -oem -oi -t -f root",
      {
        dotEnds: false,
        fullName: "CronDaemon",
        readsHeaders: true,
        sender: "root",
      },
    ],
    // at, smartd, mdadm, logwatch
    ["-i root", { dotEnds: false, addressees: ["root"] }],
    ["-bm -t -oi -oee -odb", { readsHeaders: true, dotEnds: false }],
    ["-r me@x a@x", { sender: "me@x", addressees: ["a@x"] }],
    ["-v a@x", { addressees: ["a@x"] }, true],
    [
      "-V id-1 -Nnever -Rfull a@x",
      {
        envelopeId: "id-1",
        notify: ["never"],
        returns: "full",
        addressees: ["a@x"],
      },
    ],
    ["-V a=b a@x", { envelopeId: "a+3Db", addressees: ["a@x"] }],
    ["-V a+2Bb a@x", { envelopeId: "a+2Bb", addressees: ["a@x"] }],
    // With values that are not recipients
    [
      "-Am -Ac -A x -B7BIT -C /etc/x -C/x -D log -d0.1 -d -E -em -e q -G -h 5 -J -Jx -L tag -M x -m -n -O DeliveryMode=b -O x -o7 -o x -p esmtp -Qx -s -U -X log -x a@x",
      { addressees: ["a@x"] },
    ],
    ["-f -- a@x b@x", { sender: "--", addressees: ["a@x", "b@x"] }],
    ["-- -t", { addressees: ["-t"] }],
    ["-", { addressees: ["-"] }],
    ["-i -- -oQ/tmp -X/tmp/x", { dotEnds: false, addressees: ["-oQ/tmp", "-X/tmp/x"] }],
  ];

for (const [words, order, isVerbose] of MESSAGES) {
  test(`sendmail arguments read '${words}'`, () => {
    assert.deepEqual(parseSendmailArguments(words.split(" ").filter(Boolean)), {
      kind: "message",
      order: { ...ORDER, ...order },
      isVerbose: isVerbose === true,
    });
  });
}

for (const [words, expected] of [
  ["-bs", { kind: "smtp" }],
  ["-bp", { kind: "mailq" }],
  ["-bi", { kind: "newaliases", words: [] }],
  ["-I", { kind: "newaliases", words: [] }],
  ["-v -bi -OAliasFile=/x -C /y", { kind: "newaliases", words: ["-OAliasFile=/x"] }],
  ["-q", { kind: "flush" }],
  ["-qf -v", { kind: "flush" }],
  ["-z", { kind: "wrong", message: "unknown option -- z" }],
  ["-f", { kind: "wrong", message: "option requires an argument -- f" }],
  ["a@x -t", { kind: "wrong", message: `-t ${MISPLACED}` }],
  ["-i a@x -f me@x", { kind: "wrong", message: `-f ${MISPLACED}` }],
  ["a@x -- -t", { kind: "wrong", message: `-- ${MISPLACED}` }],
  ["-f -- a@x -t", { kind: "wrong", message: `-t ${MISPLACED}` }],
  ["-bd", { kind: "wrong", message: "mode not supported -- bd" }],
  ["-bv a@x", { kind: "wrong", message: "mode not supported -- bv" }],
  ["-q30m", { kind: "wrong", message: "mode not supported -- q30m" }],
  ["-N sometimes", { kind: "wrong", message: "invalid notify: sometimes" }],
  ["-N never,delay", { kind: "wrong", message: "invalid notify: never,delay" }],
  ["-R all", { kind: "wrong", message: "invalid return: all" }],
  ["-V é", { kind: "wrong", message: "invalid envelope id: é" }],
  [`-V ${"x".repeat(101)}`, { kind: "wrong", message: `invalid envelope id: ${"x".repeat(101)}` }],
] as const) {
  test(`sendmail arguments make of '${words}' ${expected.kind}`, () => {
    assert.deepEqual(parseSendmailArguments(words.split(" ")), expected);
  });
}
