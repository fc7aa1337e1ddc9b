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
import type { QueueKeys } from "#model/config/queue-key-text.ts";
import type { NumberedRequest, Subsystem } from "#model/ipc/control-link.ts";
import {
  type ChildToParent,
  type Counter,
  MAX_CONFIG_BYTES,
  type Slice,
} from "#model/ipc/parent-link.ts";
import { maxAgentsFor } from "./agent-pool.ts";
import { type AgentRequest, Agents } from "./agents.ts";
import type { BoundSockets } from "./bound-sockets.ts";
import type { Account, Destroyable, Launch, Pairs } from "./child.ts";
import { ConfigSwap, type Swapped } from "./config-swap.ts";
import { CurrentConfig } from "./current-config.ts";
import { DispatcherQuestions } from "./dispatcher-questions.ts";
import { Joins } from "./joins.ts";
import { answerControl, type DaemonHandles } from "./parent-control.ts";
import { type ConfigReader, type Reloadable, type Reloaded, Reloads } from "./reloads.ts";
import { staplesNeed } from "#policy/tls/staple-plan.ts";
import { NO_REACH, type Reach } from "./reach.ts";
import type { Role } from "./roles.ts";
import { type Sibling, SiblingWays } from "./siblings.ts";
import { tlsSlice } from "./slice-tls.ts";
import { Supervised } from "./supervised.ts";
import { TlsKeeper } from "./tls-keeper.ts";
import type { TlsSource } from "./tls-source.ts";

/** How long sessions and deliveries may finish when the daemon stops. */
const DISPATCHER_GRACE_MS = 20_000;
const QUEUE_GRACE_MS = 40_000;
const AGENT_GRACE_MS = 10_000;

export interface ParentSettings {
  /** What it starts with; a reload brings others. */
  readonly config: Config;
  readonly reader: ConfigReader;
  readonly spool: string;
  readonly controlSocket: string;
  /** Lookup keeps responses of OCSP there; undefined: nowhere. */
  readonly stapleFolder: string | undefined;
  readonly dispatchers: number;
  /** Who each role runs as; empty without root. */
  readonly accounts: ReadonlyMap<Role, Account>;
  readonly isRoot: boolean;
  readonly verbose: boolean;
  readonly paused: readonly Subsystem[];
  readonly ownAddresses: readonly string[];
  /** Of `queue encryption`; a reload leaves them as they are. */
  readonly queueKeys: QueueKeys;
  /** Of each process; children inherit the limit. */
  readonly maxOpenFiles: number;
}

