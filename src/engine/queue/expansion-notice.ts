/**
 * The report that a recipient was a list: what SUCCESS asks for is then told once, when
 * the message is accepted, and not for each member.
 *
 * Where it cannot be told now (nobody knows the way, the sender may have no report, or
 * the text is in a file), the members keep SUCCESS, and each is told as it is delivered:
 * the sender loses nothing, and no client waits for it.
 *
 * Source: RFC 3461 §5.2.7.3 (aliases of several recipients).
 */
import type { Envelope, Message } from "#model/envelope.ts";
import type { SpoolEntry } from "#engine/spool/spool.ts";
import type { BounceWriter } from "#engine/bounce/bounce.ts";
import type { QueueContext } from "./context.ts";
import { enrolReport, reportEntry } from "./reports.ts";

/** An accepted message whose lists are reported with it. */
export interface Expanded {
  /** All of the message, of which the members of lists ask for no success any more. */
  readonly envelopes: readonly Envelope[];
  /** To be committed with the message. */
  readonly entry: SpoolEntry;
  /** Both are durable, or neither is. */
  settle(outcome: "durable" | "refused"): void;
}

/** Undefined: there is nothing to report, or it cannot be done now. */
export async function expansionNotice(
  context: QueueContext,
  bounces: BounceWriter,
  mail: {
    readonly message: Message;
    readonly envelopes: readonly Envelope[];
    readonly text: readonly Uint8Array[] | "blob";
  },
): Promise<Expanded | undefined> {
  const { message, envelopes, text } = mail;
  const lists = listsOf(envelopes);
  if (lists.size === 0 || text === "blob") return undefined;
  const draft = await bounces.write({
    message,
    text: { bytes: message.textBytes, chunks: () => pieces(text) },
    action: "expanded",
    recipients: Array.from(lists, ([recipient, terms]) => ({
      recipient,
      orcpt: terms?.originalRecipient ?? "",
      status: "2.0.0",
      diagnostic: "",
      remote: "",
      lastTryAtMs: 0,
      retryUntilMs: 0,
    })),
    mayReturnWhole: false,
    newMsgid: () => context.msgids.take(),
  });
  if (draft.kind !== "bounce") return undefined;
  return {
    envelopes: envelopes.map((each) => (lists.has(each.forwardPath) ? withoutSuccess(each) : each)),
    entry: reportEntry(draft, [draft.text.before, draft.text.after]),
    settle(outcome) {
      if (outcome === "durable") enrolReport(context, draft, { message, action: "expanded" });
      else context.msgids.settle(draft.message.msgid);
    },
  };
}

/** Recipients that became several by a list, and whose sender wants to be told of success. */
function listsOf(envelopes: readonly Envelope[]): ReadonlyMap<string, Envelope["terms"]> {
  const members = envelopes.filter(
    ({ terms, trail }) => trail.length > 0 && terms?.notify?.includes("success") === true,
  );
  const lists = new Map<string, Envelope["terms"]>();
  for (const [recipient, of] of Map.groupBy(members, ({ forwardPath }) => forwardPath)) {
    if (of.length > 1) lists.set(recipient, of[0]?.terms);
  }
  return lists;
}

/** RFC 3461 §4.1: who wants to be told of nothing says NEVER. */
function withoutSuccess(envelope: Envelope): Envelope {
  const { terms } = envelope;
  if (terms?.notify === undefined) return envelope;
  const rest = terms.notify.filter((word) => word !== "success");
  return { ...envelope, terms: { ...terms, notify: rest.length === 0 ? ["never"] : rest } };
}

async function* pieces(text: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* text;
}
