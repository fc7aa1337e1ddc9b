/**
 * A folder for one test, that every user may reach, and the unprivileged user whose
 * name configurations give: `nobody` when root runs the tests, else who runs them.
 */
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { until } from "./greeting.ts";

const NOBODY_ID = 65534;

export const RUNS_AS_ROOT: boolean = process.getuid?.() === 0;

/** Owns what is delivered. */
export const MAIL_USER: string = RUNS_AS_ROOT ? "nobody" : userInfo().username;
export const MAIL_UID: number = RUNS_AS_ROOT ? NOBODY_ID : userInfo().uid;
export const MAIL_GID: number = RUNS_AS_ROOT ? NOBODY_ID : userInfo().gid;

export class Scratch implements AsyncDisposable {
  readonly folder: string;
  readonly #running = new AsyncDisposableStack();

  constructor() {
    this.folder = mkdtempSync(`${tmpdir()}/postrider-`);
    chmodSync(this.folder, 0o755);
  }

  /** A new folder `name` that belongs to the mail user. */
  mailFolder(name: string): string {
    const path = `${this.folder}/${name}`;
    mkdirSync(path);
    if (RUNS_AS_ROOT) chownSync(path, MAIL_UID, MAIL_GID);
    return path;
  }

  /** Ends `server` before the folder is removed. */
  use<Server extends AsyncDisposable>(server: Server): Server {
    return this.#running.use(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running.disposeAsync();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/**
 * Resolves with the texts of the files in `folder` when there are `count` of them and
 * each has `line`: smtp-sink writes its files as the bytes come.
 */
export async function arrivals(
  folder: string,
  count: number,
  line: string,
): Promise<readonly string[]> {
  const texts = (): readonly string[] =>
    filesIn(folder)
      .map((name) => readFileSync(`${folder}/${name}`, "latin1"))
      .filter((text) => text.includes(`${line}\r\n`) || text.includes(`${line}\n`));
  await until(() => texts().length >= count, `${count} files with "${line}" in ${folder}`);
  return texts();
}

/** A folder that nobody has delivered to yet is not there. */
function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
