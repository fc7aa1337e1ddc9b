/**
 * What an agent may do for one delivery: the parent's answer, out of its own configuration,
 * to a request that holds names and addresses, and never a command (nooSMTPD's safety net).
 *
 * A command or file that a list named is looked for again, where the envelope's trail says
 * that it was: in the action's own table, under its key, through the files that were
 * included. What is not found there, word for word, is refused. A forward file is read by
 * its owner's agent; whether it may name commands is looked up here.
 *
 * "refused" is what the configuration cannot lead to: it has changed, or somebody lies.
 */
import { andThen } from "#base/and-then.ts";
import { ABSENT, type Lookup } from "#base/lookup.ts";
import type { LocalAction } from "#model/config/action.ts";
import type { AskTable } from "#model/config/ask-table.ts";
import type { Config } from "#model/config/config.ts";
import { COMMAND_USER } from "#model/daemon-users.ts";
import { type ListedDelivery, listedText, type TrailStep } from "#model/envelope.ts";
import {
  type ExpansionFault,
  type ExpansionList,
  type ExpansionNode,
  nodeText,
  parseExpansionList,
} from "#model/expansion-list.ts";
import type { Warrant, WarrantRequest } from "#model/warrant.ts";
import { isAccountName } from "./account-name.ts";
import { type ExpandFault, expandCommand, type FormatValues } from "./format.ts";
import { mayExecute } from "./forward-rule.ts";

/** Where the system's mailboxes are, by the names of their users. */
export const MAIL_SPOOL = "/var/mail";

export interface WarrantSources {
  readonly config: Pick<Config, "actions" | "subAddressDelimiter">;
  /** The home of the account that the request is for, which was looked up. */
  readonly home: string;
  /** Asks the aliases, or virtual addresses, of an action for exactly this key. */
  list(action: LocalAction, key: string): Lookup<string> | Promise<Lookup<string>>;
  /** Undefined if the file is not one that aliases include. */
  include(path: string): ExpansionList | ExpansionFault | undefined;
}

/** Never rejects. */
export function warrantFor(
  request: WarrantRequest,
  sources: WarrantSources,
): Warrant | Promise<Warrant> {
  const action = sources.config.actions.get(request.action);
  if (action === undefined || action.kind === "relay") return refused("No such local action");
  const { listed } = request;
  if (listed === undefined) return ownWarrant(action, request, sources);
  return andThen(whyNotListed(action, request, listed, sources), (why) =>
    why === undefined ? listedWarrant(action, request, listed, sources) : why,
  );
}

/** Of the action's own method. */
function ownWarrant(
  action: LocalAction,
  request: WarrantRequest,
  sources: WarrantSources,
): Warrant {
  const { user } = request;
  if (user === COMMAND_USER && action.user === undefined)
    return refused(`${COMMAND_USER} has no mail of its own`);
  if (action.kind === "mbox") {
    return isMailboxName(user) ? { kind: "mailbox" } : NO_MAILBOX;
  }
  if (action.kind !== "mda") return refused("The action runs no command");
  const values = valuesOf(request, sources);
  const command = expandCommand(action.command, values);
  return typeof command === "string" ? wrapped(action, command, values) : impossible(command);
}

function listedWarrant(
  action: LocalAction,
  request: WarrantRequest,
  { kind, text }: ListedDelivery,
  sources: WarrantSources,
): Warrant {
  if (kind === "pipe") return wrapped(action, text, valuesOf(request, sources));
  const isOwnMailbox = isMailboxName(request.user) && text === `${MAIL_SPOOL}/${request.user}`;
  return isOwnMailbox ? { kind: "mailbox" } : { kind: "file", path: text };
}

/** Where any name is a user (`user NAME`), a stranger chooses it. */
const NO_MAILBOX: Warrant = { kind: "impossible", why: "no mailbox has this name" };

/** One that ends as a lock does would lock another's mailbox, and be taken away as a stale lock. */
function isMailboxName(user: string): boolean {
  return isAccountName(user) && !user.startsWith(".") && !user.endsWith(".lock");
}

