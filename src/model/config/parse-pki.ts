/** `pki …` and `ca …`: certificates and keys by name. Source: smtpd.conf(5). */
import { isRootedName } from "./host-name.ts";
import type { PkiOcsp } from "./pki.ts";
import type { Place } from "./place.ts";
import type { CaStatement, PkiStatement, Word } from "./syntax.ts";
import { meantHint, Misfit, type TokenReader } from "./token-reader.ts";

const DHE_WORDS = ["none", "auto", "legacy"] as const;

/** A line may give nothing, or something that another line of the same name leaves out. */
export function parsePki(reader: TokenReader, at: Place): PkiStatement {
  let statement: PkiStatement = { kind: "pki", at, name: parseName(reader) };
  while (!reader.isAtLineEnd()) {
    const optionAt = reader.peek().at;
    const word = reader.expectOneOf(["cert", "key", "dhe", "ocsp"]);
    if (word === "dhe")
      statement = { ...statement, dhe: { at: optionAt, value: parseDhe(reader) } };
    else if (word === "ocsp")
      statement = { ...statement, ocsp: { at: optionAt, value: parseOcsp(reader) } };
    else statement = { ...statement, [word]: { at: optionAt, value: parsePath(reader).text } };
  }
  return statement;
}

export function parseCa(reader: TokenReader, at: Place): CaStatement {
  const name = parseName(reader);
  reader.expectWord("cert");
  return { kind: "ca", at, name, cert: parsePath(reader) };
}

/** `*`, which is in quotes, or a host name; case does not matter. */
function parseName(reader: TokenReader): Word {
  const { text, at } = reader.expectString("a host name");
  if (text !== "*" && !isRootedName(text)) throw new Misfit(at, `not a valid domain name: ${text}`);
  return { text: text.toLowerCase(), at };
}

function parsePath(reader: TokenReader): Word {
  const path = reader.expectString("a path in quotes");
  if (path.text.startsWith("/")) return path;
  throw new Misfit(path.at, `not an absolute path: ${path.text}`);
}

function parseDhe(reader: TokenReader): (typeof DHE_WORDS)[number] {
  const { text, at } = reader.expectString("'none', 'auto' or 'legacy'");
  const word = DHE_WORDS.find((known) => known === text.toLowerCase());
  if (word !== undefined) return word;
  throw new Misfit(at, `invalid DHE keyword: ${text}`, meantHint(text, DHE_WORDS));
}

const OCSP_WORDS = ["auto", "off"] as const;

function parseOcsp(reader: TokenReader): PkiOcsp {
  const { text, at } = reader.expectString("'auto', 'off' or a path in quotes");
  if (text.startsWith("/")) return { kind: "file", path: text };
  const kind = OCSP_WORDS.find((known) => known === text.toLowerCase());
  if (kind !== undefined) return { kind };
  throw new Misfit(
    at,
    `neither 'auto', 'off' nor an absolute path: ${text}`,
    meantHint(text, OCSP_WORDS),
  );
}
