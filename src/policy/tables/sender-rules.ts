/**
 * `senders T`: which envelope senders a user may use. The table has for each user a list of
 * patterns as rules have them (mailaddr.ts), with commas between; a user without an entry
 * may use none, and the null sender is matched by `@` alone.
 *
 * Source: OpenSMTPD smtp_session.c (lka K_MAILADDRMAP), table.c; smtpd.conf(5).
 */
import { andThen } from "#base/and-then.ts";
import { found, type Lookup } from "#base/lookup.ts";
import type { SenderRules } from "#model/authentication.ts";
import type { TableAnswer } from "./answers.ts";
import { createKeyMemory, MAX_KEY_LENGTH } from "./key-forms.ts";
import { foldKey } from "./key-index.ts";
import { compileMailaddrs } from "./mailaddr.ts";
import type { Tables } from "./tables.ts";

export function senderRules(tables: Tables, delimiter: string): SenderRules {
  return {
    mayUse(name, user, reversePath) {
      const table = tables.get(name);
      if (table === undefined)
        return { kind: "unavailable", cause: new Error(`no table "${name}" is known here`) };
      return andThen(tables.lookup(table, "mailaddrmap")(user), (answer) =>
        decide(answer, reversePath, delimiter),
      );
    },
  };
}

function decide(answer: TableAnswer, reversePath: string, delimiter: string): Lookup<boolean> {
  if (answer.kind === "unavailable") return answer;
  if (answer.kind === "absent" || reversePath.length > MAX_KEY_LENGTH) return found(false);
  const patterns = new Map(answer.value.split(",").map((each) => [each.trim(), ""] as const));
  patterns.delete("");
  const settings = { delimiter, memory: createKeyMemory(delimiter) };
  return found(compileMailaddrs(patterns, settings)(foldKey(reversePath)).kind === "found");
}
