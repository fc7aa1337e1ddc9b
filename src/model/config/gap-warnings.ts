/** What a configuration leaves without a way to go, though nothing in it is wrong. */
import type { ComplaintList } from "./complaint.ts";
import type { Config } from "./config.ts";
import type { Place } from "./place.ts";
import type { Rule } from "./rule.ts";

export function warnOfGaps(config: Config, whole: Place, complaints: ComplaintList): void {
  if (config.listeners.length === 0)
    complaints.warning(
      whole,
      "no listeners: no mail is accepted",
      "'listen on socket' takes mail from the programs of this machine",
    );
  // A bounce is matched as mail from local, to whoever sent what could not be delivered.
  if (!config.rules.some((rule) => rule.action !== "reject" && takesLocalMail(rule)))
    complaints.warning(
      whole,
      "no rule takes mail from local: bounces have nowhere to go",
      "write a rule 'match from local for any action …'",
    );
  const at = config.places.get("mta tls-report");
  if (config.tlsReports !== undefined && at !== undefined && !sendsLocalMailOut(config))
    complaints.warning(
      at,
      "no rule relays mail from local: TLS reports that go by mail have nowhere to go",
      "write a rule 'match from local for any action …' with an action that relays",
    );
}

function sendsLocalMailOut({ rules }: Config): boolean {
  return rules.some(
    (rule) => rule.action !== "reject" && rule.action.kind === "relay" && takesLocalMail(rule),
  );
}

/** Bounces match a rule that asks no more of their sender than to be local. */
function takesLocalMail({ criteria }: Rule): boolean {
  return criteria.every(({ negated, test }) => {
    // It came over no connection, from no user.
    if (test.kind === "tls" || test.kind === "auth") return negated;
    if (test.kind !== "from") return true;
    const { from } = test;
    const isTaken =
      from.kind === "src"
        ? !from.match.regex && from.match.table.entries.has("local")
        : from.kind === "any" || from.kind === "local";
    return isTaken !== negated;
  });
}
