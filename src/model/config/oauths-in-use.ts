/** The issuers of tokens that a listener names: the others are asked nothing, and get no secret. */
import type { Config } from "./config.ts";
import type { OAuth } from "./oauth.ts";

export function oauthsInUse({ listeners }: Pick<Config, "listeners">): ReadonlySet<OAuth> {
  return new Set(
    listeners.flatMap(({ auth }) =>
      auth.mode === "none" || auth.oauth === undefined ? [] : [auth.oauth],
    ),
  );
}
