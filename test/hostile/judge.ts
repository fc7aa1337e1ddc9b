/**
 * Whether what came of a hostile case is what may come of it.
 *
 * Besides its own assertions every session is held to: no reply of 4xx or 5xx
 * without an enhanced code (RFC 2034 §4), no octet in a reply that is not printable
 * ASCII, one line of printable text in the log for each event, and no field that
 * we did not write before the text of a message.
 */
import assert from "node:assert/strict";
import type { HostileCase } from "./case.ts";
import type { Played } from "./client.ts";

export interface StoredMessage {
  readonly reversePath: string;
  readonly forwardPaths: readonly string[];
  /** As stored, one character for each octet; undefined where it cannot be looked at. */
  readonly text: string | undefined;
}

export interface CameOfIt {
  readonly played: Played;
  readonly stored: readonly StoredMessage[];
  readonly log: readonly string[];
}

export function judge({ name, assert: asserted }: HostileCase, outcome: CameOfIt): void {
  const { played, stored, log } = outcome;
  assert.deepEqual(played.unmet, [], `${name}: expected`);
  judgeReplies(name, played, asserted.reply);
  if (asserted.replies !== undefined)
    assert.equal(played.replies.length, asserted.replies, `${name}: ${played.replies.join(" | ")}`);
  if (asserted.closed === true) assert.ok(played.isClosed, `${name}: must be closed`);
  if (asserted.max_ms !== undefined)
    assert.ok(played.slowestMs <= asserted.max_ms, `${name}: took ${played.slowestMs} ms`);
  judgeStored(name, asserted, stored);
  for (const line of log) {
    assert.match(line, /^[ -~]*$/, `${name}: a log line that is not printable`);
    const { log_hides: hidden } = asserted;
    if (hidden !== undefined) assert.ok(!line.includes(hidden), `${name}: secret in ${line}`);
  }
}

function judgeReplies(name: string, { replies, lastReply }: Played, classes?: string): void {
  for (const reply of replies) {
    assert.match(reply, /^[ -~\n]*$/, `${name}: a reply that is not printable`);
    if (/^[45]/.test(reply))
      assert.match(reply, /^([45])\d\d[ -]\1\.\d{1,3}\.\d{1,3} /, `${name}: no enhanced code`);
  }
  if (classes === undefined) return;
  assert.ok(classes.includes(lastReply?.[0] ?? "none"), `${name}: ${replies.join(" | ")}`);
}

function judgeStored(
  name: string,
  asserted: HostileCase["assert"],
  stored: readonly StoredMessage[],
): void {
  const count = stored.length;
  assert.ok(count <= (asserted.max_messages ?? Infinity), `${name}: ${count} messages`);
  assert.ok(count >= (asserted.min_messages ?? 0), `${name}: ${count} messages`);
  for (const { reversePath, forwardPaths, text } of stored) {
    assert.notEqual(reversePath, asserted.no_envelope_sender, `${name}: sender`);
    for (const path of forwardPaths) {
      const domain = path.slice(path.lastIndexOf("@") + 1).toLowerCase();
      assert.notEqual(domain, asserted.no_relay_to, `${name}: relayed`);
    }
    if (text !== undefined) judgeText(name, text, asserted.body_equals);
  }
}

function judgeText(name: string, text: string, body: string | undefined): void {
  const [header = "", ...rest] = text.split("\r\n\r\n");
  const fields = header.split("\r\n").filter((line) => !/^[ \t]/.test(line));
  const ours = fields.filter((field) => /^(?:Received|Return-Path|Delivered-To):/.test(field));
  // To the daemon the client is one of this machine: it gets the headers that its text lacks.
  const known =
    /^(?:Received: from |Return-Path: <|Delivered-To: |Subject: |Date: |Message-ID: <[0-9a-f]{16}@|$)/;
  for (const field of fields) assert.match(field, known, `${name}: a field of someone else's`);
  assert.equal(new Set(ours).size, ours.length, `${name}: a field twice`);
  if (body !== undefined) assert.equal(rest.join("\r\n\r\n"), body, `${name}: body`);
}
