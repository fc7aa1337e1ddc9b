/** The issuers of tokens that listeners of one configuration name, as engine/auth asks them. */
import { clientAuthorization } from "#protocols/oauth/introspection.ts";
import type { Config } from "#model/config/config.ts";
import type { OAuth } from "#model/config/oauth.ts";
import { oauthsInUse } from "#model/config/oauths-in-use.ts";
import type { TlsMaterial } from "#model/tls-material.ts";
import { TokenCheck, type TokenIssuer, type TokenPorts } from "#engine/auth/token-check.ts";
import { authorityOf } from "./slice-tls.ts";

export function tokenChecks(
  config: Config,
  material: TlsMaterial,
  ports: TokenPorts,
): ReadonlyMap<string, TokenCheck> {
  return new Map(
    Array.from(oauthsInUse(config), (oauth) => [
      oauth.name,
      new TokenCheck(ports, issuerOf(oauth, config, material)),
    ]),
  );
}

function issuerOf(
  oauth: OAuth,
  { oauthSecrets }: Config,
  { authorities }: TlsMaterial,
): TokenIssuer {
  const { name, url, client, scope, claim } = oauth;
  const authority = authorityOf(oauth);
  return {
    name,
    url,
    authorization: client && clientAuthorization(client.id, oauthSecrets.get(client.path) ?? ""),
    authorities: authorities.find((each) => each.name === authority)?.pem,
    demands: { scope, claim },
  };
}
