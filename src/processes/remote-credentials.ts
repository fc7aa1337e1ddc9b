/** What relays show to their hosts, as a dispatcher asks for it: the process `lookup` has it. */
import type { Lookup } from "#base/lookup.ts";
import type { RelayCredentials } from "#model/relay-credentials.ts";
import { type LookupAsker, withoutValue } from "./lookup-asker.ts";

/** Never rejects. */
export async function askCredentials(
  lookup: LookupAsker,
  table: string,
  label: string,
): Promise<Lookup<RelayCredentials>> {
  const answer = await lookup.ask(`table ${table}`, (request) => ({
    kind: "relay-credentials",
    request,
    table,
    label,
  }));
  if (answer.kind === "relay-credentials") return { kind: "found", value: answer.credentials };
  return withoutValue(answer);
}
