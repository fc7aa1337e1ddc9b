/**
 * The parent: binds what the daemon listens on, starts every other process and
 * starts it again when it dies, and answers the few questions that need its
 * privileges.
 *
 * Runs as: root, or whoever started it. Holds: the bound sockets, the
 * configuration. Talks to: its children only, in small bounded frames; reads no
 * byte of a stranger. When it dies, its children see their channels close and end.
 */
import type { DeliverySubsystem } from "#engine/scheduler/wait-reason.ts";
import type { Config } from "#model/config/config.ts";
import type { ExplainFault, Explanation, ExplainQuestion } from "#model/explanation.ts";
import { type Counter, MAX_CONFIG_BYTES, type Slice } from "#model/ipc/parent-link.ts";
import { AGENT_GRACE_MS, maxAgentsFor } from "./agent-pool.ts";
import { Agents } from "./agents.ts";
import { Alerts } from "./alerts.ts";
import type { BoundSockets } from "./bound-sockets.ts";
import type { Child, Destroyable } from "./child.ts";
import { type MessageTakers, takeMessage } from "./child-messages.ts";
import { childSlice } from "./child-slice.ts";
import { Children } from "./children.ts";
import { ConfigSwap, type Swapped } from "./config-swap.ts";
import { CurrentConfig } from "./current-config.ts";
import { DeliveryRights, runsCommands } from "./delivery-rights.ts";
import { DispatcherQuestions } from "./dispatcher-questions.ts";
import { Joins } from "./joins.ts";
import { LocalClients } from "./local-clients.ts";
import type { DaemonLog } from "./log-target.ts";
import { type LookupNeeds, lookupNeeds } from "./lookup-needs.ts";
import type { DaemonHandles } from "./parent-control.ts";
import type { ChildMachinery, ParentPorts, ParentSettings } from "./parent-settings.ts";
import { NO_REACH, type Reach, widened } from "./reach.ts";
import { RelayBlocks } from "./relay-blocks.ts";
import { type Reloadable, type Reloaded, Reloads } from "./reloads.ts";
import type { Role } from "./roles.ts";
import { processesOf, type Sibling, SiblingWays } from "./siblings.ts";
import { tlsSlice } from "./slice-tls.ts";
import type { Supervised } from "./supervised.ts";
import { TlsKeeper } from "./tls-keeper.ts";

/** How long sessions and deliveries may finish when the daemon stops. */
const DISPATCHER_GRACE_MS = 20_000;
const QUEUE_GRACE_MS = 40_000;
/** It writes down what it has counted. */
const LOOKUP_GRACE_MS = 5_000;

/** How starting ended. */
export type Started =
  | { readonly kind: "running" }
  | { readonly kind: "cannot-start"; readonly why: string };

