/**
 * One expansion: visits the nodes that a recipient comes to, one after the other, until
 * one is refused or all were visited. It goes on at once where the answer is there, so
 * nothing of it may be kept while it waits but what this object holds.
 *
 * Source: OpenSMTPD lka_session.c (lka_expand).
 */
import { andThen } from "#base/and-then.ts";
import type { Users } from "#base/ports/users.ts";
import { unreachable } from "#base/unreachable.ts";
import { splitAddress } from "#protocols/mail/address.ts";
import type { Action, ActionAliases } from "#model/config/action.ts";
import { formatPlace } from "#model/config/place.ts";
import type { Rule } from "#model/config/rule.ts";
import type { Table } from "#model/config/table.ts";
import { COMMAND_USER } from "#model/daemon-users.ts";
import { type ListedDelivery, MAX_ENVELOPES, type Transport } from "#model/envelope.ts";
import { parseExpansionFile, parseExpansionList } from "#model/expansion-list.ts";
import type { ForwardFile, ForwardFiles } from "#model/forward-file.ts";
import type { NodeSource, Tell } from "#model/reason.ts";
import type { PlannedEnvelope, RecipientQuery, Refusal, Resolution } from "#model/resolution.ts";
import type { TableAnswer, TableLookup } from "#policy/tables/answers.ts";
import { accountName } from "./account-name.ts";
import type { Accounts } from "./accounts.ts";
import { aliasKeys, virtualKeys } from "./alias-keys.ts";
import { askFirst } from "./ask-first.ts";
import { readsForwardFile } from "./forward-rule.ts";
import type { Includes } from "./includes.ts";
import { type Children, type Decided, MAX_DEPTH, NodeTree, type TreeNode } from "./node-tree.ts";
import { badList, originOf, unavailable, whyNotExecuted } from "./refusals.ts";

/** OpenSMTPD's (forward.c). */
const MAX_FORWARD_NODES = 100;

/** What policy/ruleset answers about an address. */
export type RuleMatch =
  | { readonly kind: "matched"; readonly rule: Rule }
  | { readonly kind: "none" }
  | { readonly kind: "unavailable"; readonly cause: Error };

/** The rule for `destination`, which is the recipient or, if internal, what it expanded to. */
export type MatchRule = (
  query: RecipientQuery,
  destination: { readonly address: string; readonly isInternal: boolean },
  tell: Tell | undefined,
) => RuleMatch | Promise<RuleMatch>;

export interface ExpansionParties {
  readonly matchRule: MatchRule;
  readonly users: Users;
  readonly forwardFiles: ForwardFiles;
  readonly includes: Includes;
  table(table: Table, service: "alias" | "userinfo"): TableLookup;
}

/** What all walks under one configuration share. */
export interface WalkSetting {
  readonly parties: ExpansionParties;
  readonly accounts: Accounts;
  /** `smtp sub-addr-delim`. */
  readonly delimiter: string;
}

type LocalTransport = Extract<Transport, { readonly kind: "mda" }>;

/** What visiting a node comes to: the recipient is refused, or the walk goes on. */
type Visit = Refusal | undefined;

export class Walk {
  readonly #setting: WalkSetting;
  readonly #query: RecipientQuery;
  readonly #tell: Tell | undefined;
  readonly #tree: NodeTree;
  readonly #envelopes: PlannedEnvelope[] = [];

  constructor(setting: WalkSetting, query: RecipientQuery, tell: Tell | undefined) {
    this.#setting = setting;
    this.#query = query;
    this.#tell = tell;
    this.#tree = new NodeTree(query.forwardPath, setting.delimiter, tell);
  }

  run(): Resolution | Promise<Resolution> {
    for (let node = this.#tree.next(); node !== undefined; node = this.#tree.next()) {
      const visit = this.#visit(node);
      if (visit instanceof Promise) return this.#goOn(visit);
      if (visit !== undefined) return this.#refuse(visit);
    }
    return this.#finish();
  }

