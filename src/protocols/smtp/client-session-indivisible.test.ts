/** A mail that all recipients get, or none. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EHLO, PIPELINED, PLAIN, type Story, tellStory } from "#test/support/client-stories.ts";

const mail = { forwardPaths: ["a@y", "b@y"], isIndivisible: true } as const;
const GROUP = "MAIL FROM:<a@x> RCPT TO:<a@y> RCPT TO:<b@y>";

const STORIES: readonly Story[] = [
  {
    name: "is sent when all are accepted",
    mail,
    happens: [...PLAIN, "MAIL", "250 ok", "250 ok", "250 ok", "354 go", "SENT", "250 id"],
    does: [
      EHLO,
      "ready",
      "MAIL FROM:<a@x>",
      "RCPT TO:<a@y>",
      "RCPT TO:<b@y>",
      "DATA",
      "text",
      "accepted EOM 250 id",
      "accepted EOM 250 id",
    ],
  },
  {
    name: "is taken back when one is refused",
    mail,
    happens: [...PLAIN, "MAIL", "250 ok", "550 no", "250 ok", "250 reset"],
    does: [
      EHLO,
      "ready",
      "MAIL FROM:<a@x>",
      "RCPT TO:<a@y>",
      "RCPT TO:<b@y>",
      "RSET",
      "refused RCPT 550 no",
      "undecided EOM Server sent no reply",
    ],
  },
  {
    name: "asks for DATA only after the answers to a group",
    mail,
    happens: [...PIPELINED, "MAIL", "250 ok", "250 ok", "250 ok", "354 go", "SENT", "250 id"],
    does: [EHLO, "ready", GROUP, "DATA", "text", "accepted EOM 250 id", "accepted EOM 250 id"],
  },
  {
    name: "is taken back when one of a group is refused",
    mail,
    happens: [...PIPELINED, "MAIL", "250 ok", "250 ok", "550 no", "250 reset"],
    does: [
      EHLO,
      "ready",
      GROUP,
      "RSET",
      "undecided EOM Server sent no reply",
      "refused RCPT 550 no",
    ],
  },
  {
    name: "is refused as a whole with its sender",
    mail,
    happens: [...PIPELINED, "MAIL", "550 no", "503 no", "503 no", "250 reset"],
    does: [EHLO, "ready", GROUP, "RSET", "refused MAIL 550 no", "refused MAIL 550 no"],
  },
];

for (const story of STORIES) {
  test(`indivisible mail ${story.name}`, () => {
    assert.deepEqual(tellStory(story), story.does);
  });
}
