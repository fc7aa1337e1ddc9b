/**
 * The parent: binds what the daemon listens on, starts every other process and
 * starts it again when it dies, and answers the few questions that need its
 * privileges.
 *
 * Runs as: root, or whoever started it. Holds: the bound sockets, the
 * configuration. Talks to: its children only, in small bounded frames; reads no
 * byte of a stranger. When it dies, its children see their channels close and end.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Users } from "#base/ports/users.ts";
import type { Config } from "#model/config/config.ts";
import type { ExplainFault, Explanation, ExplainQuestion } from "#model/explanation.ts";
import type { NumberedRequest, Subsystem } from "#model/ipc/control-link.ts";
import {
  type ChildToParent,
  type Counter,
  MAX_CONFIG_BYTES,
  type Slice,
} from "#model/ipc/parent-link.ts";
import { type AgentRequest, Agents } from "./agents.ts";
import type { BoundSockets } from "./bound-sockets.ts";
import type { Account, Destroyable, Handover, Launch, Pairs } from "./child.ts";
import { ConfigSwap, type Swapped } from "./config-swap.ts";
import { CurrentConfig } from "./current-config.ts";
import { answerControl, type DaemonHandles } from "./parent-control.ts";
import { type ConfigReader, type Reloadable, type Reloaded, Reloads } from "./reloads.ts";
import { RollCall } from "./roll-call.ts";
import type { Role } from "./roles.ts";
import { Supervised } from "./supervised.ts";

/** How long sessions and deliveries may finish when the daemon stops. */
const DISPATCHER_GRACE_MS = 20_000;
const QUEUE_GRACE_MS = 40_000;
const AGENT_GRACE_MS = 10_000;
/** A dispatcher that does not answer in time is left out of the counters. */
const COUNTERS_TIMEOUT_MS = 2_000;
/** An explanation asks DNS and users; smtpctl would be sent away after a minute. */
const EXPLAIN_TIMEOUT_MS = 45_000;

const NOBODY_EXPLAINS: ExplainFault = {
  kind: "explain-fault",
  why: "no dispatcher has answered",
};

export interface ParentSettings {
  /** What it starts with; a reload brings others. */
  readonly config: Config;
  readonly reader: ConfigReader;
  readonly spool: string;
  readonly controlSocket: string;
  readonly dispatchers: number;
  /** Who each role runs as; empty without root. */
  readonly accounts: ReadonlyMap<Role, Account>;
  readonly isRoot: boolean;
  readonly verbose: boolean;
  readonly paused: readonly Subsystem[];
  readonly ownAddresses: readonly string[];
  /** Of each process; children inherit the limit. */
  readonly maxOpenFiles: number;
}

export interface ParentPorts {
  readonly clock: Clock;
  readonly users: Users;
}

/** How the parent comes by its children and joins them. */
export interface ChildMachinery<End extends Destroyable> {
  readonly bound: BoundSockets;
  readonly pairs: Pairs<End>;
  readonly launch: Launch<End>;
}

export interface ParentLog {
  info(text: string): void;
  warn(text: string): void;
}

/** How starting ended. */
export type Started =
  | { readonly kind: "running" }
  | { readonly kind: "cannot-start"; readonly why: string };

export class Parent<End extends Destroyable> implements DaemonHandles, Reloadable {
  readonly #ports: ParentPorts;
  readonly #settings: ParentSettings;
  readonly #log: ParentLog;
  readonly #sockets: BoundSockets;
  readonly #pairs: Pairs<End>;
  readonly #launch: Launch<End>;
  readonly #agents: Agents<End>;
  readonly #queue: Supervised<End>;
  readonly #control: Supervised<End>;
  /** Started with the first configuration that has a table which is not in memory. */
  readonly #lookup: Supervised<End>;
  readonly #dispatchers: readonly Supervised<End>[];
  readonly #started = Promise.withResolvers<Started>();
  readonly #stopped = Promise.withResolvers<void>();
  /** Dispatchers that accept clients. */
  readonly #listening = new Set<Supervised<End>>();
  readonly #startedAtMs: number;
  readonly #counters: RollCall<Supervised<End>, readonly Counter[]>;
  readonly #swap: ConfigSwap<End>;
  readonly #reloads: Reloads;
  readonly #explained: RollCall<Supervised<End>, Explanation | ExplainFault>;
  #lastRequest = 0;
  /** What each child is started with its slice of. */
  #current: CurrentConfig;
  #lastGeneration = 0;
  #stopping = false;
  /** Mail has flowed: what goes wrong now is told to the log. */
  #hasStarted = false;
  #verbose: boolean;
  smtpPaused: boolean;

