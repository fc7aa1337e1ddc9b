/** Actions, from what `action` says. Source: smtpd.conf(5); nooSMTPD. */
import type { Action, ActionBase } from "./action.ts";
import { buildLocalAction } from "./build-local-action.ts";
import { buildRelayAction } from "./build-relay-action.ts";
import type { BuildScope } from "./build-scope.ts";
import type { Place } from "./place.ts";
import type { ActionStatement } from "./syntax.ts";

/** Undefined after some complaints; after others what it returns is of no use. */
export function buildAction(statement: ActionStatement, scope: BuildScope): Action | undefined {
  const { at, method, name, ttl } = statement;
  const path =
    method.kind === "local" && method.local.kind === "maildir" ? method.local.path : undefined;
  const base: ActionBase = {
    at,
    places: placesOf({ ...method.options, ttl, path }),
    name: name.text,
    ttlMs: ttl?.value ?? scope.settings.queueTtlMs,
  };
  return method.kind === "relay"
    ? buildRelayAction(base, method.options, scope)
    : buildLocalAction(base, method, scope);
}

/** Where each option stands, by its name in the syntax tree. */
function placesOf(
  options: Readonly<Record<string, { readonly at: Place } | undefined>>,
): Readonly<Record<string, Place>> {
  return Object.fromEntries(
    Object.entries(options).flatMap(([name, option]) =>
      option === undefined ? [] : [[name, option.at]],
    ),
  );
}
