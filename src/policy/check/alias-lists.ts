/**
 * Aliases and virtual addresses whose mail comes to nobody: those that go round in a
 * loop, are empty, or lead to an address or user that is refused. Each is expanded as
 * mail would be, with every account of the system there and no forward file.
 *
 * Told only where the answer is the same for every sender: rules that look at more than
 * addresses, or ask a remote table, keep this from judging what an alias leads to.
 * Tables that are asked at each look-up are not looked at.
 */
import { found } from "#base/lookup.ts";
import type { Users } from "#base/ports/users.ts";
import type { ActionAliases } from "#model/config/action.ts";
import type { Config } from "#model/config/config.ts";
import { type CriterionTest, type Rule, tableMatchOf } from "#model/config/rule.ts";
import type { Table } from "#model/config/table.ts";
import { type ExpansionNode, parseExpansionList } from "#model/expansion-list.ts";
import type { ReadFile } from "#model/config/config-source.ts";
import type { RecipientQuery, Resolution } from "#model/resolution.ts";
import { aliasKeys } from "#policy/expand/alias-keys.ts";
import { Expansion } from "#policy/expand/expansion.ts";
import { Includes } from "#policy/expand/includes.ts";
import { MAX_DEPTH } from "#policy/expand/node-tree.ts";
import { compileRuleset } from "#policy/ruleset/ruleset.ts";
import type { RuleQuery } from "#policy/ruleset/ruleset-criteria.ts";
import { foldKey } from "#policy/tables/key-index.ts";
import { Tables } from "#policy/tables/tables.ts";
import { EntryPlaces } from "./entry-places.ts";
import { ExpansionTrace } from "./expansion-trace.ts";
import { type Finding, warning } from "./finding.ts";

/** Entries that are expanded, of all tables together: those after them are not looked at. */
const MAX_EXPANDED = 20_000;
/** After as many there is enough to do. */
const MAX_FINDINGS = 50;

/** Everybody is somebody: whether the account exists is another question. */
const ANYBODY: Users = {
  lookup: async (name) => found({ name, uid: 1000, gid: 1000, home: "/" }),
};

export async function aliasFaults(config: Config, read: ReadFile): Promise<readonly Finding[]> {
  const places = new EntryPlaces(read);
  const trial = new Trial(config);
  const findings: Finding[] = [];
  let expanded = 0;
  for (const { aliases, rule } of aliasedRules(config)) {
    const { table } = aliases;
    const keys = new Set(Array.from(table.entries.keys(), foldKey));
    for (const [key, value] of table.entries) {
      if (findings.length >= MAX_FINDINGS || expanded >= MAX_EXPANDED) return findings;
      const list = parseExpansionList(value);
      // The parser has told.
      if (list.kind === "expansion-fault") continue;
      if (!mayFail(list.nodes, rule, keys, config.subAddressDelimiter)) continue;
      expanded++;
      const fault = await trial.of(key, rule);
      if (fault !== undefined)
        findings.push(warning(places.of(table, key), fault.message, fault.hint));
    }
  }
  return findings;
}

interface AliasedRule {
  readonly aliases: ActionAliases;
  /** The first that leads to the action with the table. */
  readonly rule: Rule;
}

/** Each table once. */
function aliasedRules({ rules }: Config): readonly AliasedRule[] {
  const byTable = new Map<Table, AliasedRule>();
  for (const rule of rules) {
    if (rule.action === "reject" || rule.action.kind === "relay") continue;
    const { aliases } = rule.action;
    if (aliases === undefined || aliases.table.shape === "remote") continue;
    if (!byTable.has(aliases.table)) byTable.set(aliases.table, { aliases, rule });
  }
  return [...byTable.values()];
}

/** Whether an entry is worth an expansion: most lead to an account, and that is all. */
function mayFail(
  nodes: readonly ExpansionNode[],
  { action }: Rule,
  keys: ReadonlySet<string>,
  delimiter: string,
): boolean {
  if (nodes.length === 0) return true;
  return nodes.some((node) => {
    if (node.kind === "address" || node.kind === "include") return true;
    if (node.kind !== "user" || action === "reject" || action.kind === "relay") return false;
    if (action.userbase !== undefined || action.kind === "expand-only") return true;
    return aliasKeys(node.user, delimiter).some((key) => keys.has(key));
  });
}

interface Fault {
  readonly message: string;
  readonly hint: string;
}

/** Expands entries as if their rule had matched. */
class Trial {
  readonly #config: Config;
  readonly #expansion: Expansion;
  readonly #isSameForAll: boolean;
  /** Loops that were told, each by its members. */
  readonly #loops = new Set<string>();
  #firstRule: Rule | undefined;

