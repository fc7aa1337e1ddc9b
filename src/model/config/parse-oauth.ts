/**
 * `oauth NAME introspect "URL" …`: who says whether a token is good. Neither OpenSMTPD nor
 * nooSMTPD has it; its words are known by their place, and reserved nowhere.
 */
import type { Place } from "./place.ts";
import type { OAuthStatement } from "./syntax.ts";
import { Misfit, type TokenReader } from "./token-reader.ts";

type Draft = { -readonly [Name in keyof OAuthStatement]: OAuthStatement[Name] };

export function parseOAuth(reader: TokenReader, at: Place): OAuthStatement {
  const name = reader.expectString("a name");
  reader.expectWord("introspect");
  const url = reader.expectString("a URL in quotes");
  const draft: Draft = { kind: "oauth", at, name, url };
  while (!reader.isAtLineEnd()) {
    const optionAt = reader.peek().at;
    const word = reader.expectOneOf(["ca", "claim", "client", "scope"]);
    if (draft[word] !== undefined) throw new Misfit(optionAt, `${word} already specified`);
    if (word === "client") draft.client = parseClient(reader);
    else draft[word] = reader.expectString(word === "ca" ? "the name of a ca" : `a ${word}`);
  }
  return draft;
}

function parseClient(reader: TokenReader): NonNullable<OAuthStatement["client"]> {
  const id = reader.expectString("the name of a client");
  reader.expectWord("secret");
  const secret = reader.expectString("a path in quotes");
  if (secret.text.startsWith("/")) return { id, secret };
  throw new Misfit(secret.at, `not an absolute path: ${secret.text}`);
}
