/**
 * What a configuration asks for and the daemon cannot do yet. It starts with
 * nothing of it: a listener that was to use TLS does not speak in the clear, a
 * filter that was to refuse does not let pass. A part leaves this file with the
 * commit that builds it.
 */
import type { Action, LocalAction, RelayAction, RelayTo } from "./action.ts";
import type { Config } from "./config.ts";
import type { Filter } from "./filter.ts";
import { needsHome } from "./format.ts";
import { MTA_LIMITS, type MtaLimitName } from "./limits.ts";
import type { Listener } from "./listener.ts";
import type { Place } from "./place.ts";

export interface NotBuilt {
  readonly at: Place;
  /** In the words of the configuration. */
  readonly what: string;
}

/** In the order of the lines; each part once for a place. */
export function notBuilt(config: Config): readonly NotBuilt[] {
  const found = [
    ...ofSettings(config),
    ...Array.from(config.mdaWrappers.values(), ({ at }) => ({ at, what: "mda wrapper" })),
    ...Array.from(config.tables.values(), (table) =>
      table.source.kind === "program"
        ? [{ at: table.at, what: `table backend '${table.source.backend}'` }]
        : [],
    ).flat(),
    ...Array.from(config.procs.values(), ({ at }) => ({ at, what: "proc" })),
    ...Array.from(config.filters.values(), ofFilter),
    ...config.listeners.flatMap(ofListener),
    ...[...config.actions.values()].flatMap(ofAction),
  ];
  return unique(found).toSorted(
    ({ at: left }, { at: right }) =>
      left.file.localeCompare(right.file) || left.line - right.line || left.column - right.column,
  );
}

/** Settings that nothing carries out, by their words. `admd` is for filters alone. */
const SETTINGS: readonly string[] = ["srs key"];

/** Limits of relaying that the queue keeps; the others are about connections. */
const MTA_LIMITS_OF_QUEUE: readonly MtaLimitName[] = [
  "maxConnPerRelay",
  "maxConnPerDomain",
  "taskHiwat",
  "taskLowat",
  "taskRelease",
];
const MTA_WORDS_OF_QUEUE: readonly string[] = MTA_LIMITS_OF_QUEUE.map(
  (name) => MTA_LIMITS[name].word,
);

function ofSettings({ places }: Config): readonly NotBuilt[] {
  const mtaLimits = [...places].filter(
    ([words]) => words.startsWith("mta limit ") && !MTA_WORDS_OF_QUEUE.includes(lastWord(words)),
  );
  return [
    ...SETTINGS.flatMap((what) => {
      const at = places.get(what);
      return at === undefined ? [] : [{ at, what }];
    }),
    ...mtaLimits.map(([what, at]) => ({ at, what })),
  ];
}

function lastWord(words: string): string {
  return words.slice(words.lastIndexOf(" ") + 1);
}

function ofFilter({ at, name }: Filter): NotBuilt {
  return { at, what: `filter ${name}` };
}

function ofListener(listener: Listener): readonly NotBuilt[] {
  const { at, places } = listener;
  const found: NotBuilt[] = [];
  const add = (isAsked: boolean, what: string, place: Place | undefined): void => {
    if (isAsked) found.push({ at: place ?? at, what });
  };
  add(listener.filters.length > 0, "filter", places.filters);
  return found;
}

function ofAction(action: Action): readonly NotBuilt[] {
  const what = action.kind === "relay" ? relayParts(action) : localParts(action);
  return what.map((part) => ({ at: action.places[placeKey(part)] ?? action.at, what: part }));
}

/** `junk` of an action stands where `places.junk` says, and so on. */
function placeKey(part: string): string {
  return part.replaceAll(/-([a-z])/gu, (_, letter: string) => letter.toUpperCase());
}

function localParts(action: LocalAction): readonly string[] {
  const parts: string[] = [];
  if (action.kind === "mbox" || action.kind === "mda") parts.push(action.kind);
  if (action.kind === "maildir" && action.junk) parts.push("junk");
  if (action.wrapper !== undefined) parts.push("wrapper");
  if (needsAskedAccount(action)) parts.push("delivery to accounts of a userbase that is asked");
  if (action.kind === "lmtp" && action.destination.kind === "format") {
    if (needsHome(action.destination.format)) parts.push("LMTP to a socket in a home folder");
  }
  return parts;
}

/** The parent, which starts who delivers and reads forward files, asks no table that is elsewhere. */
function needsAskedAccount(action: LocalAction): boolean {
  const { kind, user, userbase, forwardFile } = action;
  const startsAgent = kind === "maildir" || forwardFile !== undefined;
  return startsAgent && user === undefined && userbase?.shape === "remote";
}

function relayParts(action: RelayAction): readonly string[] {
  const parts = [...destinationParts(action.to)];
  if (action.auth !== undefined) parts.push("auth");
  if (action.mailFrom !== undefined) parts.push("mail-from");
  if (action.src !== undefined) parts.push("src");
  if (action.heloSrc !== undefined) parts.push("helo-src");
  if (action.tls !== "opportunistic") parts.push("tls");
  const { ciphers, curves, protocols } = action.tlsSettings;
  if ((ciphers ?? curves ?? protocols) !== undefined) parts.push("TLS settings of a relay");
  if (action.pki !== undefined) parts.push("pki");
  if (action.ca !== undefined) parts.push("ca");
  if (action.filters.length > 0) parts.push("filter");
  if (action.srs) parts.push("srs");
  return [...new Set(parts)];
}

function destinationParts(to: RelayTo): readonly string[] {
  if (to.kind === "mx") return [];
  if (to.kind !== "hosts") return [to.kind];
  const parts: string[] = [];
  if (to.table.shape === "remote") parts.push("relay hosts of a table that is asked");
  for (const { tls, label } of to.hosts) {
    if (tls === "starttls" || tls === "smtps") parts.push("TLS to a relay host");
    if (label !== undefined) parts.push("credentials of a relay host");
  }
  return parts;
}

function unique(found: readonly NotBuilt[]): readonly NotBuilt[] {
  const byKey = new Map(
    found.map((each) => [`${each.at.file}:${each.at.line}:${each.at.column} ${each.what}`, each]),
  );
  return [...byKey.values()];
}
