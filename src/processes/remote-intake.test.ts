import assert from "node:assert/strict";
import { test } from "node:test";
import { INLINE_TEXT_BYTES, type Submission } from "#model/intake.ts";
import type { IntakeRequest } from "#model/ipc/queue-link.ts";
import { messageOf } from "#test/support/letters.ts";
import { MAX_AHEAD_BYTES, RemoteIntake } from "./remote-intake.ts";

/** An intake that was granted ids, and what it says to the queue. */
function granted(...msgids: string[]) {
  const sent: IntakeRequest[] = [];
  const intake = new RemoteIntake((request) => sent.push(request));
  intake.reply({ kind: "msgids", msgids });
  intake.reply({ kind: "room", freeBytes: 1_000_000 });
  const open = (): Submission => {
    const submission = intake.open();
    assert.ok(submission !== undefined, "an id was granted");
    return submission;
  };
  /** The queue has written all that it was sent since. */
  const writeAll = (): void => {
    for (const request of sent.splice(0)) {
      if (request.kind !== "blob-write") continue;
      const { msgid, text } = request;
      intake.reply({ kind: "blob-took", msgid, bytes: lengthOf(text), outcome: "written" });
    }
  };
  return { intake, sent, open, writeAll, kinds: () => sent.map(({ kind }) => kind) };
}

const PIECE: Uint8Array = new Uint8Array(INLINE_TEXT_BYTES);

/** Writes until it is asked to stop. */
function fill(submission: Submission): void {
  while (submission.write(PIECE));
}

test("a small message crosses in one frame and waits for its receipt", async () => {
  const { intake, sent, open } = granted("0000000a");
  const submission = open();
  submission.write(Buffer.from("one "));
  submission.write(Buffer.from("two"));
  const receipt = submission.commit(messageOf("0000000a", 7), []);
  const accept = sent.find((request) => request.kind === "accept");
  assert.deepEqual(accept?.text, { kind: "inline", bytes: Buffer.from("one two") });
  intake.reply({ kind: "receipt", msgid: "0000000a", outcome: "accepted" });
  assert.deepEqual(await receipt, { kind: "accepted" });
});

test("a full disk and a failed write reach the client as what they are", async () => {
  for (const outcome of ["full", "failed"] as const) {
    const { intake, open } = granted("0000000a");
    const receipt = open().commit(messageOf("0000000a", 0), []);
    intake.reply({ kind: "receipt", msgid: "0000000a", outcome });
    assert.deepEqual(await receipt, { kind: "refused", why: outcome });
  }
});

test("a large text that comes in small pieces goes ahead in frames as large as may be", async () => {
  const { intake, sent, open, writeAll, kinds } = granted("0000000a");
  const submission = open();
  const pieces = Array.from({ length: 9 }, (_, n) => Buffer.alloc(INLINE_TEXT_BYTES / 4, n));
  for (const piece of pieces) submission.write(piece);
  assert.deepEqual(kinds().slice(1), ["blob-write", "blob-write"]);
  const receipt = submission.commit(messageOf("0000000a", 9), []);
  assert.deepEqual(kinds().slice(1), ["blob-write", "blob-write", "blob-write", "accept"]);
  const ahead = sent.flatMap((each) => (each.kind === "blob-write" ? each.text : []));
  assert.deepEqual(ahead, pieces, "the same arrays, in their order");
  writeAll();
  intake.reply({ kind: "receipt", msgid: "0000000a", outcome: "accepted" });
  assert.deepEqual(await receipt, { kind: "accepted" });
});

test("where no memory is left to gather in, pieces of a large text go ahead as they come", () => {
  const ids = Array.from({ length: 257 }, (_, n) => n.toString(16).padStart(8, "0"));
  const { open, kinds, sent } = granted(...ids);
  for (const _ of ids.slice(1)) open().write(PIECE);
  sent.length = 0;
  const last = open();
  last.write(PIECE);
  last.write(Buffer.from("one"));
  last.write(Buffer.from("two"));
  assert.deepEqual(kinds(), ["blob-write", "blob-write", "blob-write"]);
});

test("a large text goes ahead in pieces and stops until the queue took some", async () => {
  const { intake, sent, open } = granted("0000000a");
  const submission = open();
  const piece = new Uint8Array(INLINE_TEXT_BYTES);
  let pieces = 0;
  while (submission.write(piece)) pieces++;
  assert.ok(pieces > 1, "a window is allowed");
  let drained = false;
  const waiting = (async () => {
    await submission.drained();
    drained = true;
  })();
  await Promise.resolve();
  assert.equal(drained, false);
  for (const request of sent) {
    if (request.kind !== "blob-write") continue;
    const { msgid, text } = request;
    intake.reply({ kind: "blob-took", msgid, bytes: lengthOf(text), outcome: "written" });
  }
  await waiting;
  void submission.commit(messageOf("0000000a", 1), []);
  const last = sent.at(-1);
  assert.deepEqual(last?.kind === "accept" && last.text, { kind: "apart" });
});