  async #goOn(pending: Promise<Visit>): Promise<Resolution> {
    const first = await pending;
    if (first !== undefined) return this.#refuse(first);
    for (let node = this.#tree.next(); node !== undefined; node = this.#tree.next()) {
      const visit = this.#visit(node);
      const refusal = visit instanceof Promise ? await visit : visit;
      if (refusal !== undefined) return this.#refuse(refusal);
    }
    return this.#finish();
  }

  #finish(): Resolution {
    if (this.#envelopes.length > 0) return { kind: "accepted", envelopes: this.#envelopes };
    const kind = this.#tree.hasLoop ? "expansion-later" : "expansion";
    const why = this.#tree.hasLoop ? "the aliases go round in a loop" : "it expands to nobody";
    return this.#refuse({ kind, why });
  }

  #refuse(refusal: Refusal): Refusal {
    const why = refusal.kind === "said" ? refusal.text : refusal.why;
    this.#tell?.({ kind: "refused", as: refusal.kind, why });
    return refusal;
  }

  #visit(node: TreeNode): Visit | Promise<Visit> {
    const { is, decided } = node;
    if (is.kind === "address") return this.#visitAddress(node);
    if (is.kind === "error") return { kind: "said", code: is.code, text: is.text };
    if (decided === undefined) throw new TypeError("Cannot expand: no rule has decided");
    switch (is.kind) {
      case "user":
        return this.#visitUser(node, is.user, decided);
      case "include":
        return this.#visitInclude(node, is.path, decided);
      case "pipe":
        return this.#visitListed(node, { kind: "pipe", text: is.command }, decided);
      case "file":
        return this.#visitListed(node, { kind: "file", text: is.path }, decided);
      default:
        return unreachable(is);
    }
  }

  // Addresses.

  #visitAddress(node: TreeNode): Visit | Promise<Visit> {
    const isInternal = node.parent !== undefined;
    const destination = { address: node.address, isInternal };
    const answer = this.#setting.parties.matchRule(this.#query, destination, this.#tell);
    return andThen(answer, (match) => this.#addressMatched(node, match));
  }

  #addressMatched(node: TreeNode, match: RuleMatch): Visit | Promise<Visit> {
    if (match.kind === "none") return { kind: "rejected", rule: "", why: "no rule matches" };
    if (match.kind === "unavailable") return unavailable(match.cause.message);
    const { rule } = match;
    const { action } = rule;
    if (action === "reject")
      return { kind: "rejected", rule: formatPlace(rule.at), why: "the rule says so" };
    if (action.kind === "relay") return this.#plan(node, rule, action, { kind: "mta" });
    const { aliases } = action;
    const decided: Decided = { rule, action };
    const user = splitAddress(node.address).localPart.toLowerCase();
    // Nothing can lead on from here: the local part need not become a node of its own.
    if (aliases === undefined && !readsForwardFile(action))
      return this.#visitAccount(node, user, decided);
    if (aliases?.kind === "virtual") return this.#visitVirtual(node, aliases, decided);
    const source: NodeSource = { kind: "local-part" };
    return this.#grow(node, { nodes: [{ kind: "user", user }], source, decided });
  }

  #visitVirtual(node: TreeNode, aliases: ActionAliases, decided: Decided): Visit | Promise<Visit> {
    const keys = virtualKeys(node.address, this.#setting.delimiter);
    return andThen(this.#ask(aliases.table, keys), (answer) =>
      answer.kind === "absent"
        ? { kind: "expansion", why: `not in table <${aliases.table.name}>` }
        : this.#growFromTable(node, aliases, { answer, decided }),
    );
  }

  // Users.

  #visitUser(node: TreeNode, user: string, decided: Decided): Visit | Promise<Visit> {
    const { aliases } = decided.action;
    if (aliases?.kind !== "alias" || node.cameBackFrom !== undefined)
      return this.#visitAccount(node, user, decided);
    const keys = aliasKeys(user, this.#setting.delimiter);
    return andThen(this.#ask(aliases.table, keys), (answer) =>
      answer.kind === "absent"
        ? this.#visitAccount(node, user, decided)
        : this.#growFromTable(node, aliases, { answer, decided }),
    );
  }

  /** No list stands for this user: it must be somebody. */
  #visitAccount(node: TreeNode, user: string, decided: Decided): Visit | Promise<Visit> {
    const { action, rule } = decided;
    const { accounts, delimiter } = this.#setting;
    const name = accountName(user, delimiter);
    return andThen(accounts.find(action, name, this.#tell), (account) => {
      if (account.kind === "unavailable") return unavailable(account.why);
      if (account.kind === "none")
        return { kind: "rejected", rule: formatPlace(rule.at), why: account.why };
      const extension = user.slice(name.length + delimiter.length);
      const transport = { kind: "mda", user: account.name, extension } as const;
      const isOwn = action.user === undefined || action.user === account.name;
      const isForwarded = node.cameBackFrom === "forward-file" || !isOwn;
      if (isForwarded || !readsForwardFile(action)) return this.#deliver(node, decided, transport);
      return andThen(this.#setting.parties.forwardFiles.read(action.name, account.name), (file) =>
        this.#forward(node, file, { decided, transport }),
      );
    });
  }

  #forward(
    node: TreeNode,
    file: ForwardFile,
    { decided, transport }: { readonly decided: Decided; readonly transport: LocalTransport },
  ): Visit {
    const { user } = transport;
    this.#tell?.({ kind: "forward-file", user, answer: toldForwardFile(file) });
    if (file.kind === "absent") return this.#deliver(node, decided, transport);
    if (file.kind === "unavailable") return unavailable(`forward file of ${user}: ${file.why}`);
    if (file.kind === "refused") {
      const why = `forward file of ${user}: ${file.why}`;
      return { kind: "rejected", rule: formatPlace(decided.rule.at), why };
    }
    const list = parseExpansionFile(file.text);
    if (list.kind === "expansion-fault") return badList(`forward file of ${user}`, list);
    if (list.nodes.length > MAX_FORWARD_NODES)
      return unavailable(`forward file of ${user}: more than ${MAX_FORWARD_NODES} entries`);
    const nodes = list.nodes.filter((is) => is.kind !== "include");
    if (nodes.length < list.nodes.length)
      this.#ignored(node, "include:", "a forward file includes nothing");
    if (nodes.length === 0) return this.#deliver(node, decided, transport);
    return this.#grow(node, { nodes, source: { kind: "forward-file", user }, decided });
  }

  // Commands and files.

  /** Run and written as whose forward file it was, else as the action's user or nobody's. */
  #visitListed(node: TreeNode, listed: ListedDelivery, decided: Decided): Visit {
    const { action, rule } = decided;
    const why = whyNotExecuted(node, decided);
    if (why !== undefined) return unavailable(why);
    const origin = originOf(node);
    const user = origin.kind === "forward-file" ? origin.user : (action.user ?? COMMAND_USER);
    const extension = subAddressOf(node, this.#setting.delimiter);
    return this.#plan(node, rule, action, { kind: "mda", user, extension, listed });
  }

  // Lists.

  #visitInclude(node: TreeNode, path: string, decided: Decided): Visit {
    const list = this.#setting.parties.includes.list(path);
    if (list === undefined) return unavailable(`${path} could not be read`);
    if (list.kind === "expansion-fault") return badList(path, list);
    return this.#grow(node, { nodes: list.nodes, source: { kind: "include", path }, decided });
  }

  #ask(table: Table, keys: readonly string[]): TableAnswer | Promise<TableAnswer> {
    const lookup = this.#setting.parties.table(table, "alias");
    return askFirst({ table, lookup, tell: this.#tell }, keys);
  }

  #growFromTable(
    node: TreeNode,
    { kind, table }: ActionAliases,
    found: {
      readonly answer: Exclude<TableAnswer, { readonly kind: "absent" }>;
      readonly decided: Decided;
    },
  ): Visit {
    const { answer, decided } = found;
    if (answer.kind === "unavailable") return unavailable(answer.cause.message);
    const list = parseExpansionList(answer.value);
    if (list.kind === "expansion-fault") return badList(`<${table.name}> ${answer.entry}`, list);
    const source: NodeSource = { kind, table: table.name, key: answer.entry };
    return this.#grow(node, { nodes: list.nodes, source, decided });
  }

  #grow(node: TreeNode, children: Children): Visit {
    const growth = this.#tree.grow(node, children);
    if (growth === "grown") return undefined;
    return unavailable(
      growth === "too-deep"
        ? `lists lead to lists more than ${MAX_DEPTH} deep`
        : "the recipient expands to too many",
    );
  }

  #ignored(node: TreeNode, text: string, why: string): void {
    this.#tell?.({ kind: "ignored", parent: node.number, text, why });
  }

  // Envelopes.

  #deliver(node: TreeNode, { action, rule }: Decided, transport: LocalTransport): Visit {
    if (action.kind === "forward-only") {
      const { user } = transport;
      const keepsOwn = node.cameBackFrom === "forward-file";
      const why = keepsOwn ? `${user} keeps mail here itself` : `${user} has no forward file`;
      return { kind: "expansion-later", why };
    }
    if (action.kind === "expand-only")
      return { kind: "expansion", why: `${transport.user} is not expanded any further` };
    return this.#plan(node, rule, action, transport);
  }

  #plan(node: TreeNode, rule: Rule, action: Action, transport: Transport): Visit {
    if (this.#envelopes.length >= MAX_ENVELOPES)
      return unavailable(`the recipient has more than ${MAX_ENVELOPES} envelopes`);
    const { address: destination, trail } = node;
    const { name, ttlMs } = action;
    this.#envelopes.push({
      destination,
      action: name,
      transport,
      rule: formatPlace(rule.at),
      trail,
      ttlMs,
    });
    const user = transport.kind === "mda" ? transport.user : undefined;
    this.#tell?.({ kind: "envelope", action: name, user, destination });
    return undefined;
  }
}

/** The tag of the user whose list had this node, or "". */
function subAddressOf(node: TreeNode, delimiter: string): string {
  for (let above = node.parent; above !== undefined; above = above.parent) {
    if (above.is.kind !== "user") continue;
    const { user } = above.is;
    return user.slice(accountName(user, delimiter).length + delimiter.length);
  }
  return "";
}

function toldForwardFile(
  file: ForwardFile,
): Extract<Parameters<Tell>[0], { readonly kind: "forward-file" }>["answer"] {
  return file.kind === "found" ? { kind: "found", value: file.text } : file;
}
