/**
 * In which order the mail exchangers of a domain are tried: by preference, at
 * random among equals, MAX_EXCHANGERS at most. Names that are no host names are
 * left out, wherever in the DNS they came from.
 *
 * Source: RFC 5321 §5.1; RFC 7505 §3 (null MX).
 */
import type { Random } from "#base/ports/random.ts";
import type { MxRecord } from "#base/ports/resolver.ts";
import { isHostName } from "#protocols/mail/domain.ts";

const MAX_EXCHANGERS = 20;

/** The domain says that it takes no mail. OpenSMTPD reads a lone `localhost` the same way. */
export function isNullMx(records: readonly MxRecord[]): boolean {
  const [only, ...others] = records;
  if (only === undefined || others.length > 0) return false;
  return isNoHost(only.exchange);
}

/**
 * Those that are preferred to the exchanger `backup`. It need not be among them: then any
 * will do, as OpenSMTPD has it.
 */
export function preferredTo(
  backup: string | undefined,
  records: readonly MxRecord[],
): readonly MxRecord[] {
  const name = backup?.toLowerCase();
  const own = records.filter(({ exchange }) => exchange.toLowerCase() === name);
  if (own.length === 0) return records;
  const ownPreference = Math.min(...own.map(({ preference }) => preference));
  return records.filter(({ preference }) => preference < ownPreference);
}

/** In the order in which to try them. */
export function orderExchangers(records: readonly MxRecord[], random: Random): readonly MxRecord[] {
  return records
    .filter(({ exchange }) => !isNoHost(exchange) && isHostName(exchange))
    .map((record) => ({ ...record, lot: random.uint32() }))
    .toSorted((a, b) => a.preference - b.preference || a.lot - b.lot)
    .slice(0, MAX_EXCHANGERS);
}

function isNoHost(exchange: string): boolean {
  return exchange === "" || exchange.toLowerCase() === "localhost";
}
