/**
 * A warrant: what the parent lets an agent do for one delivery (policy/expand/warrant.ts), and
 * what the agent has to say to get one.
 */
import { type Codec, optional, struct, text, union } from "#base/codec.ts";
import {
  type ListedDelivery,
  listedDeliveryCodec,
  MAX_NAME_BYTES,
  type TrailStep,
  trailCodec,
} from "./envelope.ts";

/** Names, addresses, and where a list named what: no command is run because it stands here. */
export interface WarrantRequest {
  readonly action: string;
  /** Whose mail it is, or whose rights a listed command has. */
  readonly user: string;
  readonly sender: string;
  readonly rcpt: string;
  readonly dest: string;
  /** The entry of a list that is to be found there again; undefined: the action's own method. */
  readonly listed: ListedDelivery | undefined;
  /** The lists that led here, of which the last had it. */
  readonly trail: readonly TrailStep[];
}

export type Warrant =
  /** For `/bin/sh -c`. */
  | { readonly kind: "command"; readonly command: string }
  /** To append to, under the agent's own lock. */
  | { readonly kind: "file"; readonly path: string }
  /** The account's mailbox in the mail spool: the parent makes and locks it first. */
  | { readonly kind: "mailbox" }
  /** The configuration does not lead there. */
  | { readonly kind: "refused"; readonly why: string }
  /** The addresses make no command, for good. */
  | { readonly kind: "impossible"; readonly why: string }
  | { readonly kind: "unavailable"; readonly why: string };

/** What an agent is told. A mailbox is locked for it until it says that it is done. */
export type GrantedWarrant =
  | Exclude<Warrant, { readonly kind: "mailbox" }>
  | { readonly kind: "mailbox"; readonly path: string };

const nameCodec: Codec<string> = text(MAX_NAME_BYTES);
/** A wrapped command: its bounds are those of entries and of formats (policy/expand/format.ts). */
const MAX_COMMAND_BYTES = 16_384;
const MAX_WHY_BYTES = 32_768;
const whyCodec: Codec<string> = text(MAX_WHY_BYTES);

export const warrantRequestCodec: Codec<WarrantRequest> = struct<WarrantRequest>({
  action: nameCodec,
  user: nameCodec,
  sender: nameCodec,
  rcpt: nameCodec,
  dest: nameCodec,
  listed: optional(listedDeliveryCodec),
  trail: trailCodec,
});

export const warrantCodec: Codec<GrantedWarrant> = union<GrantedWarrant>({
  command: [1, { command: text(MAX_COMMAND_BYTES) }],
  file: [2, { path: text(MAX_COMMAND_BYTES) }],
  mailbox: [3, { path: text(MAX_COMMAND_BYTES) }],
  refused: [4, { why: whyCodec }],
  impossible: [5, { why: whyCodec }],
  unavailable: [6, { why: whyCodec }],
});
