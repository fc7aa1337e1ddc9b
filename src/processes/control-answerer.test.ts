import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { FilesError } from "#base/ports/files.ts";
import type { PagedAnswer } from "#model/ipc/control-link.ts";
import { ControlAnswerer, PAGE_BYTES } from "./control-answerer.ts";

test("a text that cannot be read is an answer, not the end of the process", async () => {
  const sent: PagedAnswer[] = [];
  const answerer = new ControlAnswerer(
    // oxlint-disable-next-line require-yield
    async function* () {
      throw new FilesError("EIO", "Cannot read 5f2a1b3c: EIO");
    },
    (answer) => sent.push(answer),
  );
  answerer.request({ id: 7, request: { kind: "show-message", id: "5f2a1b3c" } });
  await turn();
  const answer = { kind: "done", ok: false, text: "Cannot read 5f2a1b3c: EIO", count: 0 };
  assert.deepEqual(sent, [{ id: 7, answer }]);
});

test("a full page waits for more, and is forgotten with the control process", async () => {
  const sent: PagedAnswer[] = [];
  let isEnded = false;
  const answerer = new ControlAnswerer(
    async function* () {
      try {
        for (;;) yield { kind: "bytes", bytes: new Uint8Array(PAGE_BYTES) };
      } finally {
        isEnded = true;
      }
    },
    (answer) => sent.push(answer),
  );
  answerer.request({ id: 1, request: { kind: "show-message", id: "5f2a1b3c" } });
  await turn();
  answerer.request({ id: 1, request: { kind: "more" } });
  answerer.request({ id: 2, request: { kind: "more" } });
  await turn();
  const kinds = sent.map(({ answer }) => answer.kind);
  assert.deepEqual(kinds, ["bytes", "paused", "bytes", "paused"]);
  answerer.lost();
  await turn();
  assert.equal(isEnded, true);
});
