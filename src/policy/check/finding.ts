/** What a check of the configuration has found: a complaint without the text of its line. */
import { type Complaint, ComplaintList } from "#model/config/complaint.ts";
import type { ReadFile } from "#model/config/config-source.ts";
import type { Place } from "#model/config/place.ts";

export interface Finding {
  /** "error" where mail would be lost, or smtpd would not start. */
  readonly severity: "error" | "warning";
  readonly at: Place;
  readonly message: string;
  /** What to write instead; "" if nobody can say. */
  readonly hint: string;
}

export function warning(at: Place, message: string, hint = ""): Finding {
  return { severity: "warning", at, message, hint };
}

export function error(at: Place, message: string, hint = ""): Finding {
  return { severity: "error", at, message, hint };
}

/** The first error, or the first of all where there is none. */
export function worstOf(findings: readonly Finding[]): Finding | undefined {
  return findings.find(({ severity }) => severity === "error") ?? findings[0];
}

/**
 * The findings with the lines that they are about, in the order of the text: those of
 * `mainFile` first.
 *
 * @param read the files of the configuration; one that cannot be read any more is not shown.
 */
export function findingComplaints(
  findings: readonly Finding[],
  mainFile: string,
  read: ReadFile,
): readonly Complaint[] {
  const complaints = new ComplaintList();
  for (const file of new Set([mainFile, ...findings.map(({ at }) => at.file)])) {
    const text = read(file);
    complaints.addFile(file, typeof text === "string" ? text : "");
  }
  for (const { severity, at, message, hint } of findings) {
    if (severity === "error") complaints.error(at, message, hint);
    else complaints.warning(at, message, hint);
  }
  return complaints.list();
}
