/** Compares what happened in a dialog with what it says. */
import assert from "node:assert/strict";
import { type Dialog, matchesLine, type Turn } from "./dialog.ts";
import type { DialogServer } from "./dialog-server.ts";
import type { KeptMessage } from "./memory-intake.ts";

/** What the server said, line by line, against the S lines of the dialog. */
export function checkReplies(dialog: Dialog, output: string, how: string): void {
  const expected = dialog.turns.filter(
    (turn): turn is Extract<Turn, { kind: "server" }> => turn.kind === "server",
  );
  const lines = output.split("\r\n").slice(0, -1);
  for (const [index, { pattern, lineNumber }] of expected.entries()) {
    const line = lines[index] ?? "(nothing)";
    if (!matchesLine(pattern, line))
      assert.fail(`${dialog.path}:${lineNumber}: said "${line}", not "${pattern}" (${how})`);
  }
  assert.deepEqual(lines.slice(expected.length), [], `${dialog.path}: said more (${how})`);
}

/** What the queue took, against the Q lines. */
export function checkStored(dialog: Dialog, { intake }: DialogServer, how: string): void {
  const found = intake.kept.map(({ message, envelopes }) => ({
    reversePath: message.reversePath,
    forwardPaths: [...new Set(envelopes.map((envelope) => envelope.forwardPath))],
  }));
  const expected = dialog.stored.map(({ reversePath, forwardPaths }) => ({
    reversePath,
    forwardPaths,
  }));
  assert.deepEqual(found, expected, `${dialog.path}: messages that the queue took (${how})`);
  assert.equal(intake.openCount, 0, `${dialog.path}: submissions left open (${how})`);
  for (const [index, { actions, trace, lines }] of dialog.stored.entries()) {
    const kept = intake.kept[index];
    if (kept === undefined) continue;
    checkKept(kept, `${dialog.path} (${how})`);
    const chosen = kept.envelopes.map(({ action }) => action);
    if (actions !== undefined)
      assert.deepEqual(chosen, actions, `${dialog.path}: actions of envelopes (${how})`);
    const [header, text] = splitTrace(kept.text.toString("latin1"));
    if (trace.length > 0) checkLines(trace, header, `${dialog.path}: trace header (${how})`);
    if (lines !== undefined) checkLines(lines, text, `${dialog.path}: text (${how})`);
  }
}

/** What holds for every message that a queue takes. */
function checkKept({ message, envelopes, text }: KeptMessage, what: string): void {
  assert.equal(message.textBytes, text.length, `${what}: textBytes`);
  const ids = new Set(envelopes.map((envelope) => envelope.evpid));
  assert.equal(ids.size, envelopes.length, `${what}: evpids differ`);
}

function checkLines(patterns: readonly string[], text: string, what: string): void {
  const lines = text.split("\r\n");
  assert.equal(lines.pop(), "", `${what}: ends in CRLF`);
  const isSame =
    lines.length === patterns.length &&
    patterns.every((pattern, index) => matchesLine(pattern, lines[index] ?? ""));
  if (!isSame) assert.deepEqual(lines, patterns, what);
}

/** The Received header that the server made, and what the client sent. */
function splitTrace(text: string): [header: string, text: string] {
  const end = /^Received: .*\r\n(?:\t.*\r\n)*/.exec(text)?.[0].length ?? 0;
  return [text.slice(0, end), text.slice(end)];
}
