/**
 * Programs and filters, from what `proc` and `filter` say. They may name each other
 * before they are declared, which OpenSMTPD refuses.
 *
 * Source: smtpd.conf(5); OpenSMTPD parse.y (its complaints).
 */
import { unreachable } from "#base/unreachable.ts";
import type { BuildScope } from "./build-scope.ts";
import { isTaken, Names } from "./build-names.ts";
import type { ComplaintList } from "./complaint.ts";
import { MAX_CHAIN_LENGTH } from "./defaults.ts";
import type { Filter, FilterCondition, Proc } from "./filter.ts";
import type { Place } from "./place.ts";
import type {
  FilterConditionSyntax,
  FilterOperand,
  FilterPhaseSyntax,
  FilterStatement,
  ProcStatement,
  ProgramSyntax,
  Statement,
  Word,
} from "./syntax.ts";
import type { TableStore } from "./table-store.ts";

type Link = Exclude<Filter, { readonly kind: "chain" }>;

export interface BuiltFilters {
  readonly procs: ReadonlyMap<string, Proc>;
  readonly filters: ReadonlyMap<string, Filter>;
  /** For the `filters` of a BuildScope. */
  named(operand: FilterOperand): readonly Filter[] | undefined;
}

interface Builder {
  readonly complaints: ComplaintList;
  readonly tables: TableStore;
  readonly procs: Names<Proc>;
}

export function buildFilters(
  statements: readonly Statement[],
  {
    complaints,
    tables,
    isPartial,
  }: Pick<BuildScope, "complaints" | "tables"> & { readonly isPartial: boolean },
): BuiltFilters {
  const procs = new Names(
    buildProcs(
      statements.filter((statement) => statement.kind === "proc"),
      complaints,
    ),
    (name) => `no processor exist with that name: ${name}`,
    complaints,
    isPartial,
  );
  const declared = declaredFilters(statements, complaints);
  const builder: Builder = { complaints, tables, procs };
  const links = new Map<string, Filter | undefined>();
  for (const statement of declared)
    if (statement.filter.kind !== "chain")
      links.set(statement.name.text, buildLink(statement, builder));
  // Chains hold no chains, so all that they may hold is there.
  const chainNames = new Set<string>();
  for (const { name, filter } of declared) if (filter.kind === "chain") chainNames.add(name.text);
  const known = new Names<Filter>(
    new Map([...links, ...[...chainNames].map((name) => [name, undefined] as const)]),
    unknownFilter,
    complaints,
    isPartial,
  );
  const chains = new Map<string, Filter | undefined>();
  for (const { at, name, filter } of declared) {
    if (filter.kind !== "chain") continue;
    const filters = chainOf(filter.names, { complaints, known, chainNames });
    chains.set(name.text, filters && { kind: "chain", at, name: name.text, filters });
  }
  const inOrder = declared.map(
    ({ name: { text } }) => [text, links.get(text) ?? chains.get(text)] as const,
  );
  const all = new Names<Filter>(new Map(inOrder), unknownFilter, complaints, isPartial);
  return {
    procs: procs.all(),
    filters: all.all(),
    named({ names }) {
      const [only] = names;
      if (names.length > 1) return chainOf(names, { complaints, known: all, chainNames });
      const filter = only && all.named(only);
      return filter && [filter];
    },
  };
}

function unknownFilter(name: string): string {
  return `no filter exist with that name: ${name}`;
}

function buildProcs(
  statements: readonly ProcStatement[],
  complaints: ComplaintList,
): ReadonlyMap<string, Proc> {
  const procs = new Map<string, Proc>();
  const places = new Map<string, Place>();
  for (const { at, name, program } of statements) {
    if (isTaken(name, places, "processor", complaints)) continue;
    procs.set(name.text, buildProc({ at, name: name.text }, program));
  }
  return procs;
}

function buildProc({ at, name }: Pick<Proc, "at" | "name">, program: ProgramSyntax): Proc {
  return {
    at,
    name,
    command: program.command.text,
    user: program.user?.value,
    group: program.group?.value,
    chroot: program.chroot?.value.text,
  };
}

/** Each name once. */
function declaredFilters(
  statements: readonly Statement[],
  complaints: ComplaintList,
): readonly FilterStatement[] {
  const places = new Map<string, Place>();
  return statements
    .filter((statement) => statement.kind === "filter")
    .filter(({ name }) => !isTaken(name, places, "filter", complaints));
}

function buildLink({ at, name, filter }: FilterStatement, builder: Builder): Link | undefined {
  switch (filter.kind) {
    case "proc": {
      const proc = builder.procs.named(filter.proc);
      return proc && { kind: "proc", at, name: name.text, proc };
    }
    case "proc-exec": {
      const proc = buildProc({ at, name: name.text }, filter.program);
      return { kind: "proc", at, name: name.text, proc };
    }
    case "phase":
      return buildPhase({ at, name: name.text }, filter, builder.tables);
    case "chain":
      return undefined;
    default:
      return unreachable(filter);
  }
}

function buildPhase(
  { at, name }: Pick<Filter, "at" | "name">,
  { phase, negated, condition: syntax, action }: FilterPhaseSyntax,
  tables: TableStore,
): Link | undefined {
  const condition = buildCondition(syntax, tables);
  return condition && { kind: "phase", at, name, phase, negated, condition, action };
}

function buildCondition(
  syntax: FilterConditionSyntax,
  tables: TableStore,
): FilterCondition | undefined {
  switch (syntax.kind) {
    case "fcrdns":
      return { kind: "fcrdns" };
    case "rdns":
    case "auth": {
      if (syntax.match === undefined) return { kind: syntax.kind, match: undefined };
      const match = tables.match(syntax.match, `filter ${syntax.kind}`);
      return match && { kind: syntax.kind, match };
    }
    case "src":
    case "helo":
    case "mail-from":
    case "rcpt-to": {
      const match = tables.match(syntax.match, `filter ${syntax.kind}`);
      return match && { kind: syntax.kind, match };
    }
    default:
      return unreachable(syntax);
  }
}

/**
 * Filters that run one after the other: no chain among them, none twice, and no
 * program twice, as each is told of a step once.
 */
function chainOf(
  names: readonly Word[],
  {
    complaints,
    known,
    chainNames,
  }: {
    readonly complaints: ComplaintList;
    readonly known: Names<Filter>;
    readonly chainNames: ReadonlySet<string>;
  },
): readonly Link[] | undefined {
  const links: Link[] = [];
  const seen = new Set<string>();
  const procs = new Set<Proc>();
  let isWhole = names.length <= MAX_CHAIN_LENGTH;
  const [first] = names;
  if (!isWhole && first !== undefined)
    complaints.error(first.at, `a filter chain has at most ${MAX_CHAIN_LENGTH} filters`);
  for (const name of names.slice(0, MAX_CHAIN_LENGTH)) {
    const fault = chainNames.has(name.text)
      ? `no filter chain allowed within a filter chain: ${name.text}`
      : seen.has(name.text)
        ? `no filter allowed twice within a filter chain: ${name.text}`
        : undefined;
    if (fault !== undefined) complaints.error(name.at, fault);
    const filter = fault === undefined ? known.named(name) : undefined;
    seen.add(name.text);
    if (filter === undefined || filter.kind === "chain") {
      isWhole = false;
      continue;
    }
    if (filter.kind === "proc" && procs.has(filter.proc)) {
      complaints.error(name.at, `no proc allowed twice within a filter chain: ${filter.proc.name}`);
      isWhole = false;
    }
    if (filter.kind === "proc") procs.add(filter.proc);
    links.push(filter);
  }
  return isWhole ? links : undefined;
}
