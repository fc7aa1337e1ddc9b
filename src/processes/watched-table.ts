/**
 * A `db:` table, as lookup asks it. Its troubles are told to the log when they begin and when
 * they end, not at each question.
 */
import { ABSENT } from "#base/lookup.ts";
import type { TableFile } from "#base/ports/table-files.ts";
import type { Observe } from "#model/events.ts";
import {
  type LookupAnswer,
  MAX_FETCHED_KEYS,
  MAX_LOOKUP_KEY_LENGTH,
  MAX_LOOKUP_REASON_BYTES,
} from "#model/ipc/lookup-link.ts";
import { MAX_STORED_VALUE_BYTES } from "#model/table-database.ts";
import type { TableAnswer, TableBackend } from "#policy/tables/answers.ts";

export class WatchedTable {
  readonly #name: string;
  readonly #file: TableFile;
  readonly #observe: Observe;
  /** What was last wrong with it; "" when it was fine. */
  #trouble = "";
  #lastFetched = "";

  constructor(name: string, file: TableFile, observe: Observe) {
    this.#name = name;
    this.#file = file;
    this.#observe = observe;
  }

  /** Why it cannot be read now, in one line, for the parent to tell. */
  check(): string | undefined {
    const fault = this.#file.fault();
    this.#trouble = fault === undefined ? "" : this.#why(fault);
    return fault && this.#trouble;
  }

  answer(request: number, keys: readonly string[]): LookupAnswer {
    const answer = this.#file.lookupAny(keys);
    if (answer.kind === "unavailable") return this.#unavailable(request, this.#why(answer.cause));
    if (answer.kind === "found" && Buffer.byteLength(answer.value.value) > MAX_STORED_VALUE_BYTES) {
      const why = `table ${this.#name}: the value of a key has more than ${MAX_STORED_VALUE_BYTES} bytes`;
      return this.#unavailable(request, why);
    }
    this.#tell("");
    if (answer.kind === "absent") return { kind: "absent", request };
    return { kind: "found", request, ...answer.value };
  }

  /** The next ones in turn: a table that is longer than an answer begins with others each time. */
  fetch(request: number): LookupAnswer {
    const answer = this.#file.keysAfter(this.#lastFetched, MAX_FETCHED_KEYS);
    if (answer.kind === "unavailable") return this.#unavailable(request, this.#why(answer.cause));
    this.#tell("");
    if (answer.kind === "absent") return { kind: "absent", request };
    const keys = answer.value.filter((key) => key.length <= MAX_LOOKUP_KEY_LENGTH);
    if (answer.value.length === MAX_FETCHED_KEYS) this.#lastFetched = answer.value.at(-1) ?? "";
    return { kind: "fetched", request, keys };
  }

  /** For look-ups within this process. */
  readonly backend: TableBackend = {
    lookupAny: async (_, keys): Promise<TableAnswer> => {
      const answer = this.answer(0, keys);
      if (answer.kind === "found") return { kind: "found", value: answer.value, entry: answer.key };
      if (answer.kind === "unavailable")
        return { kind: "unavailable", cause: new Error(answer.why) };
      return ABSENT;
    },
  };

  close(): void {
    this.#file.close();
  }

  #unavailable(request: number, why: string): LookupAnswer {
    this.#tell(why);
    return { kind: "unavailable", request, why };
  }

  #tell(trouble: string): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    if (trouble === "") this.#observe({ kind: "notice", text: `table ${this.#name} can be read` });
    else this.#observe({ kind: "warning", text: trouble });
  }

  #why(cause: Error): string {
    const isForbidden = "code" in cause && cause.code === "EACCES";
    const hint = isForbidden ? " (started by root, lookup reads it as the user _smtpl)" : "";
    return bounded(`table ${this.#name}: ${cause.message}${hint}`);
  }
}

/** A frame has room for it: UTF-8 has three bytes at most for a UTF-16 unit. */
export function bounded(reason: string): string {
  return reason.slice(0, MAX_LOOKUP_REASON_BYTES / 3);
}
