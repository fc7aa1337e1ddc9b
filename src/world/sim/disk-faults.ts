/** Which of the next disk operations fail, and how. */

/** Names of the disk's operations, as in the Files port. */
export type DiskOperationName =
  | "open"
  | "write"
  | "read"
  | "sync"
  | "truncate"
  | "close"
  | "list"
  | "makeFolder"
  | "rename"
  | "link"
  | "unlink"
  | "syncFolder"
  | "stat"
  | "freeSpace";

export interface DiskFault {
  readonly operation: DiskOperationName;
  /** `EIO`, `ENOSPC`, `EMFILE`, … */
  readonly code: string;
  /** How many operations fail; 1 if left out, Infinity for a dead disk. */
  readonly times?: number;
  /** Only operations on a path that contains this text. */
  readonly path?: string;
}

export class DiskFaults {
  readonly #scripted: { readonly fault: DiskFault; left: number }[] = [];

  add(fault: DiskFault): void {
    this.#scripted.push({ fault, left: fault.times ?? 1 });
  }

  clear(): void {
    this.#scripted.length = 0;
  }

  /** The code with which this operation fails, if it does; counts it off. */
  take(operation: DiskOperationName, path: string): string | undefined {
    const at = this.#scripted.findIndex(
      ({ fault }) => fault.operation === operation && path.includes(fault.path ?? ""),
    );
    const scripted = this.#scripted[at];
    if (scripted === undefined) return undefined;
    if (--scripted.left <= 0) this.#scripted.splice(at, 1);
    return scripted.fault.code;
  }
}
