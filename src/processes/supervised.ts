/**
 * Keeps one child of the parent alive: starts it, tells it its slice, and starts
 * it again, later each time, when it dies without having been asked to.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { ChildToParent, ParentToChild, Slice } from "#model/ipc/parent-link.ts";
import type { Child } from "./child.ts";

/** First wait before a restart; it doubles with each death in a row. */
const RESTART_DELAY_MS = 200;
const MAX_RESTART_DELAY_MS = 30_000;
/** A child that lived this long has proved itself: the next wait is short again. */
const PROVED_AFTER_MS = 60_000;
/** A child that is not ready by then, and has not said that it goes on, counts as dead. */
const START_TIMEOUT_MS = 60_000;

export interface SupervisedOwner {
  /** The child runs its role; also after each restart. Links to siblings are handed over now. */
  ready(): void;
  message(message: ChildToParent): void;
  /** The child is gone; it will be started again unless it was stopped. */
  down(how: string): void;
  /** The child says why it cannot run; it is started again only if it could before. */
  cannotStart(why: string): void;
}

type State<End> =
  | { readonly kind: "idle" }
  | {
      readonly kind: "starting";
      readonly child: Child<End>;
      readonly cancelTimeout: () => void;
      /** The start is over: it runs, or that start came to nothing. */
      readonly over: PromiseWithResolvers<void>;
      /** What it said last of how far it is. */
      readonly reached: string;
    }
  | { readonly kind: "running"; readonly child: Child<End>; readonly sinceMs: number }
  | { readonly kind: "waiting"; readonly cancel: () => void }
  | { readonly kind: "stopping"; readonly child: Child<End> }
  | { readonly kind: "stopped" };

export class Supervised<End> {
  /** For log lines: `dispatcher 0`. */
  readonly name: string;
  readonly #clock: Clock;
  readonly #launch: () => Child<End>;
  readonly #slice: () => Slice;
  #owner: SupervisedOwner | undefined;
  #state: State<End> = { kind: "idle" };
  #deathsInARow = 0;
  /** It has been ready once. */
  #hasRun = false;

  constructor(
    name: string,
    clock: Clock,
    make: { readonly launch: () => Child<End>; readonly slice: () => Slice },
  ) {
    this.name = name;
    this.#clock = clock;
    this.#launch = make.launch;
    this.#slice = make.slice;
  }

  get running(): boolean {
    return this.#state.kind === "running";
  }

  /** It runs, or will again. */
  get isStarted(): boolean {
    return this.#state.kind !== "idle" && this.#state.kind !== "stopped";
  }

  get pid(): number | undefined {
    return "child" in this.#state ? this.#state.child.pid : undefined;
  }

  start(owner: SupervisedOwner): void {
    this.#owner = owner;
    this.#begin();
  }

  /** Resolves when the start that is under way is over, whatever came of it; undefined if none is. */
  get startOver(): Promise<void> | undefined {
    return this.#state.kind === "starting" ? this.#state.over.promise : undefined;
  }

  /** Sends to the child if it runs; else the message is dropped: a new child gets a fresh slice. */
  send(message: ParentToChild): void {
    if (this.#state.kind === "running" || this.#state.kind === "stopping") {
      this.#state.child.link.send(message);
    }
  }

  /** It does not read what it is sent. */
  get congested(): boolean {
    return "child" in this.#state && this.#state.child.link.congested;
  }

  /** The running child, to hand a socket to. */
  get child(): Child<End> | undefined {
    return this.#state.kind === "running" ? this.#state.child : undefined;
  }

  /** Ends a child that cannot be brought up to date: it is started again, with a fresh slice. */
  renew(): void {
    if (this.#state.kind === "starting" || this.#state.kind === "running") {
      this.#state.child.kill("SIGKILL");
    }
  }

  /** Asks the child to finish; kills it after `graceMs`. Resolves once it is gone. */
  async stop(graceMs: number): Promise<void> {
    const state = this.#state;
    if (state.kind === "waiting") state.cancel();
    endStart(state);
    if (!("child" in state)) {
      this.#state = { kind: "stopped" };
      return;
    }
    this.#state = { kind: "stopping", child: state.child };
    state.child.link.send({ kind: "shutdown" });
    const cancel = this.#clock.after(graceMs, () => state.child.kill("SIGKILL"));
    await state.child.exited;
    cancel();
    this.#state = { kind: "stopped" };
  }

  #begin(): void {
    const child = this.#launch();
    const cancelTimeout = this.#timeout(child);
    const over = Promise.withResolvers<void>();
    this.#state = { kind: "starting", child, cancelTimeout, over, reached: "" };
    child.link.start({
      message: (message) => this.#message(child, message),
      closed: () => {
        // A child that closed its channel and lives on is of no use, unless it is
        // ending as it was asked to: then `stop` sees to it.
        if (this.#state.kind !== "stopping") child.kill("SIGKILL");
      },
    });
    child.link.send({ kind: "configure", slice: this.#slice() });
    void child.exited.then((how) => this.#exited(child, how));
  }

  #timeout(child: Child<End>): () => void {
    return this.#clock.after(START_TIMEOUT_MS, () => child.kill("SIGKILL"));
  }

  #message(child: Child<End>, message: ChildToParent): void {
    const state = this.#state;
    if (!("child" in state) || state.child !== child) return;
    if (message.kind === "ready" && state.kind === "starting") {
      endStart(state);
      this.#hasRun = true;
      this.#state = { kind: "running", child, sinceMs: this.#clock.monotonicMs() };
      child.seal();
      this.#owner?.ready();
    } else if (message.kind === "starting") {
      const reached = `${message.done} of ${message.of}`;
      // One that says the same again and again does not go on.
      if (state.kind !== "starting" || state.reached === reached) return;
      state.cancelTimeout();
      this.#state = { ...state, reached, cancelTimeout: this.#timeout(child) };
    } else if (message.kind === "cannot-start") {
      this.#cannotStart(state, message.why);
    } else {
      this.#owner?.message(message);
    }
  }

  #cannotStart(state: Extract<State<End>, { child: Child<End> }>, why: string): void {
    this.#owner?.cannotStart(why);
    if (this.#hasRun) {
      // It could once: what stands in its way, a full disk perhaps, may pass.
      state.child.kill("SIGKILL");
      return;
    }
    endStart(state);
    this.#state = { kind: "stopping", child: state.child };
  }

  #exited(child: Child<End>, how: string): void {
    const state = this.#state;
    if (!("child" in state) || state.child !== child || state.kind === "stopping") return;
    endStart(state);
    const livedMs = state.kind === "running" ? this.#clock.monotonicMs() - state.sinceMs : 0;
    if (livedMs > PROVED_AFTER_MS) this.#deathsInARow = 0;
    const delayMs = Math.min(RESTART_DELAY_MS * 2 ** this.#deathsInARow, MAX_RESTART_DELAY_MS);
    this.#deathsInARow += 1;
    this.#state = { kind: "waiting", cancel: this.#clock.after(delayMs, () => this.#begin()) };
    this.#owner?.down(how);
  }
}

/** Of a state that is being left. */
function endStart(state: State<unknown>): void {
  if (state.kind !== "starting") return;
  state.cancelTimeout();
  state.over.resolve();
}
