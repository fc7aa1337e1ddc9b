/**
 * What the server would say to the text of a message, by its own checks: size, line
 * ends, NUL, header block, Received headers.
 */
import { receiptReply } from "#engine/server/verdicts.ts";
import { IncomingMessage } from "#engine/server/incoming-message.ts";
import { DataDecoder } from "#protocols/smtp/data-decoder.ts";
import { DataEncoder } from "#protocols/smtp/data-encoder.ts";
import type { ExplainedReply } from "#model/explanation.ts";
import type { Submission } from "#model/intake.ts";

/** Stands for the id that the message would get. */
const SOME_MSGID = "MSGID";

/** @param text with CRLF at the ends of lines. */
export function checkMessage(text: Uint8Array, maxMessageBytes: number): ExplainedReply {
  const nowhere: Submission = {
    msgid: SOME_MSGID,
    write: () => true,
    drained: async () => undefined,
    commit: async () => ({ kind: "accepted" }),
    abort() {},
  };
  const message = new IncomingMessage(nowhere, new DataDecoder(), {
    maxBytes: maxMessageBytes,
    trace: new Uint8Array(),
    mayBeUtf8: false,
  });
  message.push(wireForm(text), 0);
  const reply = message.refusal() ?? receiptReply({ kind: "accepted" }, SOME_MSGID);
  const { code, enhanced = "" } = reply;
  return {
    code,
    enhanced,
    text: typeof reply.text === "string" ? reply.text : reply.text.join(" / "),
  };
}

function wireForm(text: Uint8Array): Buffer {
  const encoder = new DataEncoder();
  return Buffer.concat([encoder.push(text), encoder.end()]);
}