export interface ParentPorts {
  readonly clock: Clock;
  readonly users: Users;
  readonly tls: TlsSource;
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
  readonly #joins: Joins<End>;
  readonly #launch: Launch<End>;
  readonly #agents: Agents<End>;
  readonly #queue: Sibling<End>;
  readonly #control: Sibling<End>;
  /** Started with the first configuration that has a table which is not in memory. */
  readonly #lookup: Sibling<End>;
  /** Started with the first one that has passwords of the system's users checked. */
  readonly #auth: Sibling<End>;
  readonly #dispatchers: readonly Sibling<End>[];
  readonly #ways: SiblingWays<End>;
  readonly #started = Promise.withResolvers<Started>();
  readonly #stopped = Promise.withResolvers<void>();
  /** Dispatchers that accept clients. */
  readonly #listening = new Set<Supervised<End>>();
  readonly #startedAtMs: number;
  readonly #questions: DispatcherQuestions<End>;
  readonly #swap: ConfigSwap<End>;
  readonly #reloads: Reloads;
  readonly #tls: TlsKeeper;
  /** What each child is started with its slice of. */
  #current: CurrentConfig;
  #lastGeneration = 0;
  /** Until mail flows, what goes wrong is told to who starts it; then to the log. */
  #phase: "starting" | "running" | "stopping" = "starting";
  #verbose: boolean;
  /** What lookup may do, or once had to. */
  #reach: Reach = NO_REACH;
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
    this.#joins = new Joins(ports.clock, machinery.pairs);
    this.#launch = machinery.launch;
    this.#startedAtMs = ports.clock.monotonicMs();
    this.#verbose = settings.verbose;
    this.smtpPaused = settings.paused.includes("smtp");
    this.#questions = new DispatcherQuestions(ports.clock);
    this.#current = new CurrentConfig(settings.config, this.#lastGeneration);
    this.#swap = new ConfigSwap(ports.clock, this.#sockets);
    this.#reloads = new Reloads(this, settings.reader, log);
    this.#tls = new TlsKeeper(ports.clock, ports.tls, {
      renewed: (material) => {
        for (const { process, role } of [this.#lookup, ...this.#dispatchers]) {
          process.send({ kind: "tls-renewed", tls: tlsSlice(material, role, this.config) });
        }
        this.#followReach();
      },
      info: (text) => log.info(text),
      warn: (text) => log.warn(text),
    });
    this.#agents = new Agents(ports, this.#joins, {
      config: () => this.#current,
      isRoot: settings.isRoot,
      daemonUids: new Set([...settings.accounts.values()].map(({ uid }) => uid)),
      maxAgents: () => this.#maxAgents(),
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
    this.#queue = this.#sibling("queue", 0, () => []);
    this.#control = this.#sibling("control", 0, () => [this.#sockets.controlFd]);
    this.#lookup = this.#sibling("lookup", 0, () => []);
    this.#auth = this.#sibling("auth", 0, () => []);
    this.#dispatchers = Array.from({ length: settings.dispatchers }, (_, index) =>
      this.#sibling("dispatcher", index, () => this.#sockets.listenerFds),
    );
    this.#ways = new SiblingWays(ports.clock, this.#joins, {
      generation: () => this.#current.generation,
      warn: (text) => log.warn(text),
    });
  }

  /** Starts everything; resolves when mail can flow, or with what stands in the way. */
  async start(): Promise<Started> {
    const tls = this.#tls.prepare(this.#current.config);
    if (typeof tls === "string") return { kind: "cannot-start", why: tls };
    this.#tls.takeUp(tls);
    this.#followReach();
    const lookup = this.#needsLookup ? [this.#lookup] : [];
    const auth = this.#current.needsSystemUsers ? [this.#auth] : [];
    for (const sibling of [this.#queue, ...auth, ...lookup, ...this.#dispatchers, this.#control]) {
      this.#startChild(sibling);
    }
    return this.#started.promise;
  }

  /** Resolves once everything has ended after `stop`. */
  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  /** A clean end: clients are told, what was accepted is kept, no delivery is cut short. */
  stop(): void {
    if (this.#phase === "stopping") return;
    this.#phase = "stopping";
    // Only if nobody was told yet how starting ended.
    this.#started.resolve({ kind: "cannot-start", why: "stopped before it had started" });
    void this.#end().then(this.#stopped.resolve, this.#stopped.reject);
  }

  pauseSmtp(paused: boolean): void {
    this.smtpPaused = paused;
    for (const { process } of this.#dispatchers) process.send({ kind: "pause-smtp", paused });
    this.#log.info(`smtp ${paused ? "paused" : "resumed"}`);
  }

  setVerbose(verbose: boolean): void {
    this.#verbose = verbose;
    for (const { process } of this.#siblings()) process.send({ kind: "verbose", verbose });
  }

  async counters(): Promise<readonly Counter[]> {
    const running = processesOf(this.#dispatchers).filter((each) => each.running);
    const counters = await this.#questions.counters(running);
    const uptimeMs = this.#ports.clock.monotonicMs() - this.#startedAtMs;
    return [{ name: "uptime", value: Math.floor(uptimeMs / 1000) }, ...counters];
  }

  explain(question: ExplainQuestion): Promise<Explanation | ExplainFault> {
    const [listening] = this.#listening;
    return this.#questions.explain(question, listening);
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
    if (this.#phase === "stopping") return { kind: "refused", why: "smtpd is stopping" };
    const tls = this.#tls.prepare(config);
    if (typeof tls === "string") return { kind: "refused", why: tls };
    const next = new CurrentConfig(config, ++this.#lastGeneration);
    const { generation } = next;
    const siblings = this.#siblings().filter((each) => each !== this.#control);
    if (siblings.some(({ role }) => next.slice(role).length > MAX_CONFIG_BYTES)) {
      return { kind: "refused", why: `it takes more than ${MAX_CONFIG_BYTES} bytes` };
    }
    const swapped = await this.#swap.run(config, generation, {
      children: siblings,
      slice: (role) => ({
        config: next.slice(role),
        tls: tlsSlice(tls.material, role, config),
        generation,
        onlyTable,
      }),
      isWorking: ({ process, role }) => this.#listening.has(process) || role !== "dispatcher",
      commit: () => {
        if (this.#phase === "stopping") return false;
        this.#current = next;
        this.#tls.takeUp(tls);
        this.#agents.takeUp();
        // One that is not needed any more is: sessions that began with its tables ask it.
        if (!this.#lookup.process.isStarted) this.#followReach();
        if (next.needsSystemUsers && !this.#auth.process.isStarted) this.#startChild(this.#auth);
        return true;
      },
    });
    this.#followReach();
    return swapped;
  }

  get #staplesNeed(): ReturnType<typeof staplesNeed> {
    return staplesNeed(this.config, this.#tls.material.identities);
  }

  get #needsLookup(): boolean {
    return this.#current.needsLookup || this.#staplesNeed !== "nothing";
  }

  /** The right to the network is given at the start of a process: lookup is started for it, or anew. */
  #followReach(): void {
    if (this.#phase === "stopping") return;
    const { process } = this.#lookup;
    const { network, stapleFolder } = this.#reach;
    const asksResponders = this.#staplesNeed === "responders";
    this.#reach = {
      network: network || asksResponders || this.#current.asksIssuers,
      stapleFolder: stapleFolder ?? (asksResponders ? this.#settings.stapleFolder : undefined),
    };
    const isNews = this.#reach.network !== network || this.#reach.stapleFolder !== stapleFolder;
    if (!process.isStarted) {
      if (this.#phase === "running" && this.#needsLookup) this.#startChild(this.#lookup);
    } else if (isNews) process.renew();
  }

  #startChild(sibling: Sibling<End>): void {
    const { process } = sibling;
    process.start({
      ready: () => this.#ready(sibling),
      message: (message) => void this.#message(sibling, message),
      down: (how) => this.#down(process, how),
      cannotStart: (why) => this.#cannotStart(process, why),
    });
  }

  #sibling(role: Role, index: number, listenerFds: () => readonly number[]): Sibling<End> {
    const settings = this.#settings;
    const name = role === "dispatcher" ? `dispatcher ${index}` : role;
    const process = new Supervised<End>(name, this.#ports.clock, {
      launch: () =>
        this.#launch({
          role,
          account: settings.accounts.get(role),
          home: "/",
          listenerFds: listenerFds(),
          ...(role === "lookup" ? { reach: this.#reach } : {}),
        }),
      slice: () => this.#slice(role, index),
    });
    return { process, role, index };
  }

  #maxAgents(): number {
    const { length: listeners } = this.#sockets.listenerFds;
    return maxAgentsFor(this.#settings.maxOpenFiles, this.#siblings().length, listeners);
  }

  #slice(role: Role, index: number): Slice {
    const { dispatchers, spool, controlSocket, ownAddresses, maxOpenFiles, paused } =
      this.#settings;
    const queueKeys = role === "queue" ? this.#settings.queueKeys : [];
    const { generation } = this.#current;
    const others = paused.filter((subsystem) => subsystem !== "smtp");
    return {
      config: this.#current.slice(role),
      tls: tlsSlice(this.#tls.material, role, this.config),
      stapleFolder: role === "lookup" ? this.#reach.stapleFolder : undefined,
      generation,
      index,
      dispatchers,
      spool,
      controlSocket,
      verbose: this.#verbose,
      paused: this.smtpPaused ? [...others, "smtp"] : others,
      ownAddresses,
      queueKeys,
      maxOpenFiles,
    };
  }

  /** Those that run, or will again. */
  #siblings(): readonly Sibling<End>[] {
    const asked = [this.#auth, this.#lookup].filter(({ process }) => process.isStarted);
    return [this.#queue, ...asked, ...this.#dispatchers, this.#control];
  }

  #ready(sibling: Sibling<End>): void {
    this.#ways.join(sibling, this.#siblings());
    this.#startedIfAll();
  }

  /** Mail can flow once every process runs and every dispatcher accepts clients. */
  #startedIfAll(): void {
    const isAll = this.#siblings().every(({ process }) => process.running);
    const isHeard = this.#dispatchers.every(({ process }) => this.#listening.has(process));
    if (!isAll || !isHeard || this.#phase !== "starting") return;
    this.#phase = "running";
    this.#started.resolve({ kind: "running" });
  }

  #down(child: Supervised<End>, how: string): void {
    this.#listening.delete(child);
    this.#questions.gone(child);
    this.#swap.gone(child);
    this.#log.warn(`${child.name} ${how}, starting it again`);
  }

  #cannotStart(child: Supervised<End>, why: string): void {
    if (this.#phase === "starting") this.#started.resolve({ kind: "cannot-start", why });
    else this.#log.warn(`${child.name}: ${why}`);
  }

  async #message({ process: child, role }: Sibling<End>, message: ChildToParent): Promise<void> {
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
      case "explained":
        this.#questions.answered(child, message);
        return;
      case "prepared":
      case "taken-up":
        this.#swap.answered(child, message);
        return;
      case "control":
        if (role === "control") await this.#answerControl(message.request);
        return;
      case "joined":
        this.#joins.arrived(message.number);
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
      this.#control.process.send({ kind: "control", answer: { id, answer } });
    }
  }

  async #end(): Promise<void> {
    this.#tls.stop();
    // The queue hands out nothing more, but goes on until its dispatchers are gone:
    // their last messages and results still reach it.
    const queueStopped = this.#queue.process.stop(QUEUE_GRACE_MS);
    await Promise.all(processesOf(this.#dispatchers).map((each) => each.stop(DISPATCHER_GRACE_MS)));
    await this.#agents.stop(AGENT_GRACE_MS);
    await queueStopped;
    await this.#lookup.process.stop(0);
    await this.#auth.process.stop(0);
    await this.#control.process.stop(0);
    await this.#joins.close();
    this.#sockets.close();
  }
}

function processesOf<End>(siblings: readonly Sibling<End>[]): readonly Supervised<End>[] {
  return siblings.map(({ process }) => process);
}
