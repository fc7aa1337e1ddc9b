/**
 * What local programs write to sendmail: read the same at every split; what leaves has no line end
 * but CRLF in its headers, and no address that could break out of its command.
 */
import assert from "node:assert/strict";
import { readAddresses } from "#engine/enqueue/addressees.ts";
import { craftHead } from "#engine/enqueue/crafted-head.ts";
import { readHeaderBlock, valueOf } from "#engine/enqueue/header-block.ts";
import { InputReader } from "#engine/enqueue/input-reader.ts";
import { type FuzzTarget, piecesOf, sizesFor } from "#fuzz/target.ts";

const ADDITIONS = { from: "From: <a@mx.example>", date: "Thu, 1 Jan 2026 00:00:00 +0000" };

export const submissions: FuzzTarget = {
  name: "submissions",
  words: [
    "From ",
    "To: ",
    "Bcc:",
    "Content-Type:",
    "multipart/",
    "\n.\n",
    "\r",
    "\0",
    "\n ",
    "(",
    "<",
    "a@b,",
    ":;",
  ],
  seeds: () => [
    "From x Mon\nTo: a, b@c\nBcc: d,\n e\nSubject: x\n\nbody\n.\nmore\n",
    "Subject: x\r\nContent-Type: multipart/mixed\r\n\r\n\0\r\r\n",
    'To: g: a <b@c>, "d" (e) <f@g>;\n\n',
    "just text",
  ],
  run: (input) => {
    for (const dotEnds of [true, false]) {
      const whole = read([input], dotEnds);
      for (const size of sizesFor(input)) {
        assert.deepEqual(read(piecesOf(input, size), dotEnds), whole, `pieces of ${size}`);
      }
    }
  },
};

function read(pieces: readonly Buffer[], dotEnds: boolean): readonly unknown[] {
  const reader = new InputReader({ dotEnds });
  const body: Uint8Array[] = [];
  for (const piece of pieces) body.push(reader.push(piece));
  body.push(reader.end());
  const fields = readHeaderBlock(reader.head) ?? [];
  const addresses = fields.map((field) => readAddresses(valueOf(field), "mx.example"));
  for (const list of addresses) {
    if ("kind" in list) continue;
    for (const address of list) assert.doesNotMatch(address, /[\p{Cc}]|^$/u);
  }
  const head = craftHead(fields, ADDITIONS, reader.body);
  assert.doesNotMatch(head.text, /\0|\r(?!\n)|(?<!\r)\n|\n\r\n/);
  return [reader.isEnded, head, addresses, Buffer.concat(body).toString("latin1"), reader.body];
}
