/**
 * The intake of a dispatcher over the life of several queue processes: the one
 * that is there now, or none while the queue is being restarted.
 */
import type { Intake, Submission } from "#model/intake.ts";

export class SwitchedIntake implements Intake {
  #current: Intake | undefined;

  use(intake: Intake): void {
    this.#current = intake;
  }

  /** `intake` is gone; a newer one stays. */
  drop(intake: Intake): void {
    if (this.#current === intake) this.#current = undefined;
  }

  hasRoom(bytes: number): boolean {
    // No queue is not a full disk: `open` says so, and the client is told to come back.
    return this.#current?.hasRoom(bytes) ?? true;
  }

  open(): Submission | undefined {
    return this.#current?.open();
  }
}
