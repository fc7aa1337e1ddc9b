/**
 * The reports that one batch of results causes: written once, however often the batch
 * is stored, and durable with it or not at all.
 *
 * A failure waits for its report. Other reports are dropped, and said to be, where
 * it cannot be found out now where they go: a delivery that was not recorded could be
 * made twice.
 */
import type { Action } from "#protocols/dsn/delivery-status.ts";
import { FilesError } from "#base/ports/files.ts";
import { INLINE_TEXT_BYTES } from "#model/intake.ts";
import type { Message } from "#model/envelope.ts";
import type { Spool, SpoolEntry } from "#engine/spool/spool.ts";
import type { BounceDraft, BounceOccasion, BounceWriter } from "#engine/bounce/bounce.ts";
import { type QueueContext, wallOffsetMs } from "./context.ts";
import { noticeOf, reportOf } from "./notices.ts";
import { enrolReport, reportEntry, type WrittenReport } from "./reports.ts";
import type { Verdict } from "./verdict.ts";

/** Reports of more than INLINE_TEXT_BYTES that are written at once: each has a file open. Others have the header. */
const MAX_LARGE_UNDER_WAY = 16;

/** What the reports of all batches share. */
export interface NoticeWriting {
  readonly bounces: BounceWriter;
  largeUnderWay: number;
}

/** Recipients in one report; a message for more makes more of them. */
const MAX_REPORTED = 1000;

const NONE: readonly SpoolEntry[] = Object.freeze([]);

type Draft = Exclude<BounceDraft, { readonly kind: "unavailable" }>;

/** What one report is about. */
interface Occasion {
  readonly action: Action;
  /** Not empty. */
  readonly verdicts: readonly Verdict[];
}

export class NoticeDrafts {
  readonly #context: QueueContext;
  readonly #writing: NoticeWriting;
  readonly #message: Message;
  readonly #drafts = new Map<string, { readonly action: Action; readonly draft: Draft }>();
  #mayReturnWhole = true;

  constructor(context: QueueContext, writing: NoticeWriting, message: Message) {
    this.#context = context;
    this.#writing = writing;
    this.#message = message;
  }

  /** What is committed with `verdicts`; "unavailable" if it is not known now where a failure is reported. */
  async entries(verdicts: readonly Verdict[]): Promise<readonly SpoolEntry[] | "unavailable"> {
    if (this.#drafts.size === 0 && verdicts.every(isUntold)) return NONE;
    const occasions = occasionsOf(verdicts);
    // An operator may have removed those that a report was about while it waited to be stored.
    for (const name of this.#drafts.keys()) if (!occasions.has(name)) this.#discard(name);
    const entries: SpoolEntry[] = [];
    for (const [name, occasion] of occasions) {
      const entry = await this.#entry(name, occasion);
      if (entry === "unavailable") return "unavailable";
      if (entry !== undefined) entries.push(entry);
    }
    return entries;
  }

  /** They are durable. */
  sent(): void {
    const { observe } = this.#context;
    const message = this.#message;
    for (const { action, draft } of this.#drafts.values()) {
      if (draft.kind === "dropped") {
        const { why, limit } = draft;
        observe({ kind: "bounce-dropped", message, action, why, limit });
        continue;
      }
      this.#leave(draft);
      enrolReport(this.#context, draft, { message, action });
    }
  }

  /** They will not be stored. */
  discard(): void {
    for (const name of this.#drafts.keys()) this.#discard(name);
  }

  async #entry(name: string, occasion: Occasion): Promise<SpoolEntry | "unavailable" | undefined> {
    const draft = this.#drafts.get(name)?.draft ?? (await this.#write(name, occasion));
    if (draft === undefined) return "unavailable";
    if (draft.kind === "dropped") return undefined;
    const isTooMuch = isLarge(draft) && this.#writing.largeUnderWay > MAX_LARGE_UNDER_WAY;
    const text = isTooMuch ? "failed" : await storedText(this.#context.spool, draft);
    if (text !== "failed") return reportEntry(draft, text);
    // There is no room for all of it, or it cannot be read: its header must do.
    this.#discard(name);
    this.#mayReturnWhole = false;
    return this.#entry(name, occasion);
  }

  async #write(name: string, { action, verdicts }: Occasion): Promise<Draft | undefined> {
    const { spool, clock, msgids } = this.#context;
    const offsetMs = wallOffsetMs(clock);
    const message = this.#message;
    const about: BounceOccasion = {
      message,
      text: spool.text(message.msgid),
      action,
      recipients: verdicts.map((verdict) => reportOf(verdict, offsetMs)),
      mayReturnWhole: this.#mayReturnWhole,
      newMsgid: () => msgids.take(),
    };
    const draft = await this.#writing.bounces.write(about);
    const made = draft.kind === "unavailable" ? withoutRoute(action) : draft;
    if (made === undefined) return undefined;
    this.#drafts.set(name, { action, draft: made });
    if (isLarge(made)) this.#writing.largeUnderWay++;
    return made;
  }

  #discard(name: string): void {
    const draft = this.#drafts.get(name)?.draft;
    this.#drafts.delete(name);
    if (draft?.kind !== "bounce") return;
    this.#context.msgids.settle(draft.message.msgid);
    this.#leave(draft);
  }

  #leave(draft: Draft): void {
    if (isLarge(draft)) this.#writing.largeUnderWay--;
  }
}

/** What there is to report, under names that are the same as long as the verdicts are. */
function occasionsOf(verdicts: readonly Verdict[]): ReadonlyMap<string, Occasion> {
  const occasions = new Map<string, Occasion>();
  for (const [action, group] of Map.groupBy(verdicts, noticeOf)) {
    if (action === undefined) continue;
    for (let at = 0; at < group.length; at += MAX_REPORTED) {
      occasions.set(`${action} ${at}`, { action, verdicts: group.slice(at, at + MAX_REPORTED) });
    }
  }
  return occasions;
}

function isUntold(verdict: Verdict): boolean {
  return noticeOf(verdict) === undefined;
}

function isLarge(draft: Draft): boolean {
  if (draft.kind === "dropped" || draft.text.original === undefined) return false;
  return draft.message.textBytes > INLINE_TEXT_BYTES;
}

function withoutRoute(action: Action): Draft | undefined {
  if (action === "failed") return undefined;
  const why = "It cannot be looked up now where the report goes";
  return { kind: "dropped", why, limit: undefined };
}

/** The text of a report as it is committed; a large one is written out as it is read. */
async function storedText(
  spool: Spool,
  { message, text }: WrittenReport,
): Promise<readonly Uint8Array[] | "blob" | "failed"> {
  const { before, original, after } = text;
  if (original === undefined) return [before, after];
  const isInline = message.textBytes <= INLINE_TEXT_BYTES;
  const blob = isInline ? undefined : spool.openBlob(message.msgid);
  const kept: Uint8Array[] = [];
  let bytes = 0;
  const put = async (chunk: Uint8Array): Promise<boolean> => {
    bytes += chunk.length;
    if (blob === undefined) kept.push(Uint8Array.from(chunk));
    return blob === undefined || (await blob.write([chunk])) === "durable";
  };
  try {
    let isWritten = await put(before);
    for await (const chunk of original.chunks()) {
      isWritten &&= await put(chunk);
      if (!isWritten) break;
    }
    if (isWritten && (await put(after)) && bytes === message.textBytes) {
      return blob === undefined ? kept : "blob";
    }
  } catch (error) {
    if (!(error instanceof FilesError)) throw error;
  }
  await blob?.drop();
  return "failed";
}
