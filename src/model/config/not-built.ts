/**
 * What a configuration asks for and the daemon cannot do yet. It starts with
 * nothing of it: a listener that was to use TLS does not speak in the clear, a
 * filter that was to refuse does not let pass. A part leaves this file with the
 * commit that builds it.
 */
import type { Action, LocalAction, RelayAction } from "./action.ts";
import type { Config } from "./config.ts";
import type { Filter } from "./filter.ts";
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

/** A wrapper wraps a command, and of these methods only `mda` has one. */
function localParts({ kind, wrapper }: LocalAction): readonly string[] {
  return wrapper === undefined || kind === "mda" ? [] : [`wrapper of ${kind}`];
}

function relayParts(action: RelayAction): readonly string[] {
  const parts: string[] = [];
  if (action.filters.length > 0) parts.push("filter");
  return parts;
}

function unique(found: readonly NotBuilt[]): readonly NotBuilt[] {
  const byKey = new Map(
    found.map((each) => [`${each.at.file}:${each.at.line}:${each.at.column} ${each.what}`, each]),
  );
  return [...byKey.values()];
}
