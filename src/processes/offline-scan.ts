/**
 * One look through the drop folder: whose complete mail waits, and what else is there.
 *
 * Nothing is opened and no link is followed. What is remembered is bounded, whatever the
 * folder holds: of each owner some names, of what is no mail a count and one example. The
 * rest is found by another look, when those are gone.
 */
import type { Clock } from "#base/ports/clock.ts";
import { type Files, FilesError, type FileStat } from "#base/ports/files.ts";
import type { ListedFolder } from "#base/ports/listed-folder.ts";
import { conditionOf, kindOfName } from "#engine/enqueue/dropped-names.ts";

/** Of one owner; handed in by one process. */
export const MAX_NAMES_EACH = 50;
const MAX_OWNERS = 1_000;
/** Asked for at once. */
const STATS_AT_ONCE = 16;

export interface ScanPorts {
  readonly clock: Clock;
  readonly files: Pick<Files, "stat" | "unlink">;
  readonly listed: ListedFolder;
}

export interface Found {
  /** By uid: names of complete mail that is due, at most MAX_NAMES_EACH. */
  readonly due: ReadonlyMap<number, readonly string[]>;
  /** Of complete mail there is more that is due. */
  readonly isMore: boolean;
  /** Written and never completed, and removed now. */
  readonly abandoned: number;
  /** Neither mail nor on its way to be. */
  readonly odd: { readonly count: number; readonly example: string };
}

/** @param isDue asked for each complete file. @throws {FilesError} if the folder cannot be listed. */
export async function scanDrops(
  ports: ScanPorts,
  folder: string,
  isDue: (name: string, uid: number) => boolean,
): Promise<Found> {
  const pass = new Pass(ports, folder, isDue);
  for await (const names of ports.listed.names()) {
    for (let at = 0; at < names.length; at += STATS_AT_ONCE)
      await Promise.all(names.slice(at, at + STATS_AT_ONCE).map((name) => pass.look(name)));
  }
  return pass.found;
}

class Pass {
  readonly #ports: ScanPorts;
  readonly #folder: string;
  readonly #isDue: (name: string, uid: number) => boolean;
  readonly #nowMs: number;
  readonly #due = new Map<number, string[]>();
  #isMore = false;
  #abandoned = 0;
  #odd = { count: 0, example: "" };

  constructor(ports: ScanPorts, folder: string, isDue: (name: string, uid: number) => boolean) {
    this.#ports = ports;
    this.#folder = folder;
    this.#isDue = isDue;
    this.#nowMs = ports.clock.wallMs();
  }

  get found(): Found {
    return {
      due: this.#due,
      isMore: this.#isMore,
      abandoned: this.#abandoned,
      odd: this.#odd,
    };
  }

  async look(name: string): Promise<void> {
    const kind = kindOfName(name);
    if (kind === "other") this.#seeOdd(name, "its name is none of ours");
    if (kind === "mail") await this.#lookAtFile(name);
  }

  async #lookAtFile(name: string): Promise<void> {
    const stat = await quietly(() => this.#ports.files.stat(`${this.#folder}/${name}`));
    if (stat === undefined) return;
    const condition = conditionOf(stat, this.#nowMs);
    if (condition.kind === "odd") this.#seeOdd(name, `${condition.what} of uid ${stat.uid}`);
    else if (condition.kind === "complete") this.#seeComplete(name, stat);
    else if (condition.kind === "abandoned") await this.#remove(name);
  }

  #seeComplete(name: string, { uid }: FileStat): void {
    if (!this.#isDue(name, uid)) return;
    const names = this.#due.get(uid) ?? [];
    if (names.length >= MAX_NAMES_EACH || (names.length === 0 && this.#due.size >= MAX_OWNERS)) {
      this.#isMore = true;
      return;
    }
    names.push(name);
    this.#due.set(uid, names);
  }

  async #remove(name: string): Promise<void> {
    const isRemoved = await quietly(async () => {
      await this.#ports.files.unlink(`${this.#folder}/${name}`);
      return true;
    });
    if (isRemoved === true) this.#abandoned++;
  }

  #seeOdd(name: string, what: string): void {
    const { count, example } = this.#odd;
    this.#odd = { count: count + 1, example: count === 0 ? `${name} (${what})` : example };
  }
}

/** Whoever owns a file may take it away meanwhile. */
async function quietly<Value>(action: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof FilesError)) throw error;
    return undefined;
  }
}
