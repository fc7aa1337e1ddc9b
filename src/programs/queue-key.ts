/**
 * Where the keys of `queue encryption` come from when the daemon starts: smtpd.conf(5), a file,
 * the terminal or the standard input. They are read once; a reload leaves them as they are.
 *
 * Nobody but their owner may read a file of keys.
 */
import { readFileSync, statSync } from "node:fs";
import { CR, LF } from "#base/ascii.ts";
import { unreachable } from "#base/unreachable.ts";
import type { Config } from "#model/config/config.ts";
import { QUEUE_KEY_LENGTH } from "#model/config/defaults.ts";
import { isQueueKey, parseQueueKeys, type QueueKeys } from "#model/config/queue-key-text.ts";

/** Bits of the mode of a file of keys that must not be set. */
export const NOT_FOR_OTHERS = 0o077;
/** Longer than any line with a key. */
const MAX_LINE_BYTES = 1024;
const INTERRUPT = 3;
const END_OF_TRANSMISSION = 4;
const BACKSPACES: readonly number[] = [8, 127];

/** Standard input, as much of it as reading a key needs. */
export interface KeyInput extends AsyncIterable<Uint8Array> {
  /** Undefined if it is no terminal. */
  readonly setRawMode: ((raw: boolean) => unknown) | undefined;
}

export interface KeyTools {
  readonly input: KeyInput;
  readonly prompt: (text: string) => void;
}

/** This process's own. */
export function standardKeyTools(): KeyTools {
  return {
    input: {
      setRawMode: process.stdin.isTTY ? (raw) => process.stdin.setRawMode(raw) : undefined,
      async *[Symbol.asyncIterator]() {
        for await (const bytes of process.stdin) yield Buffer.from(bytes);
      },
    },
    prompt: (shown) => void process.stderr.write(shown),
  };
}

/** Whether they are asked for on the standard input. */
export function asksForKey({ queueEncryption: { kind } }: Config): boolean {
  return kind === "terminal" || kind === "stdin";
}

/** The keys, or in one line why there are none. */
export async function queueKeys(
  { queueEncryption }: Config,
  tools: KeyTools,
): Promise<QueueKeys | { readonly why: string }> {
  switch (queueEncryption.kind) {
    case "off":
      return [];
    case "key":
      return [queueEncryption.key];
    case "file":
      return keysInFile(queueEncryption.path);
    case "terminal":
    case "stdin": {
      const isTyped = queueEncryption.kind === "terminal" && tools.input.setRawMode !== undefined;
      const line = isTyped ? await typedLine(tools) : await firstLine(tools.input);
      const key = line?.trim() ?? "";
      return isQueueKey(key)
        ? [key]
        : { why: `queue encryption: no key of ${QUEUE_KEY_LENGTH} characters was given` };
    }
    default:
      return unreachable(queueEncryption);
  }
}

function keysInFile(path: string): QueueKeys | { readonly why: string } {
  const refused = (why: string): { readonly why: string } => ({
    why: `queue encryption: ${path}: ${why}`,
  });
  try {
    if ((statSync(path).mode & NOT_FOR_OTHERS) !== 0)
      return refused("others may read the keys: chmod 600");
    const keys = parseQueueKeys(readFileSync(path, "utf8"));
    return typeof keys === "string" ? refused(keys) : keys;
  } catch (error) {
    return refused(error instanceof Error ? error.message : String(error));
  }
}

/** Up to the end of the line, or of the input. */
async function firstLine(input: KeyInput): Promise<string | undefined> {
  const read: number[] = [];
  for await (const bytes of input) {
    for (const byte of bytes) {
      if (byte === LF) return text(read);
      read.push(byte);
      if (read.length > MAX_LINE_BYTES) return undefined;
    }
  }
  return text(read);
}

/** A line that is not shown while it is typed. */
async function typedLine({ input, prompt }: KeyTools): Promise<string | undefined> {
  const typed: number[] = [];
  prompt("queue key: ");
  input.setRawMode?.(true);
  try {
    for await (const bytes of input) {
      for (const byte of bytes) {
        if (byte === CR || byte === LF || byte === END_OF_TRANSMISSION) return text(typed);
        if (byte === INTERRUPT || typed.length === MAX_LINE_BYTES) return undefined;
        if (BACKSPACES.includes(byte)) typed.pop();
        else typed.push(byte);
      }
    }
    return text(typed);
  } finally {
    input.setRawMode?.(false);
    prompt("\n");
  }
}

function text(bytes: readonly number[]): string {
  return Buffer.from(bytes).toString("utf8");
}
