/** Where a body is kept until all of the message is known: it may be of any size. */
export interface BodyStore {
  /** Bytes that were added. */
  readonly bytes: number;
  /** Adds to its end; the store then owns `text`. @throws {FilesError} if there is no room. */
  add(text: Uint8Array): void;
  /** All of it from its start; each call starts anew. @throws {FilesError} if it cannot be read. */
  chunks(): AsyncIterable<Uint8Array>;
}
