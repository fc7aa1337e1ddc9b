/**
 * Where an envelope would go from the queue: to a mailbox, or to other servers.
 */
import type { Users } from "#base/ports/users.ts";
import { domainOf } from "#protocols/mail/address.ts";
import type { Action } from "#model/config/action.ts";
import type { AskTable } from "#model/config/ask-table.ts";
import type { Config } from "#model/config/config.ts";
import type { ExplainedEnvelope } from "#model/explanation.ts";
import type { PlannedEnvelope } from "#model/resolution.ts";
import { localWay, type Path } from "./local-way.ts";
import { type RelayPorts, relayWay } from "./relay-way.ts";

export interface WayPorts extends RelayPorts {
  readonly users: Users;
  /** Of a userbase that is not in memory; without it nobody knows its accounts. */
  readonly askTable?: AskTable | undefined;
}

export async function explainEnvelope(
  config: Config,
  ports: WayPorts,
  { planned, path }: { readonly planned: PlannedEnvelope; readonly path: Path },
): Promise<ExplainedEnvelope> {
  const action = config.actions.get(planned.action);
  if (action === undefined) throw new TypeError(`Cannot explain: no action ${planned.action}`);
  const { destination, rule, ttlMs } = planned;
  return {
    destination,
    rule,
    action: action.name,
    actionAt: action.at,
    method: methodOf(action, planned),
    ttlMs,
    way:
      action.kind === "relay"
        ? await relayWay(action, { config, ports, domain: domainOf(destination) })
        : await localWay(action, { ...ports, config, planned, path }),
  };
}

/** A command or file of a list goes before the action's own method. */
function methodOf({ kind }: Action, { transport }: PlannedEnvelope): string {
  const listed = transport.kind === "mda" ? transport.listed : undefined;
  if (listed === undefined) return kind;
  return listed.kind === "pipe" ? "command" : "file";
}
