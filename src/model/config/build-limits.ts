/**
 * Limits of deliveries, from limits.ts and what `mta limit`, `mda limit` and
 * `scheduler limit` say.
 *
 * A domain has every limit that is for all domains, unless it has its own; OpenSMTPD
 * copies those that stand above the domain's line.
 */
import type { ComplaintList } from "./complaint.ts";
import type { Settings } from "./config.ts";
import { type LimitTraits, MDA_LIMITS, MTA_LIMITS, SCHEDULER_LIMITS } from "./limits.ts";
import type { Place } from "./place.ts";
import type { LimitStatement, LimitSyntax } from "./syntax.ts";

interface Draft {
  readonly complaints: ComplaintList;
  readonly settings: { -readonly [Name in keyof Settings]: Settings[Name] };
  readonly places: Map<string, Place>;
}

/** The words of a limit before its own: key of its place. */
export function limitDirective(of: LimitStatement["of"], domain?: string): string {
  return domain === undefined ? `${of} limit` : `${of} limit for domain ${domain}`;
}

export function applyLimits(statement: LimitStatement, draft: Draft): void {
  const { settings } = draft;
  switch (statement.of) {
    case "mta":
      applyMtaLimits(statement, draft);
      break;
    case "mda":
      settings.mdaLimits = apply(MDA_LIMITS, settings.mdaLimits, statement, draft);
      break;
    case "scheduler":
      settings.schedulerLimits = apply(
        SCHEDULER_LIMITS,
        settings.schedulerLimits,
        statement,
        draft,
      );
      break;
  }
}

function applyMtaLimits(statement: LimitStatement, draft: Draft): void {
  const { settings, places, complaints } = draft;
  const domain = statement.domain?.text.toLowerCase();
  const base =
    domain === undefined
      ? settings.mtaLimits
      : (settings.mtaDomainLimits.get(domain) ?? settings.mtaLimits);
  const family = statement.limits.findLast((limit) => limit.kind === "family");
  const limits = {
    ...apply(MTA_LIMITS, base, statement, draft),
    family: family?.family ?? base.family,
  };
  if (family !== undefined) places.set(`${limitDirective("mta", domain)} family`, family.at);
  if (domain === undefined) settings.mtaLimits = limits;
  else settings.mtaDomainLimits = new Map([...settings.mtaDomainLimits, [domain, limits]]);
  if (statement.domain !== undefined && !/^[0-9A-Za-z_.-]+$/u.test(statement.domain.text))
    complaints.error(statement.domain.at, `not a valid domain name: ${statement.domain.text}`);
}

function apply<Name extends string>(
  traits: Readonly<Record<Name, LimitTraits>>,
  base: Readonly<Record<Name, number>>,
  statement: LimitStatement,
  draft: Draft,
): Readonly<Record<Name, number>> {
  const values: Record<Name, number> = { ...base };
  for (const limit of statement.limits) {
    if (limit.kind !== "limit") continue;
    const name = (Object.keys(traits) as Name[]).find(
      (each) => traits[each].word === limit.key.text,
    );
    if (name === undefined) continue;
    values[name] = valueOf(limit, traits[name], draft.complaints);
    const directive = limitDirective(statement.of, statement.domain?.text.toLowerCase());
    draft.places.set(`${directive} ${limit.key.text}`, limit.key.at);
  }
  return values;
}

function valueOf(
  { key, value }: Extract<LimitSyntax, { readonly kind: "limit" }>,
  { unit, min, max }: LimitTraits,
  complaints: ComplaintList,
): number {
  if (value.value < min || value.value > max)
    complaints.error(value.at, `${key.text} out of range`, `from ${min} to ${max}`);
  return unit === "seconds" ? value.value * 1000 : value.value;
}
