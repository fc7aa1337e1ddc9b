/**
 * The message that smtp(1) reads: line ends become CRLF and the last line gets one,
 * nothing else is changed.
 */
import { CR, LF } from "#base/ascii.ts";
import type { MessageText } from "#model/delivery.ts";

/** The message is held in memory; no server takes one that is larger. */
export const MAX_INPUT_BYTES: number = 256 * 1024 * 1024;

const CRLF_BYTES: Uint8Array = Uint8Array.of(CR, LF);
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

/** Each LF without a CR before it gets one; the last line is completed. */
export function withCrlfLines(text: Uint8Array): Uint8Array {
  const pieces: Uint8Array[] = [];
  let copied = 0;
  for (let lf = text.indexOf(LF); lf >= 0; lf = text.indexOf(LF, lf + 1)) {
    if (lf > 0 && text[lf - 1] === CR) continue;
    pieces.push(text.subarray(copied, lf), CRLF_BYTES);
    copied = lf + 1;
  }
  pieces.push(text.subarray(copied));
  if (text.length > 0 && text.at(-1) !== LF) pieces.push(CRLF_BYTES);
  return Buffer.concat(pieces);
}
