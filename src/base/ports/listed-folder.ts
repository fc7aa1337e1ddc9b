/** A folder that others fill: its names in any number, and a word when there may be others. */
export interface ListedFolder {
  /** Names, some at a time and never all at once. @throws {FilesError} */
  names(): AsyncIterable<readonly string[]>;
  /**
   * Calls `changed` once, when something in the folder may have changed after this was called,
   * unless the returned function is called first. Where the system cannot tell it is never called.
   */
  onceChanged(changed: () => void): () => void;
}
