/**
 * What entries are found by: numbers of 32 bits, so that an index is small. Two things may
 * share one; who looks something up compares the entry itself.
 */
import { crc32 } from "node:zlib";
import { hex32At } from "#base/hex.ts";
import { unreachable } from "#base/unreachable.ts";
import type { TraceEntry, TraceSubject } from "#model/trace.ts";

/** Of what is about all messages. No msgid is zero. */
export const KEY_OF_ALL = 0;

export function keyOfId(id: string): number {
  return hex32At(id);
}

export function keyOfSubject(subject: TraceSubject): number {
  switch (subject.kind) {
    case "id":
      return keyOfId(subject.id);
    case "message-id":
      return keyOfText(subject.messageId);
    case "address":
      return keyOfText(subject.address);
    default:
      return unreachable(subject);
  }
}

/** Every key that `entry` is found by. */
export function addKeysOf(entry: TraceEntry, to: Set<number>): void {
  if ("evpid" in entry) {
    to.add(keyOfId(entry.evpid));
    return;
  }
  switch (entry.kind) {
    case "accepted":
      to.add(keyOfId(entry.msgid));
      if (entry.messageId !== "") to.add(keyOfText(entry.messageId));
      if (entry.reversePath !== "") to.add(keyOfText(entry.reversePath));
      for (const { forwardPath, destination } of entry.recipients) {
        to.add(keyOfText(forwardPath));
        if (destination !== forwardPath) to.add(keyOfText(destination));
      }
      return;
    case "reported":
      to.add(keyOfId(entry.msgid));
      to.add(keyOfId(entry.report));
      return;
    case "unreported":
      to.add(keyOfId(entry.msgid));
      return;
    case "recovered":
    case "missing":
      to.add(KEY_OF_ALL);
      return;
    default:
      unreachable(entry);
  }
}

function keyOfText(text: string): number {
  return crc32(text.toLowerCase());
}
