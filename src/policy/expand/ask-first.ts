/** One look-up under several keys, as aliases and virtual addresses need it. */
import { ABSENT } from "#base/lookup.ts";
import type { Table } from "#model/config/table.ts";
import type { Tell } from "#model/reason.ts";
import type { TableAnswer, TableLookup } from "#policy/tables/answers.ts";
import { toldAnswer } from "./accounts.ts";

/** A table, and who is told of what it is asked. */
interface Asked {
  readonly table: Table;
  readonly lookup: TableLookup;
  readonly tell: Tell | undefined;
}

/** The answer for the first of `keys` that is not absent; at once if the table's are. */
export function askFirst(
  asked: Asked,
  keys: readonly string[],
  from = 0,
): TableAnswer | Promise<TableAnswer> {
  for (let at = from; at < keys.length; at++) {
    const key = keys[at] ?? "";
    const answer = asked.lookup(key);
    if (answer instanceof Promise)
      return answer.then((late) => {
        tellAnswer(asked, key, late);
        return late.kind === "absent" ? askFirst(asked, keys, at + 1) : late;
      });
    tellAnswer(asked, key, answer);
    if (answer.kind !== "absent") return answer;
  }
  return ABSENT;
}

function tellAnswer({ table, tell }: Asked, key: string, answer: TableAnswer): void {
  if (tell === undefined) return;
  const told = toldAnswer(answer);
  tell({ kind: "table-lookup", table: table.name, service: "alias", key, answer: told });
}
