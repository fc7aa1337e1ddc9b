/**
 * The language of OpenSMTPD before 6.4 (October 2018): recognised, refused, and
 * answered with the lines to write today.
 *
 * A rule that said who may send what and how it is delivered became an `action`
 * and a `match`; other lines got a new first word. What cannot be translated is
 * refused without a proposal.
 *
 * Source: smtpd.conf(5) of OpenSMTPD 6.3 and 6.4.
 */
import { translateRule } from "./legacy-rule.ts";
import type { Place } from "./place.ts";
import { printWord } from "./quote.ts";
import { Misfit, type TokenReader } from "./token-reader.ts";

/** First words of old lines; `reject`, `ciphers` and others still are words of the language. */
export const LEGACY_STATEMENTS: ReadonlyMap<string, (reader: TokenReader, at: Place) => never> =
  new Map<string, (reader: TokenReader, at: Place) => never>([
    ["accept", refuseRule("accept")],
    ["reject", refuseRule("reject")],
    ["bounce-warn", refuseRenamed("bounce warn-interval")],
    ["ciphers", refuseRenamed("smtp ciphers")],
    ["expire", refuseRenamed("queue ttl")],
    ["limit", refuseLimit],
    ["max-message-size", refuseRenamed("smtp max-message-size")],
    ["subaddressing-delimiter", refuseRenamed("smtp sub-addr-delim")],
  ]);

const OLD = "this is the language of OpenSMTPD before 6.4";

function refuseRule(decision: "accept" | "reject"): (reader: TokenReader, at: Place) => never {
  return (reader, at) => {
    const lines = translateRule(reader, decision, `line${at.line}`);
    if (lines === undefined)
      throw new Misfit(at, `'${decision}': ${OLD}`, "rules are 'action' and 'match' lines now");
    throw new Misfit(at, `'${decision}': ${OLD}`, writeInstead(lines));
  };
}

function refuseRenamed(directive: string): (reader: TokenReader, at: Place) => never {
  return (reader, at) => {
    const line = [directive, ...restOfLine(reader)].join(" ").replaceAll(" ,", ",");
    throw new Misfit(at, OLD, writeInstead([line]));
  };
}

/** `limit session …`, `limit mta …`, `limit mda …`, `limit scheduler …`. */
function refuseLimit(reader: TokenReader, at: Place): never {
  const [of = "", ...rest] = restOfLine(reader);
  const directive = of === "session" ? "smtp limit" : `${of} limit`;
  const isKnown = ["session", "mta", "mda", "scheduler"].includes(of);
  const hint = isKnown ? writeInstead([[directive, ...rest].join(" ")]) : "";
  throw new Misfit(at, OLD, hint);
}

function writeInstead(lines: readonly string[]): string {
  return ["write:", ...lines.map((line) => `  ${line}`)].join("\n");
}

function restOfLine(reader: TokenReader): readonly string[] {
  const words: string[] = [];
  while (!reader.isAtLineEnd()) {
    const token = reader.take();
    const isText = token.kind === "word" || token.kind === "quoted";
    words.push(isText ? printWord(token.text) : token.text);
  }
  return words;
}
