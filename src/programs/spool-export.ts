/**
 * `smtpctl spool export`: what is unfinished, as OpenSMTPD's queue has it, or as one mbox.
 *
 * OpenSMTPD has texts with LF, `queue/XX/MSGID/{EVPID,message}`. An mbox has the lines `From ` quoted
 * (mboxrd) and the recipients in `X-Envelope-To:`; what waits with them is not in it.
 */
import type { Files } from "#base/ports/files.ts";
import { formatEnvelopeFile } from "#model/opensmtpd/envelope-file.ts";
import { type EnvelopeProgress, exportEnvelope } from "#model/opensmtpd/exchange.ts";
import type { StoredEnvelope, StoredMessage } from "#engine/spool/spool.ts";
import type { SpoolView } from "#engine/spool/spool-view.ts";
import { MboxLines } from "#engine/delivery/mbox-lines.ts";
import { fromLine } from "#engine/delivery/from-line.ts";
import { linesOf, type TextLines } from "#engine/delivery/local-message.ts";
import { writeText } from "#engine/delivery/text-writing.ts";

const PRIVATE_FOLDER = 0o700;

export interface ExportParts {
  readonly files: Files;
  readonly view: SpoolView;
  readonly serverName: string;
}

/** Writes a queue of OpenSMTPD into `folder`, which is made. @throws {FilesError} */
export async function exportQueue(
  { files, view, serverName }: ExportParts,
  folder: string,
): Promise<void> {
  await files.makeFolder(folder, PRIVATE_FOLDER);
  await files.makeFolder(`${folder}/queue`, PRIVATE_FOLDER);
  const made = new Set<string>();
  for (const { message, envelopes } of view.messages) {
    const { msgid } = message;
    const bucket = `${folder}/queue/${msgid.slice(0, 2)}`;
    if (!made.has(bucket)) await files.makeFolder(bucket, PRIVATE_FOLDER);
    made.add(bucket);
    await files.makeFolder(`${bucket}/${msgid}`, PRIVATE_FOLDER);
    const text = mapped(view.text(msgid).chunks(), linesOf(message));
    await write(files, `${bucket}/${msgid}/message`, text);
    for (const stored of envelopes) {
      const theirs = exportEnvelope(message, stored.envelope, progressOf(stored), serverName);
      const file = Buffer.from(formatEnvelopeFile(theirs));
      await write(files, `${bucket}/${msgid}/${stored.envelope.evpid}`, only(file));
    }
  }
}

/** Writes all messages into one new file. @throws {FilesError} */
export async function exportMbox({ files, view }: ExportParts, path: string): Promise<void> {
  await write(files, path, mboxOf(view));
}

async function* mboxOf(view: SpoolView): AsyncGenerator<Uint8Array> {
  for (const stored of view.messages) {
    yield Buffer.from(mboxHead(stored));
    yield* mapped(view.text(stored.message.msgid).chunks(), new MboxLines());
  }
}

function mboxHead({ message, envelopes }: StoredMessage): string {
  const lines = [fromLine(message.reversePath, message.acceptedAtMs)];
  for (const { envelope } of envelopes)
    lines.push(`X-Envelope-To: ${oneLine(envelope.destination)}`);
  return `${lines.join("\n")}\n`;
}

/** An address may have a quoted part with anything in it. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc} ]/gu, "?");
}

function progressOf({
  retryCount,
  lastTryAtMs,
  warnedMs,
  lastResult,
}: StoredEnvelope): EnvelopeProgress {
  const { status = "", diagnostic = "" } = lastResult ?? {};
  return { retryCount, lastTryAtMs, warnedMs, status, diagnostic };
}

async function* mapped(
  chunks: AsyncIterable<Uint8Array>,
  lines: TextLines,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield lines.push(chunk);
  yield lines.end();
}

async function* only(piece: Uint8Array): AsyncGenerator<Uint8Array> {
  yield piece;
}

async function write(files: Files, path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await files.open(path, "create");
  try {
    await writeText(file, 0, pieces);
    await file.sync();
  } finally {
    await file.close();
  }
}
