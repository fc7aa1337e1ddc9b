/** `mta …`, `mda …`, `scheduler …`: limits of deliveries, and the words beside them. Source: smtpd.conf(5). */
import { MDA_LIMITS, MTA_LIMITS, SCHEDULER_LIMITS } from "./limits.ts";
import type { Place } from "./place.ts";
import type {
  LimitStatement,
  LimitSyntax,
  SettingStatement,
  Word,
  WrapperStatement,
} from "./syntax.ts";
import { parseCommand } from "./parse-values.ts";
import { meantHint, Misfit, type TokenReader } from "./token-reader.ts";

/** Words of the keys that each kind of limit has. */
const KEYS: Readonly<Record<LimitStatement["of"], readonly string[]>> = {
  mta: Object.values(MTA_LIMITS).map(({ word }) => word),
  mda: Object.values(MDA_LIMITS).map(({ word }) => word),
  scheduler: Object.values(SCHEDULER_LIMITS).map(({ word }) => word),
};

export function parseMta(reader: TokenReader, at: Place): LimitStatement | SettingStatement {
  const word = reader.expectOneOf(["limit", "max-deferred", "sts", "tls-report"]);
  if (word === "sts") return { kind: "setting", at, values: [{ name: "mtaSts", at }] };
  if (word === "tls-report") {
    reader.expectWord("from");
    const from = reader.expectString("a mail address");
    const organization = reader.isAtLineEnd() ? undefined : parseOrganization(reader);
    return { kind: "setting", at, values: [{ name: "tlsReports", at, from, organization }] };
  }
  if (word === "max-deferred") {
    const value = reader.expectNumber("a number");
    return { kind: "setting", at, values: [{ name: "mtaMaxDeferred", value }] };
  }
  if (!reader.accept("for")) return parseLimits(reader, at, { of: "mta", domain: undefined });
  reader.expectWord("domain");
  return parseLimits(reader, at, { of: "mta", domain: reader.expectString("a domain") });
}

function parseOrganization(reader: TokenReader): Word {
  reader.expectWord("organization");
  return reader.expectString("the name of an organization");
}

export function parseMda(reader: TokenReader, at: Place): LimitStatement | WrapperStatement {
  if (reader.expectOneOf(["limit", "wrapper"]) === "limit")
    return parseLimits(reader, at, { of: "mda", domain: undefined });
  const name = reader.expectString("the name of a wrapper");
  return { kind: "wrapper", at, name, command: parseCommand(reader, "mda wrapper") };
}

export function parseScheduler(reader: TokenReader, at: Place): LimitStatement {
  reader.expectWord("limit");
  return parseLimits(reader, at, { of: "scheduler", domain: undefined });
}

function parseLimits(
  reader: TokenReader,
  at: Place,
  { of, domain }: Pick<LimitStatement, "of" | "domain">,
): LimitStatement {
  const limits: LimitSyntax[] = [];
  do {
    const token = reader.peek();
    if (of === "mta" && (reader.isAt("inet4") || reader.isAt("inet6"))) {
      const family = reader.expectOneOf(["inet4", "inet6"]);
      limits.push({ kind: "family", at: token.at, family });
      continue;
    }
    const key = reader.expectString("the name of a limit");
    // OpenSMTPD says "scheduler" for "mda" too, which helps nobody.
    if (!KEYS[of].includes(key.text))
      throw new Misfit(
        key.at,
        `invalid ${of} limit keyword: ${key.text}`,
        meantHint(key.text, KEYS[of]),
      );
    limits.push({ kind: "limit", key, value: reader.expectNumber("a number") });
  } while (!reader.isAtLineEnd());
  return { kind: "limit", at, of, domain, limits };
}
