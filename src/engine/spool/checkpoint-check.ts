/** Whether the journal is still the one that a checkpoint covers: files may have been taken away from it, or put into it. */
import { UnusableCheckpoint } from "./checkpoint-reader.ts";
import type { Covered } from "./checkpoint-writer.ts";
import type { Position } from "./live-message.ts";
import type { FoundSegment } from "./segment-reading.ts";

/** The segments that there are, and the highest number that a file among them has or had. */
export interface FoundJournal {
  readonly found: readonly FoundSegment[];
  readonly highest: number;
}

/** What a checkpoint covers, and up to where. */
interface Coverage {
  readonly end: Position;
  readonly covered: Covered;
}

/** @throws {UnusableCheckpoint} if the journal says otherwise. */
export function compareWithJournal(
  { end, covered }: Coverage,
  { found, highest }: FoundJournal,
): void {
  const last = found.at(-1)?.segment.sequence;
  // Without any, all that it covers was unlinked (there may have been none: 0); but not if one was just dropped as being made.
  const isDropped = highest > 0 && highest === end.sequence;
  if (last === undefined ? isDropped : last < end.sequence) {
    throw new UnusableCheckpoint("the last segment that it covers is gone, or without a record");
  }
  const marks = new Map(covered.segments.map(({ sequence, mark }) => [sequence, mark]));
  for (const { segment, missingBytes } of found) {
    const { sequence, bytes } = segment;
    if (sequence > end.sequence) continue;
    const mark = marks.get(sequence);
    if (mark === undefined || Buffer.compare(mark, segment.mark) !== 0) {
      throw new UnusableCheckpoint(`it does not know ${segment.path}`);
    }
    if (missingBytes > 0 || (sequence === end.sequence && bytes < end.at)) {
      throw new UnusableCheckpoint(`${segment.path} is shorter than it was`);
    }
  }
}
