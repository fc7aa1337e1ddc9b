/** A server that refuses one recipient after the other. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EHLO, PIPELINED, PLAIN, type Story, tellStory } from "#test/support/client-stories.ts";

const FOUR = ["a@y", "b@y", "c@y", "d@y"];
const TIRED = "undecided RCPT Too many consecutive errors, closing connection";

const STORIES: readonly Story[] = [
  {
    name: "is asked for no more after so many, and forgets the mail",
    mail: { forwardPaths: FOUR },
    patience: { max: 2, used: 0 },
    happens: [...PLAIN, "MAIL", "250 ok", "550 no", "450 later", "250 reset"],
    does: [
      EHLO,
      "ready",
      "MAIL FROM:<a@x>",
      "RCPT TO:<a@y>",
      "RCPT TO:<b@y>",
      "RSET",
      "refused RCPT 550 no",
      "refused RCPT 450 later",
      TIRED,
      TIRED,
    ],
  },
  {
    name: "gets the text for those that it took before",
    mail: { forwardPaths: FOUR },
    patience: { max: 2, used: 9 },
    happens: [...PLAIN, "MAIL", "250 ok", "250 ok", "550 no", "550 no", "354 go", "SENT", "250 id"],
    does: [
      EHLO,
      "ready",
      "MAIL FROM:<a@x>",
      "RCPT TO:<a@y>",
      "RCPT TO:<b@y>",
      "RCPT TO:<c@y>",
      "DATA",
      "text",
      "accepted EOM 250 id",
      "refused RCPT 550 no",
      "refused RCPT 550 no",
      TIRED,
    ],
  },
  {
    name: "is asked for no more as soon as those of earlier mails make it so many",
    mail: { forwardPaths: FOUR },
    patience: { max: 5, used: 4 },
    happens: [...PLAIN, "MAIL", "250 ok", "550 no", "250 reset"],
    does: [
      EHLO,
      "ready",
      "MAIL FROM:<a@x>",
      "RCPT TO:<a@y>",
      "RSET",
      "refused RCPT 550 no",
      TIRED,
      TIRED,
      TIRED,
    ],
  },
  {
    name: "answers all that a group has asked",
    mail: { forwardPaths: FOUR },
    patience: { max: 2, used: 0 },
    happens: [...PIPELINED, "MAIL", "250 ok|550 no|550 no|550 no|250 ok|354 go", "SENT", "250 id"],
    does: [
      EHLO,
      "ready",
      "MAIL FROM:<a@x> RCPT TO:<a@y> RCPT TO:<b@y> RCPT TO:<c@y> RCPT TO:<d@y> DATA",
      "text",
      "refused RCPT 550 no",
      "refused RCPT 550 no",
      "refused RCPT 550 no",
      "accepted EOM 250 id",
    ],
  },
];

for (const story of STORIES) {
  test(`server that refuses recipients ${story.name}`, () => {
    assert.deepEqual(tellStory(story), story.does);
  });
}
