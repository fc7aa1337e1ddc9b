/**
 * What a relay shows of itself to a host. It is with the process `lookup` until a
 * connection needs it; it is in no log and no trace.
 */
import type { Lookup } from "#base/lookup.ts";

export interface RelayCredentials {
  readonly user: string;
  readonly password: string;
}

/** The credentials of `label` in the table of that name. Never rejects. */
export type AskCredentials = (table: string, label: string) => Promise<Lookup<RelayCredentials>>;
