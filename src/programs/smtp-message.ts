/**
 * The message that smtp(1) reads: line ends become CRLF and the last line gets one,
 * nothing else is changed.
 */
import type { MessageText } from "#model/delivery.ts";
import { withCrlfLines } from "./line-ends.ts";

/** The message is held in memory; no server takes one that is larger. */
export const MAX_INPUT_BYTES: number = 256 * 1024 * 1024;

const FIRST_8BIT = 0x80;

export interface InputMessage {
  readonly text: MessageText;
  readonly is8bit: boolean;
}

/** Reads `input` to its end; undefined if it is larger than MAX_INPUT_BYTES. */
export async function readMessage(
  input: AsyncIterable<Uint8Array>,
): Promise<InputMessage | undefined> {
  const bytes = await readBounded(input);
  if (bytes === undefined) return undefined;
  const text = withCrlfLines(bytes);
  return {
    text: {
      bytes: text.length,
      async *chunks() {
        if (text.length > 0) yield text;
      },
    },
    is8bit: text.some((byte) => byte >= FIRST_8BIT),
  };
}

/** All of `input` as it is; undefined if it is larger than MAX_INPUT_BYTES. */
export async function readBounded(
  input: AsyncIterable<Uint8Array>,
): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of input) {
    bytes += chunk.length;
    if (bytes > MAX_INPUT_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
