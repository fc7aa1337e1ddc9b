/**
 * Issuers whose every token lets its user in: one that he gave to a calendar, or to whatever
 * asked him for it, sends mail in his name.
 *
 * Source: RFC 7662 §4; RFC 9700 §2.3 (tokens are for what they were given for).
 */
import type { Config } from "#model/config/config.ts";
import { oauthsInUse } from "#model/config/oauths-in-use.ts";
import { type Finding, warning } from "./finding.ts";

export function anyTokens(config: Config): readonly Finding[] {
  return Array.from(oauthsInUse(config))
    .filter(({ scope }) => scope === undefined)
    .map(({ at, name }) =>
      warning(
        at,
        `oauth ${name} takes tokens that users gave to any program, for whatever purpose`,
        "write 'scope \"…\"' with what tokens for mail must have",
      ),
    );
}
