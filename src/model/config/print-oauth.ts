/** Prints issuers of tokens; their secrets stay in their files. */
import type { OAuth } from "./oauth.ts";
import { line, type PrintedLine } from "./printed-line.ts";
import { printWord, quote } from "./quote.ts";

export function printOAuth({ at, name, url, client, scope, claim, ca }: OAuth): PrintedLine {
  const words = [
    `oauth ${printWord(name)} introspect ${quote(url)}`,
    ...(client === undefined ? [] : [`client ${quote(client.id)} secret ${quote(client.path)}`]),
    ...(scope === undefined ? [] : [`scope ${quote(scope)}`]),
    ...(claim === undefined ? [] : [`claim ${quote(claim)}`]),
    ...(ca === undefined ? [] : [`ca ${printWord(ca.name)}`]),
  ];
  return line(words.join(" "), at);
}
