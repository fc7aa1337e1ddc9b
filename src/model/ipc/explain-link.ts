/**
 * How the question of `smtpctl explain` and its answer travel: from the control process
 * to the parent, from there to one dispatcher, and back. Neither of the two on the way
 * looks into them, but both know that they are bounded.
 */
import {
  bool,
  type Codec,
  list,
  oneOf,
  optional,
  struct,
  text,
  u32,
  u53,
  union,
} from "#base/codec.ts";
import {
  type Exchange,
  type ExplainedAccount,
  type ExplainedEnvelope,
  type ExplainedHop,
  type ExplainedListener,
  type ExplainedRecipient,
  type ExplainedReply,
  type ExplainedRule,
  type ExplainFault,
  type Explanation,
  type ExplainQuestion,
  MAX_EXPLAINED_ENVELOPES,
  MAX_EXPLAINED_RECIPIENTS,
  MAX_EXPLAINED_RULES,
  MAX_EXPLAINED_STEPS,
  MAX_EXPLAINED_TEXT_BYTES,
  type Way,
} from "#model/explanation.ts";
import {
  NODE_KINDS,
  type NodeSource,
  type Reason,
  type ReasonAnswer,
  type ReasonCriterion,
  type ReasonPlace,
} from "#model/reason.ts";

/** Ten recipients and what else there is fit in a request of the control socket. */
const MAX_QUESTION_TEXT_BYTES = 400;
/** Servers, addresses and limits of one way out are few (engine/explain/way-out.ts). */
const MAX_ITEMS = 16;

const questionText: Codec<string> = text(MAX_QUESTION_TEXT_BYTES);

/** Throws for a text that is too long: whoever asks checks before (questionFault). */
export const explainQuestionCodec: Codec<ExplainQuestion> = struct<ExplainQuestion>({
  reversePath: questionText,
  forwardPaths: list(questionText, MAX_EXPLAINED_RECIPIENTS),
  source: optional(questionText),
  helo: optional(questionText),
  reverseName: optional(questionText),
  username: questionText,
  localUser: questionText,
  tls: bool,
  listener: optional(questionText),
  sizeBytes: u53,
  dns: bool,
});

/** Why the question cannot travel; undefined if it can. */
export function questionFault(question: ExplainQuestion): string | undefined {
  const { reversePath, forwardPaths, source, helo, reverseName, listener } = question;
  const { username, localUser } = question;
  if (forwardPaths.length > MAX_EXPLAINED_RECIPIENTS)
    return `at most ${MAX_EXPLAINED_RECIPIENTS} recipients can be explained at once`;
  const texts = [
    reversePath,
    ...forwardPaths,
    source,
    helo,
    reverseName,
    username,
    localUser,
    listener,
  ];
  const isTooLong = texts.some((each = "") => Buffer.byteLength(each) > MAX_QUESTION_TEXT_BYTES);
  return isTooLong ? `no text may be longer than ${MAX_QUESTION_TEXT_BYTES} bytes` : undefined;
}

// Reasons.

const short: Codec<string> = text(MAX_EXPLAINED_TEXT_BYTES);

const place: Codec<ReasonPlace> = struct<ReasonPlace>({ file: short, line: u32, column: u32 });

const criterion: Codec<ReasonCriterion> = struct<ReasonCriterion>({
  at: optional(place),
  text: short,
});

type FoundAnswer = Extract<ReasonAnswer, { readonly kind: "found" }>;

const foundAnswer: Codec<FoundAnswer> = {
  write(writer, { value, entry }) {
    short.write(writer, value);
    optional(short).write(writer, entry);
  },
  read(reader) {
    const value = short.read(reader);
    const entry = optional(short).read(reader);
    return { kind: "found", value, ...(entry === undefined ? {} : { entry }) };
  },
};

const answer: Codec<ReasonAnswer> = union<ReasonAnswer>({
  found: [1, foundAnswer],
  absent: [2, {}],
  unavailable: [3, { why: short }],
});

type ForwardAnswer = Extract<Reason, { readonly kind: "forward-file" }>["answer"];

const forwardAnswer: Codec<ForwardAnswer> = union<ForwardAnswer>({
  found: [1, foundAnswer],
  absent: [2, {}],
  unavailable: [3, { why: short }],
  refused: [4, { why: short }],
});

