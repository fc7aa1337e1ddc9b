/**
 * How operations on the simulated disk run: counted, told to whoever watches,
 * failed as scripted, delayed, and cut short when the power goes.
 *
 * An operation has two halves. What it does to what processes see happens when
 * it is asked for; what it makes durable happens when it returns. The power can
 * go in between.
 */
import type { Clock } from "#base/ports/clock.ts";
import { FilesError } from "#base/ports/files.ts";

/** Names of the disk's operations, as in the Files port. */
export type DiskOperationName =
  | "open"
  | "write"
  | "read"
  | "sync"
  | "truncate"
  | "giveTo"
  | "seal"
  | "close"
  | "list"
  | "makeFolder"
  | "rename"
  | "link"
  | "unlink"
  | "syncFolder"
  | "stat"
  | "freeSpace";

/** One operation, as `onOperation` is told of it before it starts. */
export interface DiskOperation {
  /** 1 for the first operation of this disk. */
  readonly number: number;
  readonly name: DiskOperationName;
  readonly path: string;
}

export interface DiskFault {
  readonly operation: DiskOperationName;
  /** `EIO`, `ENOSPC`, `EMFILE`, … */
  readonly code: string;
  /** How many operations fail; 1 if left out, Infinity for a dead disk. */
  readonly times?: number;
  /** Only operations on a path that contains this text. */
  readonly path?: string;
}

export interface DiskOperationSettings {
  /** Simulated time that each operation takes; 0 if left out. */
  readonly latencyMs?: number;
  /** What operations do once power is lost: "hang" (as seen by a dead process) if left out. */
  readonly afterPowerLoss?: "hang" | "throw";
}

/** Thrown by operations on a disk without power, if its settings ask for that. */
export class SimPowerLoss extends Error {
  override readonly name = "SimPowerLoss";
}

/** An operation: `begin` when it is asked for, with the scripted fault's code if it has one; `finish` when it returns. */
export interface DiskSteps<Value> {
  /** Left out: a scripted fault has no effect but to fail. */
  readonly begin?: (faultCode: string | undefined) => void;
  readonly finish: () => Value;
}

export class DiskOperations {
  onOperation: ((operation: DiskOperation) => void) | undefined;
  /** Resolves when the power went. */
  readonly powerLost: Promise<void>;

  readonly #clock: Clock;
  readonly #settings: DiskOperationSettings;
  readonly #faults: { readonly fault: DiskFault; left: number }[] = [];
  #power: "on" | "off" = "on";
  #losePowerAt = Infinity;
  #count = 0;
  #announcePowerLoss: () => void = () => {};

  constructor(clock: Clock, settings: DiskOperationSettings) {
    this.#clock = clock;
    this.#settings = settings;
    this.powerLost = new Promise((resolve) => {
      this.#announcePowerLoss = resolve;
    });
  }

  /** Operations asked for so far. */
  get count(): number {
    return this.#count;
  }

  addFault(fault: DiskFault): void {
    this.#faults.push({ fault, left: fault.times ?? 1 });
  }

  clearFaults(): void {
    this.#faults.length = 0;
  }

  losePowerAt(operation: number): void {
    this.#losePowerAt = operation;
  }

  losePower(): void {
    this.#power = "off";
    this.#announcePowerLoss();
  }

  async perform<Value>(
    name: DiskOperationName,
    path: string,
    { begin = throwFault, finish }: DiskSteps<Value>,
  ): Promise<Value> {
    const number = ++this.#count;
    this.onOperation?.({ number, name, path });
    if (this.#isOff()) return this.#noPower();
    try {
      begin(this.#takeFault(name, path));
    } finally {
      if (number >= this.#losePowerAt) this.losePower();
    }
    await this.#latency();
    if (this.#isOff()) return this.#noPower();
    return finish();
  }

  #isOff(): boolean {
    return this.#power === "off";
  }

  #noPower(): Promise<never> {
    if (this.#settings.afterPowerLoss === "throw") throw new SimPowerLoss("The disk has no power");
    return new Promise(() => {});
  }

  #latency(): Promise<void> {
    const latencyMs = this.#settings.latencyMs ?? 0;
    if (latencyMs === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#clock.after(latencyMs, resolve);
    });
  }

  /** The code with which this operation fails, if it does; counts it off. */
  #takeFault(name: DiskOperationName, path: string): string | undefined {
    const at = this.#faults.findIndex(
      ({ fault }) => fault.operation === name && path.includes(fault.path ?? ""),
    );
    const scripted = this.#faults[at];
    if (scripted === undefined) return undefined;
    if (--scripted.left <= 0) this.#faults.splice(at, 1);
    return scripted.fault.code;
  }
}

/** The error for a scripted fault, if there is one. */
export function throwFault(code: string | undefined): void {
  if (code !== undefined) throw new FilesError(code, `Cannot use the disk: ${code}, as scripted`);
}
