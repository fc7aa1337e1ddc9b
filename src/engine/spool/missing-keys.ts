/**
 * Keys that files need and the configuration does not have. They are collected before anything
 * in the spool is changed, so that one line names them all and nothing is lost: with the keys back, the
 * spool is as it was.
 */
import type { Keyring } from "./queue-keys.ts";
import { UnusableSpool } from "./unusable-spool.ts";

/** Files that are named for each key; the others are counted. */
const MAX_NAMED = 3;

export class MissingKeys {
  readonly #keys: Keyring;
  readonly #files = new Map<string, string[]>();

  constructor(keys: Keyring) {
    this.#keys = keys;
  }

  /** Notes which key a file needs; undefined is none. */
  look(keyId: string | undefined, file: string): void {
    if (keyId === undefined || this.#keys.has(keyId)) return;
    const files = this.#files.get(keyId);
    if (files === undefined) this.#files.set(keyId, [file]);
    else files.push(file);
  }

  /** @throws {UnusableSpool} if one is missing. */
  refuse(): void {
    if (this.#files.size === 0) return;
    const keys = Array.from(this.#files, ([keyId, files]) => {
      const more = files.length - MAX_NAMED;
      const named = files.slice(0, MAX_NAMED).join(", ");
      return `${keyId} of ${named}${more > 0 ? ` and ${more} more` : ""}`;
    });
    throw new UnusableSpool(
      `the queue is encrypted with a key that 'queue encryption' does not give: ${keys.join("; ")}`,
    );
  }
}
