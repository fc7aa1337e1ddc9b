/** Wrappers of deliveries by name, from what `mda wrapper` says. Source: smtpd.conf(5). */
import type { MdaWrapper } from "./action.ts";
import { isTaken } from "./build-names.ts";
import type { ComplaintList } from "./complaint.ts";
import { parseFormat } from "./format.ts";
import type { Place } from "./place.ts";
import type { Statement, WrapperStatement } from "./syntax.ts";

export function buildWrappers(
  statements: readonly Statement[],
  complaints: ComplaintList,
): ReadonlyMap<string, MdaWrapper | undefined> {
  const wrappers = new Map<string, MdaWrapper | undefined>();
  const places = new Map<string, Place>();
  for (const statement of statements) {
    if (statement.kind !== "wrapper") continue;
    const { name } = statement;
    if (isTaken(name, places, "mda wrapper", complaints)) continue;
    wrappers.set(name.text, buildWrapper(statement, complaints));
  }
  return wrappers;
}

function buildWrapper(
  { at, name, command }: WrapperStatement,
  complaints: ComplaintList,
): MdaWrapper | undefined {
  const format = parseFormat(command.text, "wrapper");
  if ("reason" in format) {
    complaints.error(command.at, format.reason);
    return undefined;
  }
  if (!format.parts.some((part) => part.kind === "token" && part.token === "mda"))
    complaints.warning(
      command.at,
      `mda wrapper ${name.text} does not run what it wraps: its mail is not delivered`,
      "%{mda} stands for the command",
    );
  return { at, name: name.text, command: format };
}
