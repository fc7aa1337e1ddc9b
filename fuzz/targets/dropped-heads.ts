/** Files of the drop folder: what is read as a head can be said to a server, and is the same when it is written again. */
import assert from "node:assert/strict";
import { MAX_RECIPIENTS } from "#engine/enqueue/outgoing-mail.ts";
import { decodeDroppedHead, encodeDroppedHead } from "#engine/enqueue/dropped-head.ts";
import type { FuzzTarget } from "#fuzz/target.ts";

export const droppedHeads: FuzzTarget = {
  name: "dropped-heads",
  words: [
    "postrider-mail 1 ",
    "00000000\n",
    '"reversePath":"',
    '"forwardPaths":["',
    '"notify":["never"]',
    '"returns":"full"',
    '"envelopeId":"',
    '"is8bit":true',
    "\\u0000",
    "\\r\\n",
    "null",
    "[[[[",
  ],
  seeds: () => [
    'postrider-mail 1 00000000\n{"reversePath":"a@b","forwardPaths":["c@d","e@f"],"notify":["failure","delay"],"returns":"headers","envelopeId":"x+2B","is8bit":false}\nSubject: x\r\n',
    'postrider-mail 1 00000001\n{"reversePath":"","forwardPaths":["c@d","\\"x y\\"@d"],"envelopeId":"","is8bit":true}\n',
  ],
  run(input) {
    const head = decodeDroppedHead(input);
    if (head.kind === "incomplete") return;
    // What is behind it changes nothing.
    assert.deepEqual(decodeDroppedHead(Buffer.concat([input, Buffer.from("\nx")])), head);
    if (head.kind !== "head") return;
    const { mail, takenFor, bytes } = head;
    assert.ok(bytes <= input.length && takenFor < mail.forwardPaths.length);
    assert.ok(mail.forwardPaths.length <= MAX_RECIPIENTS && !mail.forwardPaths.includes(""));
    assert.match(mail.envelopeId, /^[!-~]*$/u);
    const again = encodeDroppedHead(mail);
    assert.ok(again !== undefined);
    assert.deepEqual(decodeDroppedHead(again), { ...head, takenFor: 0, bytes: again.length });
  },
};
