/**
 * Responses on disk, one file for each certificate, so that a start needs no responder.
 *
 * What is read is checked as what is fetched: the folder is believed in nothing. Nothing
 * is synced: a file that is lost or torn is fetched again. Faults of the disk are as if
 * nothing were there.
 */
import { join } from "node:path/posix";
import { type Files, FilesError } from "#base/ports/files.ts";
import { MAX_OCSP_RESPONSE_BYTES } from "#protocols/ocsp/ocsp-response.ts";

const NAME = /^[0-9a-f]{64}\.der(?:\.new)?$/u;

export class StapleCache {
  readonly #files: Files;
  /** Undefined: nothing is kept. */
  readonly #folder: string | undefined;

  constructor(files: Files, folder: string | undefined) {
    this.#files = files;
    this.#folder = folder;
  }

  async read(fingerprint: string): Promise<Uint8Array | undefined> {
    const path = this.#path(fingerprint);
    if (path === undefined) return undefined;
    const read = await readResponseFile(this.#files, path);
    return typeof read === "string" ? undefined : read;
  }

  /** The string says why it could not be kept. */
  async write(fingerprint: string, response: Uint8Array): Promise<string | undefined> {
    const path = this.#path(fingerprint);
    if (path === undefined) return undefined;
    return faultOf(async () => {
      await faultOf(() => this.#files.unlink(`${path}.new`));
      const file = await this.#files.open(`${path}.new`, "create", 0o600);
      try {
        await file.write([response], 0);
      } finally {
        await file.close();
      }
      await this.#files.rename(`${path}.new`, path);
    });
  }

  async remove(fingerprint: string): Promise<void> {
    const path = this.#path(fingerprint);
    if (path !== undefined) await faultOf(() => this.#files.unlink(path));
  }

  /** Of certificates that are not shown any more nothing is kept. */
  async keepOnly(fingerprints: ReadonlySet<string>): Promise<void> {
    const folder = this.#folder;
    if (folder === undefined) return;
    await faultOf(async () => {
      for (const name of await this.#files.list(folder)) {
        const isWanted = fingerprints.has(name.slice(0, name.indexOf(".")));
        if (NAME.test(name) && !isWanted) await this.#files.unlink(join(folder, name));
      }
    });
  }

  #path(fingerprint: string): string | undefined {
    return this.#folder === undefined ? undefined : join(this.#folder, `${fingerprint}.der`);
  }
}

/** A whole file; the string says why it is none. */
export async function readResponseFile(files: Files, path: string): Promise<Uint8Array | string> {
  let bytes: Uint8Array = new Uint8Array();
  const fault = await faultOf(async () => {
    const file = await files.open(path, "read");
    try {
      bytes = await file.read(0, MAX_OCSP_RESPONSE_BYTES + 1);
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
