/**
 * The quota of a Maildir++: its file `maildirsize`, if there is one.
 *
 * The first line has the limits (`10000000S,1000C`: bytes and messages), each other line what
 * came or went (`1234 1`, `-1234 -1`); their sum is what there is. What is delivered adds a
 * line. A sum that leaves no room is counted anew before it is believed, unless it is fresh:
 * what readers removed may not be in it.
 *
 * Limits: whoever makes the file sets the limits; nothing here does. Two deliveries at once
 * may both find the last room. Source: Maildir++ (Courier, Sam Varshavchik).
 */
import type { Clock } from "#base/ports/clock.ts";
import { type Files, FilesError, type OpenFile } from "#base/ports/files.ts";
import type { Random } from "#base/ports/random.ts";
import { randomSessionId } from "#model/ids.ts";

/** A file that has grown to this is counted anew (Maildir++). */
const MAX_QUOTA_FILE_BYTES = 5120;
/** A sum that is younger is believed (Maildir++). */
const FRESH_MS: number = 15 * 60_000;
/** Messages of a Maildir that is counted; in one with more the rest costs nothing. */
const MAX_COUNTED = 200_000;
const FILE_PERMISSIONS = 0o600;

interface Ports {
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
}

interface Amount {
  readonly bytes: number;
  readonly messages: number;
}

interface QuotaFile {
  /** As it stands in the file. */
  readonly limits: string;
  readonly used: Amount;
  /** More than the limits and one count: it is not as it was counted. */
  readonly isAdded: boolean;
  readonly bytes: number;
  readonly modifiedAtMs: number;
}

/** Whether a message of `bytes` may be added. @throws {FilesError} */
export async function hasRoom(
  ports: Ports,
  maildir: string,
  bytes: number,
): Promise<"no-quota" | "room" | "full"> {
  const quota = await readQuota(ports.files, maildir);
  if (quota === undefined) return "no-quota";
  const isOver = isFull(quota.limits, quota.used, bytes);
  const ageMs = ports.clock.wallMs() - quota.modifiedAtMs;
  const isOld = quota.isAdded || ageMs > FRESH_MS;
  if (!(isOver && isOld) && quota.bytes < MAX_QUOTA_FILE_BYTES) return isOver ? "full" : "room";
  const used = await count(ports.files, maildir);
  await replaceQuota(ports, maildir, { limits: quota.limits, used });
  return isFull(quota.limits, used, bytes) ? "full" : "room";
}

/** Adds a message that was delivered; a fault is no reason to say that it was not. */
export async function countInQuota(files: Files, maildir: string, bytes: number): Promise<void> {
  try {
    const file = await openIfThere(files, `${maildir}/maildirsize`, "update");
    if (file === undefined) return;
    try {
      const { bytes: end } = await file.stat();
      await file.write([Buffer.from(`${bytes} 1\n`)], end);
    } finally {
      await file.close();
    }
  } catch (error) {
    // The next count finds the message.
    if (!(error instanceof FilesError)) throw error;
  }
}

/** Undefined: there is none, or nothing in it that is one. */
async function readQuota(files: Files, maildir: string): Promise<QuotaFile | undefined> {
  const file = await openIfThere(files, `${maildir}/maildirsize`, "read");
  if (file === undefined) return undefined;
  try {
    const { bytes, modifiedAtMs, kind } = await file.stat();
    if (kind !== "file") return undefined;
    const text = Buffer.from(await file.read(0, 2 * MAX_QUOTA_FILE_BYTES)).toString("latin1");
    const [limits = "", ...lines] = text.split("\n").filter((line) => line.trim() !== "");
    if (limitsOf(limits).length === 0) return undefined;
    return { limits, used: sumOf(lines), isAdded: lines.length > 1, bytes, modifiedAtMs };
  } finally {
    await file.close();
  }
}

function sumOf(lines: readonly string[]): Amount {
  let [bytes, messages] = [0, 0];
  for (const line of lines) {
    const [, size = "0", number = "0"] = /^\s*(-?\d{1,15})\s+(-?\d{1,10})\s*$/u.exec(line) ?? [];
    bytes += Number(size);
    messages += Number(number);
  }
  return { bytes, messages };
}

interface Limit {
  readonly of: keyof Amount;
  readonly most: number;
}

/** A 0 is no limit, and what is not known is none either. */
function limitsOf(text: string): readonly Limit[] {
  return text.split(",").flatMap((part): readonly Limit[] => {
    const [, number = "", unit = ""] = /^\s*(\d{1,15})([SC])\s*$/u.exec(part) ?? [];
    const most = Number(number);
    return most === 0 ? [] : [{ of: unit === "S" ? "bytes" : "messages", most }];
  });
}

function isFull(limits: string, used: Amount, bytes: number): boolean {
  const after: Amount = { bytes: used.bytes + bytes, messages: used.messages + 1 };
  return limitsOf(limits).some(({ of, most }) => after[of] > most);
}

/** Of the Maildir and its folders, but for `.Trash` (Maildir++). */
async function count(files: Files, maildir: string): Promise<Amount> {
  const names = await listed(files, maildir);
  const folders = names.filter((name) => /^\.[^.]/u.test(name) && name !== ".Trash");
  let [bytes, messages] = [0, 0];
  for (const folder of [maildir, ...folders.map((name) => `${maildir}/${name}`)]) {
    for (const part of ["new", "cur"]) {
      for (const name of await listed(files, `${folder}/${part}`)) {
        if (messages >= MAX_COUNTED) return { bytes, messages };
        messages++;
        bytes += await sizeOf(files, `${folder}/${part}/${name}`);
      }
    }
  }
  return { bytes, messages };
}

/** By its name, which may have it (`,S=1234`), or by looking. */
async function sizeOf(files: Files, path: string): Promise<number> {
  const [, size] = /,S=(\d{1,15})(?:[,:]|$)/u.exec(path) ?? [];
  if (size !== undefined) return Number(size);
  try {
    return (await files.stat(path)).bytes;
  } catch (error) {
    if (error instanceof FilesError && error.code === "ENOENT") return 0;
    throw error;
  }
}

async function listed(files: Files, folder: string): Promise<readonly string[]> {
  try {
    return await files.list(folder);
  } catch (error) {
    if (error instanceof FilesError && ["ENOENT", "ENOTDIR"].includes(error.code)) return [];
    throw error;
  }
}

async function replaceQuota(
  { files, random }: Ports,
  maildir: string,
  { limits, used }: { readonly limits: string; readonly used: Amount },
): Promise<void> {
  const temporary = `${maildir}/tmp/maildirsize.${randomSessionId(random)}`;
  try {
    const file = await files.open(temporary, "create", FILE_PERMISSIONS);
    try {
      await file.write([Buffer.from(`${limits}\n${used.bytes} ${used.messages}\n`)], 0);
    } finally {
      await file.close();
    }
    await files.rename(temporary, `${maildir}/maildirsize`);
  } catch (error) {
    // What was counted holds for this delivery, whether it could be kept or not.
    if (!(error instanceof FilesError)) throw error;
  }
}

async function openIfThere(
  files: Files,
  path: string,
  mode: "read" | "update",
): Promise<OpenFile | undefined> {
  try {
    return await files.open(path, mode);
  } catch (error) {
    if (error instanceof FilesError && ["ENOENT", "ENOTDIR"].includes(error.code)) return undefined;
    throw error;
  }
}