function wrapped({ wrapper }: LocalAction, command: string, values: FormatValues): Warrant {
  if (wrapper === undefined) return { kind: "command", command };
  const whole = expandCommand(wrapper.command, { ...values, mda: command });
  return typeof whole === "string" ? { kind: "command", command: whole } : impossible(whole);
}

/** How `WarrantSources.list` asks a table. */
export function aliasListOf(
  ask: AskTable,
  { aliases }: LocalAction,
  key: string,
): Lookup<string> | Promise<Lookup<string>> {
  return aliases === undefined ? ABSENT : ask(aliases.table, "alias", key);
}

// What a list named.

/** Undefined: it is there, and may be used. */
function whyNotListed(
  action: LocalAction,
  request: WarrantRequest,
  listed: ListedDelivery,
  sources: WarrantSources,
): Warrant | undefined | Promise<Warrant | undefined> {
  if (action.kind === "forward-only" || action.kind === "expand-only")
    return refused(`${action.kind} takes addresses only`);
  const way = wayOf(request.trail);
  if (way === undefined) return refused("No list has led to it");
  const { by, source, key } = way.list;
  if (!mayExecute(action, by)) return refused("The action does not say allow-exec");
  if (by === "forward-file") {
    if (way.includes.length > 0) return refused("A forward file includes nothing");
    return source === request.user ? undefined : refused("It is another user's forward file");
  }
  const { aliases } = action;
  if (aliases?.kind !== by || aliases.table.name !== source)
    return refused("The action has no such list");
  if (request.user !== (action.user ?? COMMAND_USER))
    return refused("Commands of this list do not run as that user");
  return andThen(sources.list(action, key), (answer) => {
    if (answer.kind === "unavailable")
      return { kind: "unavailable", why: answer.cause.message } as const;
    if (answer.kind === "absent") return refused(`Not in <${source}> any more: ${key}`);
    const isThere = leadsTo(parseExpansionList(answer.value), way.includes, listed, sources);
    return isThere ? undefined : refused(`Not what <${source}> has for ${key}`);
  });
}

/** The list that an entry stood in, and the files that it was included through. */
interface WayToEntry {
  readonly list: TrailStep;
  readonly includes: readonly string[];
}

function wayOf(trail: readonly TrailStep[]): WayToEntry | undefined {
  const at = trail.findLastIndex(({ by }) => by !== "include");
  const list = trail[at];
  if (list === undefined) return undefined;
  return { list, includes: trail.slice(at + 1).map(({ source }) => source) };
}

function leadsTo(
  first: ExpansionList | ExpansionFault,
  includes: readonly string[],
  listed: ListedDelivery,
  sources: WarrantSources,
): boolean {
  let list: ExpansionList | ExpansionFault | undefined = first;
  for (const path of includes) {
    if (!has(list, "include", `include:${path}`)) return false;
    list = sources.include(path);
  }
  return has(list, listed.kind, listedText(listed));
}

function has(
  list: ExpansionList | ExpansionFault | undefined,
  kind: ExpansionNode["kind"],
  text: string,
): boolean {
  if (list?.kind !== "expansion-list") return false;
  return list.nodes.some((node) => node.kind === kind && nodeText(node) === text);
}

/** Whether a forward file has this entry, word for word: what its owner's agent asks. */
export function isEntryOf(
  list: ExpansionList | ExpansionFault,
  { kind, text }: ListedDelivery,
): boolean {
  return has(list, kind, listedText({ kind, text }));
}

/** What the specifiers of a command stand for. */
function valuesOf(
  { sender, rcpt, dest, user }: WarrantRequest,
  { home, config }: WarrantSources,
): FormatValues {
  const { subAddressDelimiter } = config;
  return { sender, rcpt, dest, username: user, directory: home, subAddressDelimiter };
}

function refused(why: string): Warrant {
  return { kind: "refused", why };
}

/** It is what the addresses hold that makes no command, and that does not change. */
function impossible({ reason }: ExpandFault): Warrant {
  return { kind: "impossible", why: reason };
}
