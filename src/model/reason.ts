/**
 * Why a recipient is answered as it is: the steps that ruleset and expansion took,
 * in their order. `smtpctl explain` shows them; an envelope keeps a short form of
 * those that led to it (`Envelope.trail`).
 *
 * A decision makes no steps unless it is asked to (`Tell`). Steps that follow a
 * "node" step are about that node, until the next one. Texts may hold what a peer
 * wrote: whoever shows them makes them visible first.
 */

/** A place in a configuration file: a `Place` of model/config, which is a higher floor. */
export interface ReasonPlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One criterion of a rule. */
export interface ReasonCriterion {
  /** Undefined for the `from local` or `for local` that the rule does not say. */
  readonly at: ReasonPlace | undefined;
  /** As smtpd.conf has it, with its `!`: `from src <trusted>`. */
  readonly text: string;
}

export type ReasonAnswer =
  | {
      readonly kind: "found";
      readonly value: string;
      /** The key or pattern of the table that matched; undefined where it is the key itself. */
      readonly entry?: string;
    }
  | { readonly kind: "absent" }
  | { readonly kind: "unavailable"; readonly why: string };

/** Where a node of an expansion was written. */
export type NodeSource =
  /** The recipient itself. */
  | { readonly kind: "recipient" }
  /** The local part of an address, as a user. */
  | { readonly kind: "local-part" }
  /** `key` is the one that was found. */
  | { readonly kind: "alias"; readonly table: string; readonly key: string }
  | { readonly kind: "virtual"; readonly table: string; readonly key: string }
  | { readonly kind: "include"; readonly path: string }
  | { readonly kind: "forward-file"; readonly user: string };

/** What an expansion is made of, in the words of aliases(5). */
export const NODE_KINDS = ["address", "user", "pipe", "file", "error", "include"] as const;
export type NodeKind = (typeof NODE_KINDS)[number];

/** The answer of a recipient, or of one node, that is not an envelope. */
export type RefusalKind = "rejected" | "unavailable" | "expansion" | "expansion-later" | "said";

export type Reason =
  /** The recipient is an address of SRS: who it was made of, or it itself and why that is not known. */
  | {
      readonly kind: "srs";
      readonly address: string;
      readonly why: "" | "malformed" | "forged" | "expired";
    }
  // Told by the ruleset.
  | {
      readonly kind: "rule-skipped";
      readonly rule: ReasonPlace;
      /** The first that does not hold. */
      readonly criterion: ReasonCriterion;
    }
  | {
      readonly kind: "rule-matched";
      readonly rule: ReasonPlace;
      /** Undefined: `reject`. */
      readonly action: string | undefined;
    }
  /** A criterion could not be judged: no rule after this one is tried. */
  | {
      readonly kind: "rule-unavailable";
      readonly rule: ReasonPlace;
      readonly criterion: ReasonCriterion;
      readonly why: string;
    }
  | { readonly kind: "no-rule" }
  // Told by ruleset and expansion.
  | {
      readonly kind: "table-lookup";
      readonly table: string;
      /** `domain`, `netaddr`, `mailaddr`, `alias`, `regex`, … */
      readonly service: string;
      readonly key: string;
      readonly answer: ReasonAnswer;
    }
  // Told by the expansion.
  | {
      readonly kind: "node";
      /** Counts from 0, the recipient. */
      readonly node: number;
      /** The node that it came from; undefined for the recipient. */
      readonly parent: number | undefined;
      readonly is: NodeKind;
      readonly text: string;
      readonly source: NodeSource;
    }
  /** A node of which nothing comes: it was there before, or has no place where it is. */
  | {
      readonly kind: "ignored";
      readonly parent: number | undefined;
      readonly text: string;
      readonly why: string;
    }
  | {
      readonly kind: "user-lookup";
      /** Name of the userbase table, or `<getpwnam>`. */
      readonly userbase: string;
      readonly user: string;
      readonly answer: ReasonAnswer;
    }
  | {
      readonly kind: "forward-file";
      readonly user: string;
      /** The value is the file's text. */
      readonly answer: ReasonAnswer | { readonly kind: "refused"; readonly why: string };
    }
  /** The recipient as a whole is refused, because of the node. */
  | { readonly kind: "refused"; readonly as: RefusalKind; readonly why: string }
  | {
      readonly kind: "envelope";
      readonly action: string;
      /** Of a local delivery. */
      readonly user: string | undefined;
      readonly destination: string;
    };

/** Takes the steps of one decision as they are taken. */
export type Tell = (step: Reason) => void;