test("a blob that the queue cannot write is dropped and refused", async () => {
  const { intake, open, kinds } = granted("0000000a");
  const submission = open();
  submission.write(new Uint8Array(INLINE_TEXT_BYTES + 1));
  intake.reply({ kind: "blob-took", msgid: "0000000a", bytes: 0, outcome: "full" });
  submission.write(new Uint8Array(10));
  assert.deepEqual(await submission.commit(messageOf("0000000a", 1), []), {
    kind: "refused",
    why: "full",
  });
  assert.equal(kinds().at(-1), "blob-drop");
});

test("an aborted message leaves no blob, and gives its id back once nothing is said of it any more", () => {
  const { intake, open, writeAll, kinds } = granted("0000000a");
  const submission = open();
  submission.write(new Uint8Array(INLINE_TEXT_BYTES + 1));
  submission.abort();
  assert.equal(kinds().at(-1), "blob-drop");
  assert.equal(intake.open()?.msgid, undefined, "answers to its pieces are yet to come");
  writeAll();
  assert.equal(intake.open()?.msgid, "0000000a");
});

test("with a slow queue the texts of all sessions together are bounded, and wait in line", async () => {
  const ids = Array.from({ length: 400 }, (_, n) => n.toString(16).padStart(8, "0"));
  const { open, sent, writeAll } = granted(...ids);
  const submissions = ids.map(() => open());
  for (const submission of submissions) fill(submission);
  const bytesAhead = (): number =>
    sent.reduce((sum, each) => sum + (each.kind === "blob-write" ? lengthOf(each.text) : 0), 0);
  const most = MAX_AHEAD_BYTES + ids.length * 2 * INLINE_TEXT_BYTES;
  assert.ok(bytesAhead() <= most, `${bytesAhead()} bytes are ahead`);
  for (const submission of submissions) assert.equal(submission.write(new Uint8Array(0)), false);
  const waiting = submissions.map((submission) => submission.drained());
  for (let round = 0; round < 3; round++) writeAll();
  await Promise.all(waiting);
});

test("a small text counts until it has its receipt", async () => {
  const { intake, open, kinds } = granted(
    ...Array.from({ length: 300 }, (_, n) => n.toString(16).padStart(8, "0")),
  );
  const commits: { readonly msgid: string; readonly receipt: Promise<unknown> }[] = [];
  while (!kinds().includes("blob-write")) {
    const submission = open();
    submission.write(PIECE);
    const { msgid } = submission;
    commits.push({ msgid, receipt: submission.commit(messageOf(msgid, PIECE.length), []) });
  }
  for (const { msgid } of commits) intake.reply({ kind: "receipt", msgid, outcome: "accepted" });
  await Promise.all(commits.map(({ receipt }) => receipt));
  const before = kinds().length;
  open().write(PIECE);
  assert.equal(kinds().length, before, "there is room in memory again");
});

test("without a granted id no message can begin, and the queue is asked once", () => {
  const { intake, kinds } = granted();
  assert.equal(intake.open(), undefined);
  assert.equal(intake.open(), undefined);
  assert.deepEqual(kinds(), ["msgids-wanted"]);
});

test("when the queue is lost, nothing without a receipt is acknowledged", async () => {
  const { intake, open } = granted("0000000a", "0000000b", "0000000c");
  const waiting = open().commit(messageOf("0000000c", 0), []);
  const late = open();
  const large = open();
  large.write(new Uint8Array(5 * INLINE_TEXT_BYTES));
  intake.lost();
  await large.drained();
  const refused = { kind: "refused", why: "failed" };
  assert.deepEqual(await waiting, refused);
  assert.deepEqual(await late.commit(messageOf("0000000b", 0), []), refused);
  assert.deepEqual(await large.commit(messageOf("0000000a", 0), []), refused);
  assert.equal(intake.open(), undefined);
  assert.equal(intake.hasRoom(0), false);
});

test("a text that grows large after the queue was lost is not waited for", async () => {
  const { intake, open, kinds } = granted("0000000a");
  const submission = open();
  submission.write(new Uint8Array(INLINE_TEXT_BYTES));
  intake.lost();
  for (let piece = 0; piece < 8; piece++) submission.write(new Uint8Array(INLINE_TEXT_BYTES));
  await submission.drained();
  assert.ok(!kinds().includes("blob-write"), "nothing is sent to nobody");
  const receipt = await submission.commit(messageOf("0000000a", 0), []);
  assert.deepEqual(receipt, { kind: "refused", why: "failed" });
});

function lengthOf(text: readonly Uint8Array[]): number {
  return text.reduce((sum, piece) => sum + piece.length, 0);
}