export class Parent<End extends Destroyable> implements DaemonHandles, Reloadable {
  readonly #ports: ParentPorts;
  readonly #settings: ParentSettings;
  readonly #log: DaemonLog;
  readonly #sockets: BoundSockets;
  readonly #joins: Joins<End>;
  readonly #rights: DeliveryRights<End>;
  readonly #agents: Agents<End>;
  readonly #children: Children<End>;
  readonly #ways: SiblingWays<End>;
  readonly #clients: LocalClients<End>;
  readonly #started = Promise.withResolvers<Started>();
  readonly #stopping = Promise.withResolvers<void>();
  readonly #stopped = Promise.withResolvers<void>();
  /** Dispatchers that accept clients. */
  readonly #listening = new Set<Supervised<End>>();
  readonly #startedAtMs: number;
  readonly #questions: DispatcherQuestions<End>;
  readonly #swap: ConfigSwap<End>;
  readonly #reloads: Reloads;
  readonly #tls: TlsKeeper;
  readonly #takers: MessageTakers<End>;
  /** What each child is started with its slice of. */
  #current: CurrentConfig;
  #lastGeneration = 0;
  /** Until mail flows, what goes wrong is told to who starts it; then to the log. */
  #phase: "starting" | "running" | "stopping" = "starting";
  #verbose: boolean;
  /** What lookup may do, or once had to. */
  #reach: Reach = NO_REACH;
  #smtpPaused: boolean;
  readonly #pausedDeliveries: Set<DeliverySubsystem>;
  readonly blocks: RelayBlocks = new RelayBlocks((blocks) => {
    for (const { process } of this.#children.dispatchers)
      process.send({ kind: "relay-blocks", blocks });
  });

  constructor(
    ports: ParentPorts,
    settings: ParentSettings,
    log: DaemonLog,
    machinery: ChildMachinery<End>,
  ) {
    this.#ports = ports;
    this.#settings = settings;
    this.#log = log;
    this.#sockets = machinery.bound;
    this.#joins = new Joins(ports.clock, machinery.pairs);
    this.#startedAtMs = ports.clock.monotonicMs();
    this.#verbose = settings.verbose;
    this.#smtpPaused = settings.paused.includes("smtp");
    this.#pausedDeliveries = new Set(settings.paused.filter((each) => each !== "smtp"));
    this.#questions = new DispatcherQuestions(ports.clock);
    this.#current = new CurrentConfig(settings.config, this.#lastGeneration);
    this.#swap = new ConfigSwap(ports.clock, this.#sockets);
    this.#reloads = new Reloads(this, settings.reader, log);
    this.#tls = new TlsKeeper(ports.clock, ports.tls, {
      renewed: (material) => {
        for (const { process, role } of [this.#children.lookup, ...this.#children.dispatchers]) {
          process.send({ kind: "tls-renewed", tls: tlsSlice(material, role, this.config) });
        }
        this.#followReach();
      },
      info: (text) => log.info(text),
      warn: (text) => log.warn(text),
    });
    const { tell: alert } = new Alerts(ports.clock, (text) => log.warn(text));
    this.#rights = new DeliveryRights(ports, settings, {
      config: () => this.config,
      askLookup: (question) =>
        this.#children.lookup.process.send({ kind: "table-wanted", question }),
      alert,
    });
    const { accounts, tables } = this.#rights;
    this.#agents = new Agents({ clock: ports.clock, accounts }, this.#joins, {
      generation: () => this.#current.generation,
      says: (message, agent) => void this.#rights.agentSays(message, agent),
      gone: (agent) => void this.#rights.agentGone(agent),
      alert,
      maxAgents: () => this.#maxAgents(),
      launch: (user) =>
        machinery.launch({
          role: "agent",
          speaker: user.name,
          account: settings.isRoot ? { uid: user.uid, gid: user.gid } : undefined,
          home: user.home,
          listenerFds: [],
          mayGainPrivileges: runsCommands(this.config),
        }),
      slice: () => this.#slice("agent", 0),
      warn: (text) => log.warn(text),
    });
    this.#children = new Children(ports.clock, machinery, settings, {
      slice: (role, index) => this.#slice(role, index),
      reach: () => this.#reach,
      takeClient: (client) => this.#clients.take(client),
    });
    this.#clients = new LocalClients(ports.users, {
      config: () => this.config,
      dispatchers: () => this.#acceptingDispatchers(),
    });
    this.#ways = new SiblingWays(ports.clock, this.#joins, {
      generation: () => this.#current.generation,
      warn: (text) => log.warn(text),
    });
    this.#takers = {
      users: ports.users,
      agents: this.#agents,
      questions: this.#questions,
      swap: this.#swap,
      joins: this.#joins,
      tables,
      daemon: this,
      listening: (dispatcher) => this.#nowListening(dispatcher),
      cannotStart: (child, why) => this.#cannotStart(child, why),
      warn: (text) => log.warn(text),
    };
  }

  /** Starts everything; resolves when mail can flow, or with what stands in the way. */
  async start(): Promise<Started> {
    const tls = this.#tls.prepare(this.#current.config);
    if (typeof tls === "string") return { kind: "cannot-start", why: tls };
    this.#tls.takeUp(tls);
    this.#followReach();
    const { queue, control, dispatchers } = this.#children;
    const lookup = this.#lookupNeeds.isWanted ? [this.#children.lookup] : [];
    const auth = this.#current.needsSystemUsers ? [this.#children.auth] : [];
    const local = this.#current.hasSockets ? [this.#children.local] : [];
    for (const sibling of [queue, ...auth, ...lookup, ...local, ...dispatchers, control]) {
      this.#startChild(sibling);
    }
    return this.#started.promise;
  }

  /** Resolves when it is told to end, by whomever. */
  get stopping(): Promise<void> {
    return this.#stopping.promise;
  }

  /** Resolves once everything has ended after `stop`. */
  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  /** A clean end: clients are told, what was accepted is kept, no delivery is cut short. */
  stop(): void {
    if (this.#phase === "stopping") return;
    this.#phase = "stopping";
    this.#stopping.resolve();
    // Only if nobody was told yet how starting ended.
    this.#started.resolve({ kind: "cannot-start", why: "stopped before it had started" });
    void this.#end().then(this.#stopped.resolve, this.#stopped.reject);
  }

  get smtpPaused(): boolean {
    return this.#smtpPaused;
  }

  pauseSmtp(paused: boolean): void {
    this.#smtpPaused = paused;
    for (const { process } of this.#children.dispatchers)
      process.send({ kind: "pause-smtp", paused });
    this.#log.info(`smtp ${paused ? "paused" : "resumed"}`);
  }

  deliveryPaused(subsystem: DeliverySubsystem, paused: boolean): void {
    if (paused) this.#pausedDeliveries.add(subsystem);
    else this.#pausedDeliveries.delete(subsystem);
    this.#log.info(`${subsystem} ${paused ? "paused" : "resumed"}`);
  }

  setVerbose(verbose: boolean): void {
    this.#verbose = verbose;
    for (const { process } of this.#children.started) process.send({ kind: "verbose", verbose });
  }

  async counters(): Promise<readonly Counter[]> {
    const running = processesOf(this.#children.dispatchers).filter((each) => each.running);
    const counters = await this.#questions.counters(running);
    const uptimeMs = this.#ports.clock.monotonicMs() - this.#startedAtMs;
    return [{ name: "uptime", value: Math.floor(uptimeMs / 1000) }, ...counters];
  }

  sendTlsReports(): boolean {
    const { process } = this.#children.lookup;
    if (this.#current.config.tlsReports === undefined || !process.isStarted) return false;
    process.send({ kind: "send-tls-reports" });
    return true;
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
    await this.#children.startsOver((name) =>
      this.#log.info(`another configuration is taken up when ${name} has started`),
    );
    if (this.#phase === "stopping") return { kind: "refused", why: "smtpd is stopping" };
    const tls = this.#tls.prepare(config);
    if (typeof tls === "string") return { kind: "refused", why: tls };
    const next = new CurrentConfig(config, ++this.#lastGeneration);
    const { generation } = next;
    const siblings = this.#children.started.filter((each) => each !== this.#children.control);
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
        const { lookup, auth, local } = this.#children;
        if (!lookup.process.isStarted) this.#followReach();
        if (next.needsSystemUsers && !auth.process.isStarted) this.#startChild(auth);
        if (next.hasSockets && !local.process.isStarted) this.#startChild(local);
        return true;
      },
    });
    this.#followReach();
    return swapped;
  }

  get #lookupNeeds(): LookupNeeds {
    return lookupNeeds(this.#current, this.#tls.material, this.#settings.stapleFolder);
  }

  /** The right to the network is given at the start of a process: lookup is started for it, or anew. */
  #followReach(): void {
    if (this.#phase === "stopping") return;
    const { lookup } = this.#children;
    const { isWanted, reach } = this.#lookupNeeds;
    const before = this.#reach;
    this.#reach = widened(before, reach);
    if (!lookup.process.isStarted) {
      if (this.#phase === "running" && isWanted) this.#startChild(lookup);
    } else if (this.#reach !== before) lookup.process.renew();
  }

  #startChild(sibling: Sibling<End>): void {
    const { process } = sibling;
    process.start({
      ready: () => this.#ready(sibling),
      message: (message) => void takeMessage(sibling, message, this.#takers),
      down: (how) => this.#down(process, how),
      cannotStart: (why) => this.#cannotStart(process, why),
    });
  }

  #maxAgents(): number {
    const { maxOpenFiles: max, openFiles } = this.#settings;
    const missing = this.#children.started.filter(({ process }) => process.pid === undefined);
    return maxAgentsFor({
      max,
      open: openFiles(),
      agents: this.#agents.size,
      missing: missing.length,
    });
  }

  #slice(role: Role, index: number): Slice {
    return childSlice(role, index, this.#settings, {
      current: this.#current,
      material: this.#tls.material,
      reach: this.#reach,
      verbose: this.#verbose,
      smtpPaused: this.#smtpPaused,
      pausedDeliveries: this.#pausedDeliveries,
      blocks: this.blocks.all,
    });
  }

  #ready(sibling: Sibling<End>): void {
    if (sibling === this.#children.lookup) this.#rights.tables.lookupStarted();
    this.#ways.join(sibling, this.#children.started);
    this.#startedIfAll();
  }

  #nowListening(dispatcher: Supervised<End>): void {
    this.#listening.add(dispatcher);
    this.#clients.dispatcherListens();
    this.#startedIfAll();
  }

  #acceptingDispatchers(): readonly Child<End>[] {
    return this.#children.dispatchers.flatMap(({ process }) =>
      process.child !== undefined && this.#listening.has(process) ? [process.child] : [],
    );
  }

  /** Mail can flow once every process runs and every dispatcher accepts clients. */
  #startedIfAll(): void {
    const isAll = this.#children.started.every(({ process }) => process.running);
    const isHeard = this.#children.dispatchers.every(({ process }) => this.#listening.has(process));
    if (!isAll || !isHeard || this.#phase !== "starting") return;
    this.#phase = "running";
    this.#started.resolve({ kind: "running" });
  }

  #down(child: Supervised<End>, how: string): void {
    if (child === this.#children.lookup.process) this.#rights.tables.lookupGone();
    this.#listening.delete(child);
    this.#questions.gone(child);
    this.#swap.gone(child);
    this.#log.warn(`${child.name} ${how}, starting it again`);
  }

  #cannotStart(child: Supervised<End>, why: string): void {
    if (this.#phase === "starting") this.#started.resolve({ kind: "cannot-start", why });
    else this.#log.warn(`${child.name}: ${why}`);
  }

  async #end(): Promise<void> {
    const { queue, dispatchers, lookup, auth, control } = this.#children;
    this.#tls.stop();
    // The queue hands out nothing more, but goes on until its dispatchers are gone:
    // their last messages and results still reach it.
    const queueStopped = queue.process.stop(QUEUE_GRACE_MS);
    await Promise.all(processesOf(dispatchers).map((each) => each.stop(DISPATCHER_GRACE_MS)));
    this.#clients.close();
    await this.#children.local.process.stop(0);
    await this.#agents.stop(AGENT_GRACE_MS);
    await queueStopped;
    await lookup.process.stop(LOOKUP_GRACE_MS);
    await auth.process.stop(0);
    await control.process.stop(0);
    await this.#joins.close();
    this.#sockets.close();
  }
}