const source: Codec<NodeSource> = union<NodeSource>({
  recipient: [1, {}],
  "local-part": [2, {}],
  alias: [3, { table: short, key: short }],
  virtual: [4, { table: short, key: short }],
  include: [5, { path: short }],
  "forward-file": [6, { user: short }],
});

const reason: Codec<Reason> = union<Reason>({
  "rule-skipped": [1, { rule: place, criterion }],
  "rule-matched": [2, { rule: place, action: optional(short) }],
  "rule-unavailable": [3, { rule: place, criterion, why: short }],
  "no-rule": [4, {}],
  "table-lookup": [5, { table: short, service: short, key: short, answer }],
  node: [6, { node: u32, parent: optional(u32), is: oneOf(NODE_KINDS), text: short, source }],
  ignored: [7, { parent: optional(u32), text: short, why: short }],
  "user-lookup": [8, { userbase: short, user: short, answer }],
  "forward-file": [9, { user: short, answer: forwardAnswer }],
  refused: [
    10,
    {
      as: oneOf(["rejected", "unavailable", "expansion", "expansion-later", "said"]),
      why: short,
    },
  ],
  envelope: [11, { action: short, user: optional(short), destination: short }],
  srs: [12, { address: short, why: oneOf(["", "malformed", "forged", "expired"]) }],
});

// Ways out.

const account: Codec<ExplainedAccount> = union<ExplainedAccount>({
  found: [1, { name: short, uid: u32, home: short }],
  none: [2, { name: short, why: short }],
});

const hop: Codec<ExplainedHop> = struct<ExplainedHop>({
  host: short,
  preference: optional(u32),
  addresses: list(short, MAX_ITEMS),
  tls: short,
  problem: short,
});

const way: Codec<Way> = union<Way>({
  local: [1, { user: short, as: optional(account), into: short }],
  relay: [
    2,
    {
      by: short,
      hops: list(hop, MAX_ITEMS),
      problem: short,
      helo: short,
      sources: list(short, MAX_ITEMS),
      tls: short,
      limits: list(short, MAX_ITEMS),
    },
  ],
});

const envelope: Codec<ExplainedEnvelope> = struct<ExplainedEnvelope>({
  destination: short,
  rule: short,
  action: short,
  actionAt: place,
  method: short,
  ttlMs: u53,
  way,
});

// The whole.

const reply: Codec<ExplainedReply> = struct<ExplainedReply>({
  code: u32,
  enhanced: short,
  text: short,
});

const recipient: Codec<ExplainedRecipient> = struct<ExplainedRecipient>({
  forwardPath: short,
  steps: list(reason, MAX_EXPLAINED_STEPS),
  stepsLeftOut: u53,
  reply,
  envelopes: list(envelope, MAX_EXPLAINED_ENVELOPES),
  envelopesLeftOut: u53,
});

const explanation: Codec<Explanation> = withKind(
  struct<Omit<Explanation, "kind" | "message">>({
    listener: struct<ExplainedListener>({
      at: place,
      endpoint: short,
      tag: short,
      chosen: oneOf(["named", "first-socket", "first-tcp"]),
    }),
    client: struct<Explanation["client"]>({
      address: short,
      hostname: short,
      helo: short,
      username: short,
      tls: bool,
    }),
    greeting: list(struct<Exchange>({ command: short, reply }), MAX_ITEMS),
    recipients: list(recipient, MAX_EXPLAINED_RECIPIENTS),
    rules: list(struct<ExplainedRule>({ at: place, text: short }), MAX_EXPLAINED_RULES),
    maxMessageBytes: u53,
  }),
);

/** The reply to a message text is smtpctl's own, and does not travel. */
function withKind(fields: Codec<Omit<Explanation, "kind" | "message">>): Codec<Explanation> {
  return {
    write: (writer, value) => fields.write(writer, value),
    read: (reader) => ({ kind: "explanation", ...fields.read(reader) }),
  };
}

export const explainAnswerCodec: Codec<Explanation | ExplainFault> = union<
  Explanation | ExplainFault
>({
  explanation: [1, explanation],
  "explain-fault": [2, { why: short }],
});
