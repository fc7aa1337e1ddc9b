/**
 * Responses on disk, one file for each certificate, so that a start needs no responder.
 *
 * What is read is checked as what is fetched: the folder is believed in nothing.
 */
import type { Files } from "#base/ports/files.ts";
import { MAX_OCSP_RESPONSE_BYTES } from "#protocols/ocsp/ocsp-response.ts";
import { FetchedFiles, readFile } from "./fetched-files.ts";

const NAME = /^[0-9a-f]{64}\.der(?:\.new)?$/u;
/** A byte more than a response may have, by which one that is too long is known. */
const MAX_FILE_BYTES: number = MAX_OCSP_RESPONSE_BYTES + 1;

export class StapleCache {
  readonly #kept: FetchedFiles;

  /** @param folder undefined: nothing is kept. */
  constructor(files: Files, folder: string | undefined) {
    this.#kept = new FetchedFiles(files, folder, MAX_FILE_BYTES);
  }

  read(fingerprint: string): Promise<Uint8Array | undefined> {
    return this.#kept.read(nameOf(fingerprint));
  }

  /** The string says why it could not be kept. */
  write(fingerprint: string, response: Uint8Array): Promise<string | undefined> {
    return this.#kept.write(nameOf(fingerprint), response);
  }

  remove(fingerprint: string): Promise<void> {
    return this.#kept.remove(nameOf(fingerprint));
  }

  /** Of certificates that are not shown any more nothing is kept. */
  async keepOnly(fingerprints: ReadonlySet<string>): Promise<void> {
    for (const name of await this.#kept.names()) {
      const isWanted = fingerprints.has(name.slice(0, name.indexOf(".")));
      if (NAME.test(name) && !isWanted) await this.#kept.remove(name);
    }
  }
}

function nameOf(fingerprint: string): string {
  return `${fingerprint}.der`;
}

/** A whole file; the string says why it is none. */
export function readResponseFile(files: Files, path: string): Promise<Uint8Array | string> {
  return readFile(files, path, MAX_FILE_BYTES);
}