  constructor(
    ports: ParentPorts,
    settings: ParentSettings,
    log: ParentLog,
    machinery: ChildMachinery<End>,
  ) {
    this.#ports = ports;
    this.#settings = settings;
    this.#log = log;
    this.#sockets = machinery.bound;
    this.#pairs = machinery.pairs;
    this.#launch = machinery.launch;
    this.#startedAtMs = ports.clock.monotonicMs();
    this.#verbose = settings.verbose;
    this.smtpPaused = settings.paused.includes("smtp");
    this.#counters = new RollCall(ports.clock);
    this.#explained = new RollCall(ports.clock);
    this.#current = new CurrentConfig(settings.config, this.#lastGeneration);
    this.#swap = new ConfigSwap(ports.clock, this.#sockets);
    this.#reloads = new Reloads(this, settings.reader, log);
    this.#agents = new Agents(ports, this.#pairs, {
      config: () => this.#current,
      isRoot: settings.isRoot,
      daemonUids: new Set([...settings.accounts.values()].map(({ uid }) => uid)),
      launch: (user) =>
        this.#launch({
          role: "agent",
          account: settings.isRoot ? { uid: user.uid, gid: user.gid } : undefined,
          home: user.home,
          listenerFds: [],
        }),
      slice: () => this.#slice("agent", 0),
      warn: (text) => log.warn(text),
    });
    this.#queue = this.#supervised("queue", 0, () => []);
    this.#control = this.#supervised("control", 0, () => [this.#sockets.controlFd]);
    this.#lookup = this.#supervised("lookup", 0, () => []);
    this.#dispatchers = Array.from({ length: settings.dispatchers }, (_, index) =>
      this.#supervised("dispatcher", index, () => this.#sockets.listenerFds),
    );
  }

  /** Starts everything; resolves when mail can flow, or with what stands in the way. */
  start(): Promise<Started> {
    const lookup = this.#current.needsLookup ? [this.#lookup] : [];
    for (const child of [this.#queue, ...lookup, ...this.#dispatchers, this.#control]) {
      this.#startChild(child);
    }
    return this.#started.promise;
  }

  /** Resolves once everything has ended after `stop`. */
  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  /** A clean end: clients are told, what was accepted is kept, no delivery is cut short. */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    void this.#end().then(this.#stopped.resolve, this.#stopped.reject);
  }

  pauseSmtp(paused: boolean): void {
    this.smtpPaused = paused;
    for (const dispatcher of this.#dispatchers) dispatcher.send({ kind: "pause-smtp", paused });
    this.#log.info(`smtp ${paused ? "paused" : "resumed"}`);
  }

  setVerbose(verbose: boolean): void {
    this.#verbose = verbose;
    for (const child of this.#children()) child.send({ kind: "verbose", verbose });
  }

  async counters(): Promise<readonly Counter[]> {
    const request = ++this.#lastRequest;
    const running = this.#dispatchers.filter((each) => each.running);
    const called = this.#counters.call(request, running, COUNTERS_TIMEOUT_MS);
    for (const dispatcher of running) dispatcher.send({ kind: "counters-wanted", request });
    const { answers } = await called;
    const uptimeMs = this.#ports.clock.monotonicMs() - this.#startedAtMs;
    return [
      { name: "uptime", value: Math.floor(uptimeMs / 1000) },
      ...[...answers.values()].flat(),
    ];
  }

  /** All dispatchers decide alike: one is asked. */
  async explain(question: ExplainQuestion): Promise<Explanation | ExplainFault> {
    const dispatcher = this.#dispatchers.find((each) => this.#listening.has(each));
    if (dispatcher === undefined) return NOBODY_EXPLAINS;
    const request = ++this.#lastRequest;
    const called = this.#explained.call(request, [dispatcher], EXPLAIN_TIMEOUT_MS);
    dispatcher.send({ kind: "explain", request, question });
    const { answers } = await called;
    return answers.get(dispatcher) ?? NOBODY_EXPLAINS;
  }

  /** The configuration in use. */
  get config(): Config {
    return this.#current.config;
  }

  /** SIGHUP, `smtpctl reload`. */
  reload(): Promise<Reloaded> {
    return this.#reloads.whole();
  }

  updateTable(name: string): Promise<Reloaded> {
    return this.#reloads.table(name);
  }

  reloadTo(config: Config): Promise<Reloaded> {
    return this.#reloads.to(config);
  }

  /** For `Reloads`: has every child work by `config`, or none. */
  async swap(config: Config, onlyTable?: string): Promise<Swapped> {
    await this.#started.promise;
    if (this.#stopping) return { kind: "refused", why: "smtpd is stopping" };
    const next = new CurrentConfig(config, ++this.#lastGeneration);
    const { generation } = next;
    const children = this.#children().filter((child) => child !== this.#control);
    if (children.some((child) => next.slice(this.#roleOf(child)).length > MAX_CONFIG_BYTES)) {
      return { kind: "refused", why: `it takes more than ${MAX_CONFIG_BYTES} bytes` };
    }
    return this.#swap.run(config, generation, {
      children,
      slice: (child) => ({ config: next.slice(this.#roleOf(child)), generation, onlyTable }),
      isWorking: (child) => this.#listening.has(child) || !this.#dispatchers.includes(child),
      accepts: (child) => this.#dispatchers.includes(child),
      commit: () => {
        if (this.#stopping) return false;
        this.#current = next;
        this.#agents.takeUp();
        // One that is not needed any more is: sessions that began with its tables ask it.
        if (next.needsLookup && !this.#lookup.isStarted) this.#startChild(this.#lookup);
        return true;
      },
    });
  }

  #startChild(child: Supervised<End>): void {
    child.start({
      ready: () => this.#ready(child),
      message: (message) => void this.#message(child, message),
      down: (how) => this.#down(child, how),
      cannotStart: (why) => this.#cannotStart(child, why),
    });
  }

  #supervised(role: Role, index: number, listenerFds: () => readonly number[]): Supervised<End> {
    const settings = this.#settings;
    const name = role === "dispatcher" ? `dispatcher ${index}` : role;
    return new Supervised<End>(name, this.#ports.clock, {
      launch: () =>
        this.#launch({
          role,
          account: settings.accounts.get(role),
          home: "/",
          listenerFds: listenerFds(),
        }),
      slice: () => this.#slice(role, index),
    });
  }

  #roleOf(child: Supervised<End>): Role {
    if (child === this.#queue) return "queue";
    if (child === this.#lookup) return "lookup";
    return child === this.#control ? "control" : "dispatcher";
  }

  #slice(role: Role, index: number): Slice {
    const { dispatchers, spool, controlSocket, ownAddresses, maxOpenFiles, paused } =
      this.#settings;
    const { generation } = this.#current;
    const others = paused.filter((subsystem) => subsystem !== "smtp");
    return {
      config: this.#current.slice(role),
      generation,
      index,
      dispatchers,
      spool,
      controlSocket,
      verbose: this.#verbose,
      paused: this.smtpPaused ? [...others, "smtp"] : others,
      ownAddresses,
      maxOpenFiles,
    };
  }

  #children(): readonly Supervised<End>[] {
    const lookup = this.#lookup.isStarted ? [this.#lookup] : [];
    return [this.#queue, ...lookup, ...this.#dispatchers, this.#control];
  }

  /** Joins a child that has just started to those of its siblings that run. */
  #ready(child: Supervised<End>): void {
    const [queue, control, lookup] = [this.#queue, this.#control, this.#lookup];
    for (const [index, dispatcher] of this.#dispatchers.entries()) {
      if (child === queue || child === dispatcher) {
        void this.#join([queue, "queue", ""], [dispatcher, "dispatcher", String(index)]);
      }
      if (child === lookup || child === dispatcher) {
        void this.#join([lookup, "lookup", ""], [dispatcher, "dispatcher", String(index)]);
      }
    }
    if (child === lookup || child === queue) {
      void this.#join([lookup, "lookup", ""], [queue, "queue", ""]);
    }
    if (child === queue || child === control) {
      void this.#join([queue, "queue", ""], [control, "control", ""]);
    }
    this.#startedIfAll();
  }

  /** Mail can flow once every process runs and every dispatcher accepts clients. */
  #startedIfAll(): void {
    const isAll = this.#children().every((each) => each.running);
    const isHeard = this.#dispatchers.every((each) => this.#listening.has(each));
    if (!isAll || !isHeard) return;
    this.#hasStarted = true;
    this.#started.resolve({ kind: "running" });
  }

  async #join(a: Sibling<End>, b: Sibling<End>): Promise<void> {
    if (a[0].child === undefined || b[0].child === undefined) return;
    const [near, far] = await this.#pairs.pair();
    const { generation } = this.#current;
    give(a, { to: b[1], name: b[2], generation }, near);
    give(b, { to: a[1], name: a[2], generation }, far);
  }

  #down(child: Supervised<End>, how: string): void {
    this.#listening.delete(child);
    this.#counters.gone(child);
    this.#explained.gone(child);
    this.#swap.gone(child);
    this.#log.warn(`${child.name} ${how}, starting it again`);
  }

  #cannotStart(child: Supervised<End>, why: string): void {
    if (this.#hasStarted) this.#log.warn(`${child.name}: ${why}`);
    else this.#started.resolve({ kind: "cannot-start", why });
  }

  async #message(child: Supervised<End>, message: ChildToParent): Promise<void> {
    switch (message.kind) {
      case "user-wanted": {
        const answer = await this.#ports.users.lookup(message.name);
        child.send({ kind: "user", request: message.request, answer });
        return;
      }
      case "agent-wanted":
        await this.#connectAgent(child, message);
        return;
      case "counters":
        this.#counters.answered(message.request, child, message.counters);
        return;
      case "explained":
        this.#explained.answered(message.request, child, message.answer);
        return;
      case "prepared":
      case "taken-up":
        this.#swap.answered(child, message);
        return;
      case "control":
        if (child === this.#control) await this.#answerControl(message.request);
        return;
      case "listening":
        this.#listening.add(child);
        this.#startedIfAll();
        return;
      case "tables-fault":
        this.#cannotStart(child, message.why);
        return;
      case "ready":
      case "stopped":
      case "cannot-start":
        return;
    }
  }

  async #connectAgent(child: Supervised<End>, { action, user }: AgentRequest): Promise<void> {
    const dispatcher = child.child;
    if (dispatcher === undefined) {
      // It is ending: a delivery that has not begun waits for the next start.
      child.send({ kind: "agent-refused", action, user, why: "The daemon is stopping" });
      return;
    }
    const refusal = await this.#agents.connect({ action, user }, dispatcher);
    if (refusal === undefined) return;
    this.#log.warn(`${child.name}: no delivery agent for ${JSON.stringify(user)}: ${refusal}`);
    child.send({ kind: "agent-refused", action, user, why: refusal });
  }

  async #answerControl({ id, request }: NumberedRequest): Promise<void> {
    for (const answer of await answerControl(request, this)) {
      this.#control.send({ kind: "control", answer: { id, answer } });
    }
  }

  async #end(): Promise<void> {
    // The queue hands out nothing more, but goes on until its dispatchers are gone:
    // their last messages and results still reach it.
    const queueStopped = this.#queue.stop(QUEUE_GRACE_MS);
    await Promise.all(this.#dispatchers.map((each) => each.stop(DISPATCHER_GRACE_MS)));
    await this.#agents.stop(AGENT_GRACE_MS);
    await queueStopped;
    await this.#lookup.stop(0);
    await this.#control.stop(0);
    await this.#pairs.close();
    this.#sockets.close();
  }
}

type Sibling<End> = readonly [process: Supervised<End>, role: Role, name: string];

/** Hands `end` to one sibling, as its way to the other. */
function give<End extends Destroyable>([to]: Sibling<End>, handover: Handover, end: End): void {
  if (to.child === undefined) end.destroy();
  else to.child.handOver(handover, end);
}
