/** Rules: which mail an action takes. */
import type { Action } from "./action.ts";
import type { Place } from "./place.ts";
import type { TableMatch } from "./table.ts";

/**
 * What a criterion asks. A message has one of each at most; they are tried in the order
 * of CRITERION_ORDER.
 */
export type CriterionTest =
  | { readonly kind: "tag"; readonly match: TableMatch }
  | { readonly kind: "from"; readonly from: FromTest }
  | { readonly kind: "for"; readonly to: ForTest }
  | { readonly kind: "helo"; readonly match: TableMatch }
  /** Undefined: any authenticated user. */
  | { readonly kind: "auth"; readonly match: TableMatch | undefined }
  /** Undefined: any TLS; else the client's certificate or its key is in the table. */
  | { readonly kind: "tls"; readonly match: TableMatch | undefined }
  | { readonly kind: "mail-from"; readonly match: TableMatch }
  | { readonly kind: "rcpt-to"; readonly match: TableMatch };

export const CRITERION_ORDER: readonly CriterionTest["kind"][] = [
  "tag",
  "from",
  "for",
  "helo",
  "auth",
  "tls",
  "mail-from",
  "rcpt-to",
];

/** The table that the criterion asks; undefined if it asks none. */
export function tableMatchOf(test: CriterionTest): TableMatch | undefined {
  const part = test.kind === "from" ? test.from : test.kind === "for" ? test.to : test;
  return "match" in part ? part.match : undefined;
}

export type FromTest =
  | { readonly kind: "any" | "local" | "socket" }
  | { readonly kind: "src"; readonly match: TableMatch }
  /** Undefined: any client with a reverse name. */
  | { readonly kind: "rdns"; readonly match: TableMatch | undefined };

export type ForTest =
  | { readonly kind: "any" | "local" }
  | { readonly kind: "domain"; readonly match: TableMatch };

/** A criterion of a rule, which `!` may negate. */
export interface Criterion {
  /** Undefined for the `from local` or `for local` of a rule that does not say. */
  readonly at: Place | undefined;
  readonly negated: boolean;
  readonly test: CriterionTest;
}

/** `match … action NAME` or `match … reject`. */
export interface Rule {
  readonly at: Place;
  /** In the order of CRITERION_ORDER; `from` and `for` are always among them. */
  readonly criteria: readonly Criterion[];
  readonly action: Action | "reject";
}
