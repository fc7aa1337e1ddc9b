/**
 * What was fetched from the network, in files of one folder, so that a start need not fetch it.
 *
 * Nothing is synced: a file that is lost or torn is fetched again. Faults of the disk are as
 * if nothing were there. Whoever reads checks what is read as what comes from the network.
 */
import { join } from "node:path/posix";
import { type Files, FilesError } from "#base/ports/files.ts";

export class FetchedFiles {
  readonly #files: Files;
  /** Undefined: nothing is kept. */
  readonly #folder: string | undefined;
  readonly #maxBytes: number;

  /** @param maxBytes a file that is longer is read as far as that. */
  constructor(files: Files, folder: string | undefined, maxBytes: number) {
    this.#files = files;
    this.#folder = folder;
    this.#maxBytes = maxBytes;
  }

  /** The names that are there, of others too. */
  async names(): Promise<readonly string[]> {
    const folder = this.#folder;
    if (folder === undefined) return [];
    let names: readonly string[] = [];
    await faultOf(async () => {
      names = await this.#files.list(folder);
    });
    return names;
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    if (this.#folder === undefined) return undefined;
    const read = await readFile(this.#files, join(this.#folder, name), this.#maxBytes);
    return typeof read === "string" ? undefined : read;
  }

  /** Replaces the file as a whole; the string says why it could not be kept. */
  async write(name: string, bytes: Uint8Array): Promise<string | undefined> {
    if (this.#folder === undefined) return undefined;
    const path = join(this.#folder, name);
    return faultOf(async () => {
      await faultOf(() => this.#files.unlink(`${path}.new`));
      const file = await this.#files.open(`${path}.new`, "create", 0o600);
      try {
        await file.write([bytes], 0);
      } finally {
        await file.close();
      }
      await this.#files.rename(`${path}.new`, path);
    });
  }

  async remove(name: string): Promise<void> {
    const folder = this.#folder;
    if (folder !== undefined) await faultOf(() => this.#files.unlink(join(folder, name)));
  }
}

/** A file as far as `maxBytes`; the string says why it cannot be read. */
export async function readFile(
  files: Files,
  path: string,
  maxBytes: number,
): Promise<Uint8Array | string> {
  let bytes: Uint8Array = new Uint8Array();
  const fault = await faultOf(async () => {
    const file = await files.open(path, "read");
    try {
      bytes = await file.read(0, maxBytes);
    } finally {
      await file.close();
    }
  });
  return fault ?? bytes;
}

async function faultOf(work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof FilesError) return error.message;
    throw error;
  }
}
