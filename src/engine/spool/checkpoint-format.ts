/**
 * A checkpoint: what the journal said of each unfinished message up to one place in it, so
 * that a start reads only what came behind. It adds nothing to the journal, which says
 * all of it without: one that is damaged, missing or not of this journal is not used.
 *
 * The file is laid out as a segment (segment-header.ts, record.ts), with a magic of its own:
 *
 *   header   the `previous` of which is the place that it covers the journal up to
 *   start    the segments that there were then, each with its mark: of this journal, or of no use;
 *            and how many messages and envelopes there were, so that room is made for them at once
 *   blocks   messages (checkpoint-block.ts), as chunks (text-chunks.ts) behind the head
 *   end      how many there are of both: without it the file is not whole
 */
import { ByteWriter } from "#base/byte-writer.ts";
import { bytes, type Codec, list, struct, u32, u53, union } from "#base/codec.ts";
import { closeFrame, type FramedRecord, type RecordForm, reserveFrame } from "./record.ts";
import { MARK_BYTES } from "./segment-header.ts";

export const CHECKPOINT_MAGIC = "PRCHECKP";
/**
 * Up to format 3, which was that of the segments too, each message had all of itself. One of an
 * older format is not read: the journal says the same, and the next one is written in this.
 */
export const CHECKPOINT_FORMAT = 4;
/** To the key of an encrypted one, and beside the journal's folder. */
export const CHECKPOINT_NAME = "checkpoint";
/** More segments than a disk holds. */
const MAX_SEGMENTS: number = 1 << 22;

export function checkpointPath(folder: string): string {
  return `${folder}/${CHECKPOINT_NAME}`;
}

/** One that is being written. */
export function partialCheckpointPath(folder: string): string {
  return `${checkpointPath(folder)}.partial`;
}

export interface CoveredSegment {
  readonly sequence: number;
  readonly mark: Uint8Array;
}

export type CheckpointHead =
  | {
      readonly kind: "start";
      readonly segments: readonly CoveredSegment[];
      /** When it was begun: about as many follow. */
      readonly messages: number;
      readonly envelopes: number;
    }
  | {
      readonly kind: "block";
      readonly messages: number;
      /** Length of the block before it was compressed. */
      readonly bytes: number;
      readonly rowsEnd: number;
    }
  | { readonly kind: "end"; readonly blocks: number; readonly messages: number };

const coveredSegment = struct<CoveredSegment>({ sequence: u32, mark: bytes(MARK_BYTES) });
export const checkpointHeadCodec: Codec<CheckpointHead> = union<CheckpointHead>({
  start: [1, { segments: list(coveredSegment, MAX_SEGMENTS), messages: u32, envelopes: u32 }],
  block: [2, { messages: u32, bytes: u32, rowsEnd: u32 }],
  end: [3, { blocks: u32, messages: u53 }],
});

/** Frames a record of a checkpoint. */
export function frameCheckpointHead(
  head: CheckpointHead,
  chunks: readonly Uint8Array[],
  form: RecordForm,
): FramedRecord {
  let chunkBytes = 0;
  for (const chunk of chunks) chunkBytes += chunk.length;
  const writer = new ByteWriter();
  reserveFrame(writer, form);
  checkpointHeadCodec.write(writer, head);
  const framed = closeFrame(writer, chunkBytes, form);
  return { head: framed, texts: chunks, bytes: framed.length + chunkBytes, form };
}
