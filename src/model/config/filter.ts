/** Filters and the programs behind them. Source: smtpd.conf(5); smtpd-filters(7). */
import type { Place } from "./place.ts";
import type { TableMatch } from "./table.ts";

export const FILTER_PHASES = [
  "connect",
  "helo",
  "ehlo",
  "auth",
  "mail-from",
  "rcpt-to",
  "data",
  "commit",
] as const;
export type FilterPhase = (typeof FILTER_PHASES)[number];

/** `proc NAME COMMAND …`, or the program of `filter NAME proc-exec COMMAND …`. */
export interface Proc {
  readonly at: Place;
  readonly name: string;
  readonly command: string;
  readonly user: string | undefined;
  readonly group: string | undefined;
  readonly chroot: string | undefined;
}

export type FilterCondition =
  | { readonly kind: "fcrdns" }
  | { readonly kind: "rdns"; readonly match: TableMatch | undefined }
  | { readonly kind: "src" | "helo" | "mail-from" | "rcpt-to"; readonly match: TableMatch }
  | { readonly kind: "auth"; readonly match: TableMatch | undefined };

export type FilterAction =
  | { readonly kind: "reject" | "disconnect"; readonly code: number; readonly text: string }
  | { readonly kind: "rewrite" | "report"; readonly text: string }
  | { readonly kind: "junk" | "bypass" };

export type Filter =
  | { readonly kind: "proc"; readonly at: Place; readonly name: string; readonly proc: Proc }
  | {
      readonly kind: "chain";
      readonly at: Place;
      readonly name: string;
      readonly filters: readonly Exclude<Filter, { readonly kind: "chain" }>[];
    }
  | {
      readonly kind: "phase";
      readonly at: Place;
      readonly name: string;
      readonly phase: FilterPhase;
      readonly negated: boolean;
      readonly condition: FilterCondition;
      readonly action: FilterAction;
    };
