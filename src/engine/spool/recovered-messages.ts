/**
 * Hands what a start found to the queue, in pieces, each read when it is asked for.
 */
import { type Files, FilesError } from "#base/ports/files.ts";
import type { Observe } from "#model/events.ts";
import { Checkpoint, UnusableCheckpoint } from "./checkpoint-reader.ts";
import type { LastCheckpoint } from "./checkpoints.ts";
import { DAMAGED_TEXT } from "./stored-text.ts";
import type { Ledger } from "./ledger.ts";
import type { Position } from "./live-message.ts";
import { lostState } from "./lost-state.ts";
import type { Keyring } from "./queue-keys.ts";
import { RecordReader } from "./record-reader.ts";
import type { StartProgress } from "./start-progress.ts";
import type { StoredMessage } from "./spool.ts";
import type { TailStates } from "./tail-states.ts";
import { walkedMessage, walkUnfinished } from "./unfinished-walk.ts";

export interface RecoveredMessagesParts {
  readonly files: Files;
  readonly observe: Observe;
  /** The spool's. */
  readonly folder: string;
  readonly keys: Keyring;
  readonly ledger: Ledger;
  /** The checkpoint that the ledger started from. */
  readonly checkpoint: LastCheckpoint | undefined;
  /** What the journal says of tries behind it. */
  readonly tail: TailStates | undefined;
  readonly progress: StartProgress;
}

export class RecoveredMessages {
  readonly #parts: RecoveredMessagesParts;
  /** The journal as the start found it. */
  readonly #end: Position;
  /** What the journal says behind the checkpoint; forgotten when it was given. */
  #tail: TailStates | undefined;
  #state: "whole" | "given" = "whole";

  constructor(parts: RecoveredMessagesParts) {
    this.#parts = parts;
    this.#end = parts.ledger.end;
    this.#tail = parts.tail;
  }

  /** All of it, the first time; then nothing. @throws {FilesError} if it cannot be read any more. */
  async *walk(): AsyncGenerator<readonly StoredMessage[]> {
    if (this.#state === "given" || this.#parts.ledger.messages === 0) return;
    this.#state = "given";
    const { files, folder, keys, ledger, observe, checkpoint, progress } = this.#parts;
    const base = checkpoint && (await Checkpoint.open(files, folder, keys));
    const reader = new RecordReader(files, (sequence) => ledger.segment(sequence));
    const tail = this.#tail && { states: this.#tail, end: this.#end };
    this.#tail = undefined;
    const states = { ledger, reader, lost: lostState(observe, ledger), tail };
    const bounds = { from: base?.end ?? { sequence: 0, at: 0 }, to: this.#end };
    let given = 0;
    try {
      for await (const some of walkUnfinished(states, base, bounds)) {
        const messages: StoredMessage[] = [];
        for (const walked of some) {
          const stated = await walkedMessage(states, walked);
          if (stated === undefined) continue;
          const { message, envelopes } = stated;
          messages.push({ message, envelopes });
        }
        given += messages.length;
        if (messages.length > 0) yield messages;
        progress.reached("messages", given, ledger.messages);
      }
    } catch (error) {
      // It was whole when the spool was opened: the next start reads the journal instead.
      if (error instanceof UnusableCheckpoint) throw new FilesError(DAMAGED_TEXT, error.message);
      throw error;
    } finally {
      await base?.close();
      await reader.close();
    }
  }
}
