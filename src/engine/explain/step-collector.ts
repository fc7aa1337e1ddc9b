/**
 * Collects the steps of a decision, as many as an explanation has room for. A decision
 * may make hundreds of thousands: what does not fit is counted.
 */
import { MAX_EXPLAINED_STEPS, MAX_EXPLAINED_TEXT_BYTES } from "#model/explanation.ts";
import type { Reason, Tell } from "#model/reason.ts";

/** Of the steps of all recipients together. */
const MAX_ALL_STEPS_BYTES: number = 128 * 1024;
/** What a step costs beside its texts. */
const STEP_OVERHEAD_BYTES = 64;

/** Room for the steps of one explanation. */
export interface StepRoom {
  bytes: number;
}

export function newStepRoom(): StepRoom {
  return { bytes: MAX_ALL_STEPS_BYTES };
}

export class StepCollector {
  readonly steps: Reason[] = [];
  leftOut = 0;
  readonly #room: StepRoom;

  constructor(room: StepRoom) {
    this.#room = room;
  }

  readonly tell: Tell = (step) => {
    if (this.leftOut > 0 || this.steps.length >= MAX_EXPLAINED_STEPS) {
      this.leftOut++;
      return;
    }
    const kept = withShortTexts(step);
    const bytes = STEP_OVERHEAD_BYTES + Buffer.byteLength(JSON.stringify(kept));
    if (bytes > this.#room.bytes) {
      this.leftOut++;
      return;
    }
    this.#room.bytes -= bytes;
    this.steps.push(kept);
  };
}

/** `value`, which is plain data, with each text in it cut to what an explanation takes. */
export function withShortTexts<Value>(value: Value): Value {
  return shortened(value) as Value;
}

function shortened(value: unknown): unknown {
  if (typeof value === "string") return shortText(value);
  if (Array.isArray(value)) return value.map(shortened);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shortened(each)]));
}

const CUT = "...";

function shortText(text: string): string {
  // No UTF-8 is longer than three bytes for each unit of UTF-16.
  if (text.length * 3 <= MAX_EXPLAINED_TEXT_BYTES) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_EXPLAINED_TEXT_BYTES) return text;
  const kept = bytes.toString("utf8", 0, MAX_EXPLAINED_TEXT_BYTES - CUT.length);
  // A character that was cut through.
  return `${kept.replace(/\uFFFD+$/u, "")}${CUT}`;
}
