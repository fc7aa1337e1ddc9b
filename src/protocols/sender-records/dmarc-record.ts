/**
 * The record by which a domain says what becomes of mail in its name that nobody vouches for.
 *
 * Source: RFC 7489 §6.3 (tags), §6.6.3 (which text is the record).
 */
import { parseTagList } from "./tag-list.ts";

const DMARC_POLICIES = ["none", "quarantine", "reject"] as const;
export type DmarcPolicy = (typeof DMARC_POLICIES)[number];

export type DmarcReading =
  | {
      readonly kind: "record";
      readonly policy: DmarcPolicy;
      /** Where reports go: URIs; empty if nobody wants any. */
      readonly reports: readonly string[];
    }
  | { readonly kind: "none" }
  | { readonly kind: "wrong"; readonly why: string };

/** @param texts of `_dmarc.DOMAIN`; others may stand beside the record. */
export function parseDmarc(texts: readonly string[]): DmarcReading {
  const records = texts.filter((text) => /^v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)/u.test(text));
  const [record] = records;
  if (record === undefined) return { kind: "none" };
  if (records.length > 1) return wrong(`there are ${records.length} records, and one is allowed`);
  const tags = parseTagList(record);
  if (tags === undefined) return wrong("it is no list of tag=value");
  const word = tags.get("p")?.toLowerCase();
  const policy = DMARC_POLICIES.find((each) => each === word);
  if (policy === undefined) return wrong("p= is none of none, quarantine and reject");
  const reports = (tags.get("rua") ?? "").split(",").map((uri) => uri.trim());
  return { kind: "record", policy, reports: reports.filter((uri) => uri !== "") };
}

function wrong(why: string): DmarcReading {
  return { kind: "wrong", why };
}
