/** Prints actions, with every option that they have. */
import { formatEndpoint } from "#base/endpoint.ts";
import { unreachable } from "#base/unreachable.ts";
import type { Action, LocalAction, RelayAction, RelayTo } from "./action.ts";
import { formatDelay } from "./delay.ts";
import { tlsWords } from "./print-listener.ts";
import { line, optional, type Printed, type PrintedLine } from "./printed-line.ts";
import { printNames, printOperand } from "./print-table.ts";
import { printWord, quote } from "./quote.ts";

export function printAction(action: Action): PrintedLine {
  const { at, name, places, ttlMs } = action;
  const [method, options] =
    action.kind === "relay" ? ["relay", relayOptions(action)] : localWords(action);
  return line(`action ${printWord(name)} ${method}`, at, [
    ...options,
    { text: `ttl ${formatDelay(ttlMs)}`, at: places["ttl"] },
  ]);
}

function localWords(action: LocalAction): readonly [string, readonly Printed[]] {
  const { at, places } = action;
  switch (action.kind) {
    case "mbox":
    case "forward-only":
    case "expand-only":
      return [action.kind, localOptions(action)];
    case "maildir": {
      const path = { text: quote(action.path.source), at: places["path"] };
      const junk = optional(action.junk, "junk", at);
      return ["maildir", [path, ...junk, ...localOptions(action)]];
    }
    case "lmtp": {
      const { destination: to } = action;
      const text = to.kind === "endpoint" ? formatEndpoint(to.endpoint) : to.format.source;
      const rcptTo = optional(action.rcptTo, "rcpt-to", at);
      return [`lmtp ${printWord(text)}`, [...rcptTo, ...localOptions(action)]];
    }
    case "mda":
      return [`mda ${quote(action.command.source)}`, localOptions(action)];
    default:
      return unreachable(action);
  }
}

function localOptions(action: LocalAction): readonly Printed[] {
  const { user, aliases, forwardFile, userbase, wrapper, places } = action;
  const options: Printed[] = [];
  if (user !== undefined) options.push({ text: `user ${printWord(user)}`, at: places["user"] });
  if (aliases !== undefined) {
    const text = `${aliases.kind} ${printOperand(aliases.table)}${exec(aliases)}`;
    options.push({ text, at: places[aliases.kind] });
  }
  if (forwardFile !== undefined)
    options.push({ text: `forward-file${exec(forwardFile)}`, at: places["forwardFile"] });
  if (userbase !== undefined)
    options.push({ text: `userbase ${printOperand(userbase)}`, at: places["userbase"] });
  if (wrapper !== undefined)
    options.push({ text: `wrapper ${printWord(wrapper.name)}`, at: places["wrapper"] });
  return options;
}

function exec({ allowExec }: { readonly allowExec: boolean }): string {
  return allowExec ? " allow-exec" : "";
}

function relayOptions(action: RelayAction): readonly Printed[] {
  const { places, auth, mailFrom, src, heloSrc, pki, ca, filters, srs } = action;
  const tables = [
    ["auth", auth],
    ["src", src],
    ["helo-src", heloSrc],
  ] as const;
  return [
    ...relayTo(action.to, places),
    ...optional(mailFrom !== undefined, `mail-from ${quote(mailFrom ?? "")}`, places["mailFrom"]),
    { text: `helo ${printWord(action.helo)}`, at: places["helo"] },
    ...tables.flatMap(([word, table]) =>
      table === undefined
        ? []
        : [
            {
              text: `${word} ${printOperand(table)}`,
              at: places[word === "helo-src" ? "heloSrc" : word],
            },
          ],
    ),
    ...tlsOptions(action),
    ...optional(pki !== undefined, `pki ${printWord(pki?.name ?? "")}`, places["pki"]),
    ...optional(ca !== undefined, `ca ${printWord(ca?.name ?? "")}`, places["ca"]),
    ...optional(filters.length > 0, `filter ${printNames(filters)}`, places["filter"]),
    ...optional(srs, "srs", places["srs"]),
  ];
}

function relayTo(to: RelayTo, places: RelayAction["places"]): readonly Printed[] {
  switch (to.kind) {
    case "mx":
      return [];
    case "backup":
      return [{ text: `backup mx ${printWord(to.name)}`, at: places["backup"] }];
    case "hosts":
      return [{ text: `host ${printOperand(to.table)}`, at: places["host"] }];
    case "domain":
      return [{ text: `domain ${printOperand(to.table)}`, at: places["domain"] }];
    default:
      return unreachable(to);
  }
}

function tlsOptions(action: RelayAction): readonly Printed[] {
  const { tls, fingerprints, tlsSettings, places } = action;
  const options: Printed[] = [];
  const pins = fingerprints === undefined ? "" : ` fingerprint ${printOperand(fingerprints)}`;
  if (tls === "verified") options.push({ text: `tls${pins}`, at: places["tls"] });
  if (tls === "unverified") options.push({ text: "tls no-verify", at: places["tls"] });
  for (const text of tlsWords(tlsSettings))
    options.push({ text, at: places[text.slice(0, text.indexOf(" "))] });
  return options;
}
