/**
 * Frames between the parent and each of its children. What a child sends is small
 * and bounded: the parent is the process with the privileges.
 */
import {
  bool,
  bytes,
  type Codec,
  list,
  optional,
  struct,
  text,
  u32,
  u53,
  union,
} from "#base/codec.ts";
import type { User } from "#base/ports/users.ts";
import { QUEUE_KEY_LENGTH } from "#model/config/defaults.ts";
import { MAX_QUEUE_KEYS, type QueueKeys } from "#model/config/queue-key-text.ts";
import { MAX_NAME_BYTES } from "#model/envelope.ts";
import type { ExplainFault, Explanation, ExplainQuestion } from "#model/explanation.ts";
import { type RelayBlock, relayBlocksCodec } from "#model/relay-report.ts";
import { type TlsMaterial, tlsMaterialCodec } from "#model/tls-material.ts";
import {
  type GrantedWarrant,
  warrantCodec,
  type WarrantRequest,
  warrantRequestCodec,
} from "#model/warrant.ts";
import { type Stranded, strandedCodec } from "#model/stranded.ts";
import {
  type NumberedAnswer,
  type NumberedRequest,
  numberedAnswerCodec,
  numberedRequestCodec,
  type Subsystem,
  subsystemsCodec,
} from "./control-link.ts";
import {
  type LookupMessage,
  lookupMessageCodec,
  type LookupQuestion,
  lookupQuestionCodec,
} from "./lookup-link.ts";
import { explainAnswerCodec, explainQuestionCodec } from "./explain-link.ts";

/** Largest serialised configuration: room for tables of a million short entries. */
export const MAX_CONFIG_BYTES: number = 64 * 1024 * 1024;
/** PATH_MAX of Linux, limits.h(0p). */
const MAX_PATH_BYTES = 4096;
/** Addresses of all interfaces of this machine. */
const MAX_OWN_ADDRESSES = 4096;
/** Why something cannot be done: may name two paths. */
const MAX_REASON_BYTES: number = 16 * 1024;
/** Counters of one process. */
export const MAX_COUNTERS = 256;

export interface Counter {
  readonly name: string;
  readonly value: number;
}

/** What a process is told before it starts its role. */
export interface Slice {
  /** As model/config/serialise.ts writes it. */
  readonly config: Uint8Array;
  /** Counts the configurations of this daemon. */
  readonly generation: number;
  /** Which one of several (dispatchers), from 0. */
  readonly index: number;
  /** How many dispatchers there are. */
  readonly dispatchers: number;
  /** Folder of the spool; only the queue may enter it. */
  readonly spool: string;
  /** Path of the control socket, which the control process was given bound. */
  readonly controlSocket: string;
  /** Lookup keeps responses of OCSP there; undefined: nowhere. */
  readonly stapleFolder: string | undefined;
  readonly verbose: boolean;
  readonly paused: readonly Subsystem[];
  /** Of dispatchers: from where nothing is relayed to whom. */
  readonly blocks: readonly RelayBlock[];
  /** Addresses of this machine, in text form: what `local` means. */
  readonly ownAddresses: readonly string[];
  readonly tls: TlsMaterial;
  /** Of `queue encryption`, for the queue alone. */
  readonly queueKeys: QueueKeys;
  /** Descriptors that the process may have (getrlimit(2), RLIMIT_NOFILE). */
  readonly maxOpenFiles: number;
}

/** What a process is told of a configuration that it is to take up. */
export interface NextSlice {
  readonly config: Uint8Array;
  readonly tls: TlsMaterial;
  readonly generation: number;
  /** The table whose entries are all that differs; undefined: anything may. */
  readonly onlyTable: string | undefined;
}

/** A `Lookup` without its cause: that is the parent's own. */
export type UserAnswer =
  | { readonly kind: "found"; readonly value: User }
  | { readonly kind: "absent" }
  | { readonly kind: "unavailable" };

export type ParentToChild =
  | { readonly kind: "configure"; readonly slice: Slice }
  /** Get ready for another configuration; answered by `prepared`. */
  | { readonly kind: "prepare"; readonly next: NextSlice }
  /** Everybody is ready: work by it from now on; answered by `taken-up`. */
  | { readonly kind: "take-up"; readonly generation: number }
  /** Somebody cannot: all stays as it is. */
  | { readonly kind: "abandon"; readonly generation: number }
  /** Newer certificates and keys for the configuration that is in use. */
  | { readonly kind: "tls-renewed"; readonly tls: TlsMaterial }
  | { readonly kind: "shutdown" }
  | { readonly kind: "verbose"; readonly verbose: boolean }
  | { readonly kind: "pause-smtp"; readonly paused: boolean }
  /** To dispatchers: all blocks that there are from now on. */
  | { readonly kind: "relay-blocks"; readonly blocks: readonly RelayBlock[] }
  | { readonly kind: "counters-wanted"; readonly request: number }
  | {
      readonly kind: "user";
      readonly request: number;
      readonly answer: UserAnswer;
    }
  /** No agent for this delivery. When there is one, a socket to it is handed over instead. */
  | {
      readonly kind: "agent-refused";
      readonly action: string;
      readonly user: string;
      readonly why: string;
    }
  /** To an agent; answers `warrant-wanted`. */
  | { readonly kind: "warrant"; readonly request: number; readonly warrant: GrantedWarrant }
  /** To lookup, about a table: the parent finds accounts and lists again. Answered by `table-answered`. */
  | { readonly kind: "table-wanted"; readonly question: LookupQuestion }
  /** To lookup: all that are not sent yet, without waiting for their time. */
  | { readonly kind: "send-tls-reports" }
  | { readonly kind: "control"; readonly answer: NumberedAnswer }
  /** To one dispatcher; answered by `explained`. */
  | { readonly kind: "explain"; readonly request: number; readonly question: ExplainQuestion };