  constructor(config: Config) {
    const tables = new Tables(config.tables, { delimiter: config.subAddressDelimiter });
    const ruleset = compileRuleset(config, tables);
    this.#config = config;
    this.#isSameForAll = config.rules.every(asksOfAddressesAlone);
    this.#expansion = new Expansion(config, {
      users: ANYBODY,
      forwardFiles: { read: () => ({ kind: "absent" }) },
      includes: new Includes(config.includes),
      table: (table, service) => tables.lookup(table, service),
      matchRule: (_query, { address, isInternal }, tell) => {
        const first = this.#firstRule;
        if (!isInternal && first !== undefined) return { kind: "matched", rule: first };
        return ruleset.matchRule(internalQuery(address), tell);
      },
    });
  }

  async of(key: string, rule: Rule): Promise<Fault | undefined> {
    const trace = new ExpansionTrace();
    this.#firstRule = rule;
    const forwardPath = this.#addressOf(key);
    const resolution = await this.#expansion.expand(recipientQuery(forwardPath), trace.tell);
    return (
      this.#loopFault(trace, resolution) ??
      depthFault(key, trace, resolution) ??
      this.#refusalFault([key, forwardPath], trace, resolution)
    );
  }

  #loopFault(trace: ExpansionTrace, resolution: Resolution): Fault | undefined {
    const [loop] = trace.loops;
    if (loop === undefined) return undefined;
    const members = [...new Set(loop)].toSorted().join(" ");
    if (this.#loops.has(members)) return undefined;
    this.#loops.add(members);
    return {
      message: `aliases lead round in a loop: ${loop.join(" -> ")}`,
      hint:
        resolution.kind === "accepted"
          ? "the last step leads to nobody"
          : "mail to them is deferred until one of them leads to somebody",
    };
  }

  /** @param names of the entry, the first of which is told. */
  #refusalFault(
    names: readonly [key: string, address: string],
    trace: ExpansionTrace,
    resolution: Resolution,
  ): Fault | undefined {
    if (resolution.kind !== "rejected" && resolution.kind !== "expansion") return undefined;
    if (trace.hasAskedRules && !this.#isSameForAll) return undefined;
    const { last } = trace;
    const leadsOn = last !== undefined && !names.some((name) => foldKey(name) === foldKey(last));
    const way = leadsOn ? `, as it leads to ${last}` : "";
    const isUnmatched = resolution.kind === "rejected" && resolution.rule === "";
    return {
      message: `mail to ${names[0]} is refused${way}: ${resolution.why}`,
      hint: isUnmatched
        ? "what an alias sends on is mail from local: 'match from local for … action …'"
        : "",
    };
  }

  /** An address that the entry is for. */
  #addressOf(key: string): string {
    const at = key.lastIndexOf("@");
    if (at < 0) return `${key}@${this.#config.serverName}`;
    const domain = key.slice(at + 1);
    const user = at === 0 ? "anybody" : key.slice(0, at);
    return `${user}@${domain === "" ? this.#config.serverName : domain}`;
  }
}

function depthFault(
  key: string,
  { depth }: ExpansionTrace,
  resolution: Resolution,
): Fault | undefined {
  if (resolution.kind !== "unavailable" || depth < MAX_DEPTH - 1) return undefined;
  return { message: `mail to ${key} is deferred: ${resolution.why}`, hint: "" };
}

function asksOfAddressesAlone({ criteria }: Rule): boolean {
  return criteria.every(({ test }) => {
    if (!SAME_FOR_ALL.has(test.kind)) return false;
    return tableMatchOf(test)?.table.shape !== "remote";
  });
}

/** Of a login there is none: mail of strangers must find its way too. */
const SAME_FOR_ALL: ReadonlySet<CriterionTest["kind"]> = new Set([
  "from",
  "for",
  "rcpt-to",
  "auth",
]);

function internalQuery(destination: string): RuleQuery {
  const { address, hostname, helo, tag, username } = NOBODY;
  const shared = { address, hostname, helo, tag, username, destination };
  return { ...shared, via: "internal", tls: false, reversePath: "" };
}

const NOBODY: RecipientQuery["origin"] = {
  kind: "local",
  address: "local",
  hostname: "localhost",
  helo: "localhost",
  fcrdns: "fail",
  tag: "",
  username: "",
  tls: undefined,
};

function recipientQuery(forwardPath: string): RecipientQuery {
  return { origin: NOBODY, via: "socket", tls: false, reversePath: "", forwardPath };
}
