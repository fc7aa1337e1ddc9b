/** Prints certificates, programs, filters and wrappers. */
import { unreachable } from "#base/unreachable.ts";
import type { MdaWrapper } from "./action.ts";
import type { Config } from "./config.ts";
import type { Filter, FilterAction, Proc } from "./filter.ts";
import type { Ca, Pki } from "./pki.ts";
import { line, optional, type Printed, type PrintedLine } from "./printed-line.ts";
import { printMatch } from "./print-table.ts";
import { printWord, quote } from "./quote.ts";

export function printPki(pki: Pki): PrintedLine {
  const { at, places, name, cert, key, dhe, ocsp } = pki;
  return line(`pki ${printWord(name)}`, at, [
    ...(cert === undefined ? [] : [{ text: `cert ${quote(cert)}`, at: places.cert }]),
    ...(key === undefined ? [] : [{ text: `key ${quote(key)}`, at: places.key }]),
    { text: `dhe ${dhe}`, at: places.dhe },
    { text: `ocsp ${ocsp.kind === "file" ? quote(ocsp.path) : ocsp.kind}`, at: places.ocsp },
  ]);
}

export function printCa({ at, name, cert }: Ca): PrintedLine {
  return line(`ca ${printWord(name)} cert ${quote(cert)}`, at);
}

export function printWrapper({ at, name, command }: MdaWrapper): PrintedLine {
  return line(`mda wrapper ${printWord(name)} ${quote(command.source)}`, at);
}

export function printProc(proc: Proc): PrintedLine {
  return line(`proc ${printWord(proc.name)} ${quote(proc.command)}`, proc.at, account(proc));
}

export function printFilter(filter: Filter, { procs }: Config): PrintedLine {
  const head = `filter ${printWord(filter.name)}`;
  switch (filter.kind) {
    case "proc": {
      const { proc } = filter;
      // A program of its own is in no list.
      if (procs.get(proc.name) === proc)
        return line(`${head} proc ${printWord(proc.name)}`, filter.at);
      return line(`${head} proc-exec ${quote(proc.command)}`, filter.at, account(proc));
    }
    case "chain": {
      const names = filter.filters.map(({ name }) => printWord(name));
      return line(`${head} chain { ${names.join(", ")} }`, filter.at);
    }
    case "phase": {
      const { phase, negated, condition } = filter;
      const match = "match" in condition && condition.match ? [printMatch(condition.match)] : [];
      const asked = [`${negated ? "!" : ""}${condition.kind}`, ...match].join(" ");
      const text = `${head} phase ${phase} match ${asked} ${printAction(filter.action)}`;
      return line(text, filter.at);
    }
    default:
      return unreachable(filter);
  }
}

function printAction(action: FilterAction): string {
  switch (action.kind) {
    case "reject":
    case "disconnect":
      return `${action.kind} ${quote(`${action.code} ${action.text}`)}`;
    case "rewrite":
    case "report":
      return `${action.kind} ${quote(action.text)}`;
    case "junk":
    case "bypass":
      return action.kind;
    default:
      return unreachable(action);
  }
}

function account({ at, user, group, chroot }: Proc): readonly Printed[] {
  return [
    ...optional(user !== undefined, `user ${printWord(user ?? "")}`, at),
    ...optional(group !== undefined, `group ${printWord(group ?? "")}`, at),
    ...optional(chroot !== undefined, `chroot ${quote(chroot ?? "")}`, at),
  ];
}
