/**
 * Complaints: what is wrong with a configuration, where, and what would be right.
 *
 * An "error" keeps the server from starting, a "warning" does not. The words are
 * OpenSMTPD's where it has some (parse.y).
 */
import { formatPlace, type Place } from "./place.ts";

export interface Complaint {
  readonly severity: "error" | "warning";
  readonly at: Place;
  readonly message: string;
  /** The line that `at` is on; "" if there is none. */
  readonly sourceLine: string;
  /** What to write instead, on a line or several; "" if nobody can say. */
  readonly hint: string;
}

/** Of a line that is longer only the start is shown. */
const MAX_SHOWN_CHARACTERS = 160;
/** After this many a file is not worth reading on; the last one says so. */
export const MAX_COMPLAINTS = 200;

/**
 * `FILE:LINE:COLUMN: message`, the line, a caret under the column, and the hint; no
 * final newline. Line 0 means the file as a whole.
 */
export function formatComplaint(complaint: Complaint): string {
  const { at, message, sourceLine, hint } = complaint;
  const severity = complaint.severity === "warning" ? "warning: " : "";
  const place = at.line === 0 ? at.file : `${formatPlace(at)}:${at.column}`;
  const lines = [`${printable(place)}: ${severity}${printable(message)}`];
  if (sourceLine !== "" && at.column <= MAX_SHOWN_CHARACTERS) {
    // Tabs stay tabs, so that the caret stands below its column whatever their width.
    const padding = sourceLine.slice(0, at.column - 1).replaceAll(/[^\t]/gu, " ");
    lines.push(`  ${printable(sourceLine.slice(0, MAX_SHOWN_CHARACTERS))}`, `  ${padding}^`);
  }
  if (hint !== "") lines.push(...hint.split("\n").map((line) => `  ${printable(line)}`));
  return lines.join("\n");
}

/** An error that is found where the text is not at hand: no line is shown of it. */
export function errorAt(at: Place, message: string): Complaint {
  return { severity: "error", at, message, sourceLine: "", hint: "" };
}

/** Gathers the complaints about one configuration. */
export class ComplaintList {
  /** By file. Most are never looked at, so a text becomes lines when one is asked for. */
  readonly #texts = new Map<string, string | readonly string[]>();
  readonly #complaints: Complaint[] = [];
  readonly #differences: Complaint[] = [];
  #errors = 0;

  /** Makes the lines of a file known, for complaints about it. */
  addFile(file: string, text: string): void {
    this.#texts.set(file, text);
  }

  get hasErrors(): boolean {
    return this.#errors > 0;
  }

  get isFull(): boolean {
    return this.#complaints.length >= MAX_COMPLAINTS;
  }

  error(at: Place, message: string, hint = ""): void {
    this.#errors++;
    this.#add({ severity: "error", at, message, sourceLine: this.#lineAt(at), hint });
  }

  warning(at: Place, message: string, hint = ""): void {
    this.#add({ severity: "warning", at, message, sourceLine: this.#lineAt(at), hint });
  }

  /**
   * A warning that a line means something else in OpenSMTPD. In a file with mistakes
   * these would only hide them, so there are none.
   */
  difference(at: Place, message: string, hint = ""): void {
    if (this.#differences.length >= MAX_COMPLAINTS) return;
    const sourceLine = this.#lineAt(at);
    const named = `differs from OpenSMTPD: ${message}`;
    this.#differences.push({ severity: "warning", at, message: named, sourceLine, hint });
  }

  /** In the order of the text; those about the whole come last. */
  list(): readonly Complaint[] {
    if (this.isFull) return [...this.#complaints];
    const all = this.hasErrors ? this.#complaints : [...this.#complaints, ...this.#differences];
    const files = [...this.#texts.keys()];
    const rank = ({ at }: Complaint): number =>
      at.line === 0 ? files.length : files.indexOf(at.file);
    return all.toSorted(
      (left, right) =>
        rank(left) - rank(right) ||
        left.at.line - right.at.line ||
        left.at.column - right.at.column,
    );
  }

  #add(complaint: Complaint): void {
    const room = MAX_COMPLAINTS - this.#complaints.length;
    if (room <= 0) return;
    this.#complaints.push(
      room > 1 ? complaint : { ...complaint, message: "too many complaints", hint: "" },
    );
  }

  #lineAt(at: Place): string {
    const text = this.#texts.get(at.file);
    if (text === undefined) return "";
    const lines = typeof text === "string" ? text.split("\n") : text;
    this.#texts.set(at.file, lines);
    return lines[at.line - 1] ?? "";
  }
}

/** Nothing of a file, or of its name, may steer the terminal that shows it, or reorder what is read. */
function printable(text: string): string {
  return text.replaceAll(/(?!\t)[\p{C}\p{Zl}\p{Zp}]/gu, "?");
}
