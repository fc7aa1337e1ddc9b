/** Whether a configuration needs the process lookup, and what that has to reach for it. */
import type { TlsMaterial } from "#model/tls-material.ts";
import { staplesNeed } from "#policy/tls/staple-plan.ts";
import type { CurrentConfig } from "./current-config.ts";
import type { Reach } from "./reach.ts";

export interface LookupNeeds {
  readonly isWanted: boolean;
  readonly reach: Reach;
}

/** @param stapleFolder where responses of OCSP, policies and days of TLS reports are kept; undefined: nowhere. */
export function lookupNeeds(
  current: CurrentConfig,
  { identities }: TlsMaterial,
  stapleFolder: string | undefined,
): LookupNeeds {
  const staples = staplesNeed(current.config, identities);
  const { mtaSts, tlsReports } = current.config;
  const keepsAnswers = staples === "responders" || mtaSts || tlsReports !== undefined;
  return {
    isWanted: current.needsLookup || staples !== "nothing",
    reach: {
      network: keepsAnswers || current.asksIssuers,
      stapleFolder: keepsAnswers ? stapleFolder : undefined,
    },
  };
}