export type ChildToParent =
  /** The role runs; its links to siblings may be handed over. */
  | { readonly kind: "ready" }
  /** It has so much to do before the role runs, and goes on with it. */
  | { readonly kind: "starting"; readonly done: number; readonly of: number }
  /** A dispatcher has a queue and accepts clients. */
  | { readonly kind: "listening" }
  /** The role could not start; one line that an operator can act on. */
  | { readonly kind: "cannot-start"; readonly why: string }
  /** Tables that lookup cannot read, in one line: no start with them, and a warning later. */
  | { readonly kind: "tables-fault"; readonly why: string }
  /** `fault`: why it cannot be taken up. */
  | { readonly kind: "prepared"; readonly generation: number; readonly fault: string | undefined }
  | { readonly kind: "taken-up"; readonly generation: number; readonly stranded: Stranded }
  | { readonly kind: "stopped" }
  /** It has the socket to a sibling that it was handed under this number. */
  | { readonly kind: "joined"; readonly number: number }
  | { readonly kind: "counters"; readonly request: number; readonly counters: readonly Counter[] }
  | { readonly kind: "user-wanted"; readonly request: number; readonly name: string }
  /** Action and user of a local delivery; the parent checks both against its own configuration. */
  | { readonly kind: "agent-wanted"; readonly action: string; readonly user: string }
  /** Of an agent: may it do what a delivery asks for? Names and addresses; the parent looks up the rest. */
  | { readonly kind: "warrant-wanted"; readonly request: number; readonly wanted: WarrantRequest }
  /** That delivery has ended: its mailbox need not be locked any more. */
  | { readonly kind: "warrant-done"; readonly request: number }
  | { readonly kind: "table-answered"; readonly answer: LookupMessage }
  | { readonly kind: "control"; readonly request: NumberedRequest }
  | {
      readonly kind: "explained";
      readonly request: number;
      readonly answer: Explanation | ExplainFault;
    };

const nameCodec: Codec<string> = text(MAX_NAME_BYTES);
const reasonCodec: Codec<string> = text(MAX_REASON_BYTES);

const userCodec: Codec<User> = struct<User>({
  name: nameCodec,
  uid: u32,
  gid: u32,
  home: nameCodec,
});

const userAnswerCodec: Codec<UserAnswer> = union<UserAnswer>({
  found: [1, { value: userCodec }],
  absent: [2, {}],
  unavailable: [3, {}],
});

const configCodec: Codec<Uint8Array> = bytes(MAX_CONFIG_BYTES);

const sliceCodec: Codec<Slice> = struct<Slice>({
  config: configCodec,
  generation: u32,
  index: u32,
  dispatchers: u32,
  spool: text(MAX_PATH_BYTES),
  controlSocket: text(MAX_PATH_BYTES),
  stapleFolder: optional(text(MAX_PATH_BYTES)),
  verbose: bool,
  paused: subsystemsCodec,
  blocks: relayBlocksCodec,
  ownAddresses: list(nameCodec, MAX_OWN_ADDRESSES),
  tls: tlsMaterialCodec,
  queueKeys: list(optional(text(QUEUE_KEY_LENGTH)), MAX_QUEUE_KEYS),
  maxOpenFiles: u53,
});

const nextSliceCodec: Codec<NextSlice> = struct<NextSlice>({
  config: configCodec,
  tls: tlsMaterialCodec,
  generation: u32,
  onlyTable: optional(nameCodec),
});

export const parentToChildCodec: Codec<ParentToChild> = union<ParentToChild>({
  configure: [1, { slice: sliceCodec }],
  shutdown: [2, {}],
  verbose: [3, { verbose: bool }],
  "pause-smtp": [4, { paused: bool }],
  "counters-wanted": [5, { request: u32 }],
  user: [6, { request: u32, answer: userAnswerCodec }],
  "agent-refused": [7, { action: nameCodec, user: nameCodec, why: reasonCodec }],
  control: [8, { answer: numberedAnswerCodec }],
  prepare: [9, { next: nextSliceCodec }],
  "take-up": [10, { generation: u32 }],
  abandon: [11, { generation: u32 }],
  "tls-renewed": [13, { tls: tlsMaterialCodec }],
  explain: [12, { request: u32, question: explainQuestionCodec }],
  warrant: [14, { request: u32, warrant: warrantCodec }],
  "table-wanted": [15, { question: lookupQuestionCodec }],
  "send-tls-reports": [32, {}],
  "relay-blocks": [16, { blocks: relayBlocksCodec }],
});

export const childToParentCodec: Codec<ChildToParent> = union<ChildToParent>({
  ready: [1, {}],
  "cannot-start": [2, { why: reasonCodec }],
  stopped: [3, {}],
  counters: [
    4,
    {
      request: u32,
      counters: list(struct<Counter>({ name: nameCodec, value: u53 }), MAX_COUNTERS),
    },
  ],
  "user-wanted": [5, { request: u32, name: nameCodec }],
  "agent-wanted": [6, { action: nameCodec, user: nameCodec }],
  control: [7, { request: numberedRequestCodec }],
  listening: [8, {}],
  "tables-fault": [9, { why: reasonCodec }],
  prepared: [10, { generation: u32, fault: optional(reasonCodec) }],
  "taken-up": [11, { generation: u32, stranded: strandedCodec }],
  explained: [12, { request: u32, answer: explainAnswerCodec }],
  joined: [13, { number: u32 }],
  "warrant-wanted": [14, { request: u32, wanted: warrantRequestCodec }],
  "warrant-done": [15, { request: u32 }],
  "table-answered": [16, { answer: lookupMessageCodec }],
  starting: [17, { done: u53, of: u53 }],
});
