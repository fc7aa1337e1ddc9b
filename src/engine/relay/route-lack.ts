/**
 * Whether what came of a transaction is that there was nowhere to connect to, which the log has a
 * line of its own for. Pure.
 *
 * Source: OpenSMTPD mta.c (mta_find_route).
 */
import type { RouteLack } from "#model/events.ts";
import type { Outcome } from "#engine/client/verdict-result.ts";
import { NO_HOST, NO_MX } from "./next-hops.ts";
import { DISABLED_ROUTE } from "./route-check.ts";
import { BLOCKED } from "./tried-so-far.ts";
import { FAMILY_MISMATCH } from "./tries.ts";

const LACKS: ReadonlyMap<string, RouteLack> = new Map([
  [NO_MX, "no-mx"],
  [NO_HOST, "no-mx"],
  [FAMILY_MISMATCH.diagnostic, "family-mismatch"],
  [BLOCKED.diagnostic, "no-valid-route"],
]);

export function lackOf({ remote, diagnostic, held }: Outcome): RouteLack | undefined {
  if (held?.limit === DISABLED_ROUTE) return "no-valid-route";
  return remote === "" ? LACKS.get(diagnostic) : undefined;
}
