/**
 * In which order the mail exchangers of a domain are tried: by preference, at
 * random among equals, MAX_EXCHANGERS at most. Names that are no host names are
 * left out, wherever in the DNS they came from.
 *
 * Source: RFC 5321 §5.1; RFC 7505 §3 (null MX).
 */
import type { Random } from "#base/ports/random.ts";
import type { MxRecord } from "#base/ports/resolver.ts";

export const MAX_EXCHANGERS = 20;

const HOST_NAME = /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/i;
const MAX_HOST_NAME_LENGTH = 255;

/** The domain says that it takes no mail. OpenSMTPD reads a lone `localhost` the same way. */
export function isNullMx(records: readonly MxRecord[]): boolean {
  const [only, ...others] = records;
  if (only === undefined || others.length > 0) return false;
  return isNoHost(only.exchange);
}

/** Host names in the order in which to try them. */
export function orderExchangers(records: readonly MxRecord[], random: Random): readonly string[] {
  return records
    .filter(({ exchange }) => !isNoHost(exchange) && isHostName(exchange))
    .map((record) => ({ ...record, lot: random.uint32() }))
    .toSorted((a, b) => a.preference - b.preference || a.lot - b.lot)
    .slice(0, MAX_EXCHANGERS)
    .map(({ exchange }) => exchange);
}

export function isHostName(name: string): boolean {
  return name.length <= MAX_HOST_NAME_LENGTH && HOST_NAME.test(name);
}

function isNoHost(exchange: string): boolean {
  return exchange === "" || exchange.toLowerCase() === "localhost";
}
