/**
 * The dispatcher: speaks SMTP with the world, in and out.
 *
 * Runs as: `_smtpd`, several times, under Node's permission model: it reaches the
 * network and the sockets it was given, no file and no program. Holds: rules and
 * tables; no password, no mail but what is on its way; how its last deliveries ended.
 * Talks to: the parent, the queue, lookup, agents. When it dies, its open sessions break
 * without a 250 and its deliveries are attempted again.
 */
import { ABSENT } from "#base/lookup.ts";
import type { Connection } from "#base/ports/network.ts";
import type { Tls, TlsServer } from "#base/ports/tls.ts";
import { Drain } from "#base/time/drain.ts";
import { LmtpDelivery } from "#engine/delivery/lmtp.ts";
import type { RelayParties } from "#engine/relay/parties.ts";
import { Relay } from "#engine/relay/relay.ts";
import { RelayMemory } from "#engine/relay/relay-memory.ts";
import { limitsFor } from "#engine/server/limits.ts";
import { SessionTally } from "#engine/tls-reports/session-tally.ts";
import type { ServerParties } from "#engine/server/service.ts";
import { SmtpServer } from "#engine/server/smtp-server.ts";
import type { Config } from "#model/config/config.ts";
import type { Listener } from "#model/config/listener.ts";
import type { Carrier } from "#model/delivery.ts";
import type { TlsMaterial } from "#model/tls-material.ts";
import type { ExplainQuestion } from "#model/explanation.ts";
import type { ParentToChild } from "#model/ipc/parent-link.ts";
import type { DispatcherToQueue, QueueToDispatcher } from "#model/ipc/queue-link.ts";
import { NONE_STRANDED } from "#model/stranded.ts";
import { AgentCarrier } from "./agent-carrier.ts";
import { AttemptMemory } from "./attempt-memory.ts";
import { AttemptReceiver } from "./attempt-receiver.ts";
import { actionsOfKind, CarrierByAction } from "./carrier-by-action.ts";
import type { Link } from "./channel.ts";
import { ConfiguredRouting } from "./configured-routing.ts";
import { type ConfiguredTls, configuredTls } from "./configured-tls.ts";
import { Explainer } from "./explainer.ts";
import { answerForward } from "./forward-asker.ts";
import { OpenListeners } from "./open-listeners.ts";
import { RemoteAuthenticator } from "./remote-authenticator.ts";
import { ownEndpoints } from "./own-endpoints.ts";
import { askCredentials } from "./remote-credentials.ts";
import { RemoteIntake } from "./remote-intake.ts";
import { LookupAsker } from "./lookup-asker.ts";
import { RemoteSts } from "./remote-sts.ts";
import { RemoteTables } from "./remote-tables.ts";
import { RemoteUsers } from "./remote-users.ts";
import { RememberedForwards } from "./remembered-forwards.ts";
import type { Joined, NextConfig, Prepared, RoleSetting, RunningRole, StartRole } from "./role.ts";
import { AGENT_CLIENT_SIDE, DISPATCHER_SIDE, LOOKUP_CLIENT_SIDE } from "./shapes.ts";
import { StapleShelf } from "./staple-shelf.ts";
import { SwitchedIntake } from "./switched-intake.ts";
import { answerView } from "./view-answers.ts";

/** How long sessions may finish their message, and deliveries end, when the daemon stops. */
const DRAIN_MS = 15_000;

/** The role on `tls`, which speaks it on the connections of the role's network. */
export function dispatcherRole(tls: Tls): StartRole {
  return async (setting) => {
    const ends = { tls, staples: new StapleShelf(setting.ports.clock) };
    const made = configuredTls(setting.config, setting.slice.tls, ends);
    return typeof made === "string" ? made : new Dispatcher(setting, ends.staples, made);
  };
}

class Dispatcher implements RunningRole {
  readonly #setting: RoleSetting;
  readonly #users: RemoteUsers;
  readonly #lookup: LookupAsker;
  readonly #tables: RemoteTables;
  readonly #sts: RemoteSts;
  /** For TLS reports. */
  readonly #tally: SessionTally;
  readonly #agents: AgentCarrier;
  readonly #forwards: RememberedForwards;
  /** Remembers over configurations how attempts ended. */
  readonly #carrier: AttemptMemory;
  readonly #intake = new SwitchedIntake();
  /** What relaying knows of hosts and routes, over configurations. */
  readonly #relaying: RelayMemory;
  readonly #server: SmtpServer;
  readonly #listeners: OpenListeners<Connection>;
  readonly #receivers = new Set<AttemptReceiver>();
  readonly #deliveries = new Drain(() => [...this.#receivers].every(({ count }) => count === 0));
  /** By the configuration that is in use; attempts under way go on with theirs. */
  #byAction: Carrier;
  #rules: ConfiguredRouting;
  #config: Config;
  readonly #explainer: Explainer;
  #tls: ConfiguredTls;
  #listening = false;
  #stopping = false;

  constructor(setting: RoleSetting, staples: StapleShelf, tls: ConfiguredTls) {
    this.#setting = setting;
    this.#tls = tls;
    const { config, parent, ports, slice } = setting;
    this.#users = new RemoteUsers(ports.clock, (request, name) =>
      parent.send({ kind: "user-wanted", request, name }),
    );
    this.#lookup = new LookupAsker(ports.clock, (message) => {
      if (message.kind === "staple") staples.put(message.staple);
    });
    this.#tally = new SessionTally(ports.clock, (sessions) =>
      this.#lookup.tell({ kind: "tls-sessions", sessions }),
    );
    this.#tables = new RemoteTables(this.#lookup);
    this.#sts = new RemoteSts(ports.clock, this.#lookup);
    this.#agents = new AgentCarrier(
      ports.clock,
      { config, generation: slice.generation },
      (action, user) => parent.send({ kind: "agent-wanted", action, user }),
    );
    this.#forwards = new RememberedForwards(
      ports.clock,
      (action, user) => this.#agents.accountOf(action, user),
      this.#agents,
    );
    this.#relaying = new RelayMemory(ports.clock, setting.observer.observe);
    this.#relaying.block(slice.blocks);
    this.#rules = new ConfiguredRouting(config, {
      users: this.#users,
      forwardFiles: this.#forwards,
      backendOf: this.#tables.backendOf,
      clock: ports.clock,
    });
    this.#byAction = this.#carrierOf(config, tls);
    this.#carrier = new AttemptMemory(
      { attempt: (task) => this.#byAction.attempt(task) },
      config.schedulerLimits.maxInflight,
    );
    this.#config = config;
    this.#explainer = new Explainer({ ...ports, users: this.#users, intake: this.#intake });
    const limits = limitsFor(slice.maxOpenFiles);
    this.#server = new SmtpServer(ports, { ...config, limits }, this.#parties());
    this.#listeners = new OpenListeners(ports.network, (connection, listener) =>
      this.#server.accept(connection, listener),
    );
  }

  /** Opens the listeners that are new; all else is made anew and waits. */
  async prepare(next: NextConfig): Promise<Prepared | string> {
    const { config, generation } = next;
    const missing = this.#listeners.missing(config.listeners).map(({ endpoint }) => endpoint);
    // It does not accept on others itself (client-network.ts).
    const bound = missing.filter(({ kind }) => kind === "tcp");
    await this.#setting.ports.arrived(bound, generation);
    const tls = this.#tls.next(config, next.tls);
    if (typeof tls === "string") return tls;
    const opening = await this.#listeners.prepare(config.listeners);
    if (typeof opening === "string") return opening;
    const rules = this.#rules.prepare(next);
    // The relay that was keeps its idle connections for their time; nobody asks it for more.
    const byAction = this.#carrierOf(config, tls);
    return {
      takeUp: () => {
        this.#rules = rules();
        this.#config = config;
        this.#byAction = byAction;
        this.#agents.takeUp(next);
        this.#carrier.takeUp(config.schedulerLimits.maxInflight);
        this.#tls = tls;
        this.#server.takeUp(config, this.#parties());
        opening.takeUp();
        return NONE_STRANDED;
      },
      abandon: () => opening.abandon(),
    };
  }

  #carrierOf(config: Config, tls: ConfiguredTls): Carrier {
    const { ports, observer } = this.#setting;
    const { observe } = observer;
    const { actions, serverName: helo, subAddressDelimiter } = config;
    const lmtpSettings = { helo, subAddressDelimiter, home: "" };
    return new CarrierByAction(actions, {
      agents: this.#agents,
      lmtp: new LmtpDelivery(ports, actionsOfKind(actions, "lmtp"), lmtpSettings, observe),
      relay: new Relay(ports, actionsOfKind(actions, "relay"), this.#relayParties(config, tls), {
        memory: this.#relaying,
        limits: config,
      }),
    });
  }

  #relayParties(config: Config, tls: ConfiguredTls): RelayParties {
    const { observer, slice } = this.#setting;
    return {
      observe: observer.observe,
      askTable: (table, service, key) => this.#rules.askTable(table, service, key),
      fetchKeys: (table) => this.#tables.fetch(table),
      askCredentials: (table, label) => askCredentials(this.#lookup, table, label),
      askSts: async (domain) => (config.mtaSts ? this.#sts.policyOf(domain) : ABSENT),
      tlsOf: ({ name }) => tls.ofRelay(name),
      countTls: config.tlsReports && ((session) => this.#tally.add(session)),
      isOurs: ownEndpoints(config, slice.ownAddresses),
      srs: config.srs,
    };
  }

  #parties(): ServerParties {
    const { observe } = this.#setting.observer;
    const authenticator = new RemoteAuthenticator(this.#lookup, observe);
    const { routing, senders, askTable } = this.#rules;
    const { byListener } = this.#tls;
    const tlsOf = (listener: Listener): TlsServer | undefined => byListener.get(listener);
    return { routing, senders, askTable, intake: this.#intake, observe, authenticator, tlsOf };
  }

  #renewTls(material: TlsMaterial): void {
    const renewed = this.#tls.renew(material);
    if (renewed === "known") return;
    if (renewed === "renewed") this.#server.takeUp(this.#config, this.#parties());
    else {
      const text = `certificates are not renewed: ${renewed.why}`;
      this.#setting.observer.observe({ kind: "warning", text });
    }
  }

  /** Accepts on every listener, now that there is a queue to give mail to. */
  async #listen(): Promise<void> {
    const { config, parent, slice } = this.#setting;
    if (this.#listening) return;
    this.#listening = true;
    const opening = await this.#listeners.prepare(config.listeners);
    if (typeof opening === "string") {
      parent.send({ kind: "cannot-start", why: opening });
      return;
    }
    if (slice.paused.includes("smtp")) this.#server.pause();
    opening.takeUp();
    parent.send({ kind: "listening" });
  }

  joined(sibling: Joined): void {
    if (sibling.to === "queue") this.#queueJoined(sibling.open(DISPATCHER_SIDE));
    else if (sibling.to === "lookup") this.#lookup.linked(sibling.open(LOOKUP_CLIENT_SIDE));
    else if (sibling.to === "agent") {
      this.#agents.linked(sibling, sibling.open(AGENT_CLIENT_SIDE));
    } else sibling.refuse();
  }

  parentSays(message: ParentToChild): void {
    if (isForOthers(message)) return;
    switch (message.kind) {
      case "user":
        this.#users.answered(message);
        return;
      case "agent-refused":
        this.#agents.refused(message.action, message.user, message.why);
        return;
      case "pause-smtp":
        if (message.paused) this.#server.pause();
        else this.#server.resume();
        return;
      case "relay-blocks":
        this.#relaying.block(message.blocks);
        return;
      case "counters-wanted": {
        const counters = this.#setting.observer.counters();
        this.#setting.parent.send({ kind: "counters", request: message.request, counters });
        return;
      }
      case "explain":
        void this.#explain(message.request, message.question);
        return;
      case "tls-renewed":
        this.#renewTls(message.tls);
        return;
      case "shutdown":
        void this.#shutdown();
        return;
    }
  }

  #queueJoined(channel: Link<QueueToDispatcher, DispatcherToQueue>): void {
    const intake = new RemoteIntake((request) => channel.send(request));
    const receiver = new AttemptReceiver(
      (reply) => channel.send(reply),
      this.#carrier,
      () => this.#deliveries.check(),
    );
    this.#receivers.add(receiver);
    this.#intake.use(intake);
    channel.start({
      message: (message) => {
        switch (message.kind) {
          case "attempt":
          case "text":
          case "text-unreadable":
            receiver.request(message);
            return;
          case "relaying-asked":
          case "resume-route":
          case "stages-asked":
            channel.send(
              answerView(message, this.#relaying, (attempts) => receiver.stagesOf(attempts)),
            );
            return;
          case "forward-wanted":
            void answerForward(this.#forwards, message, (answer) => channel.send(answer));
            return;
          case "msgids":
          case "room":
          case "receipt":
          case "blob-took":
            intake.reply(message);
            if (message.kind === "msgids") void this.#listen();
            return;
        }
      },
      closed: () => {
        this.#intake.drop(intake);
        this.#receivers.delete(receiver);
        intake.lost();
        receiver.lost();
        this.#deliveries.check();
      },
    });
  }

  async #explain(request: number, question: ExplainQuestion): Promise<void> {
    const { routing, senders, askTable } = this.#rules;
    const config = this.#config;
    const askSts = config.mtaSts ? this.#sts.policyOf.bind(this.#sts) : undefined;
    const deciding = { config, routing, senders, askTable, askSts };
    const answer = await this.#explainer.answer(question, deciding);
    this.#setting.parent.send({ kind: "explained", request, answer });
  }

  async #shutdown(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    const { clock } = this.#setting.ports;
    const deadlineMs = clock.monotonicMs() + DRAIN_MS;
    await this.#server.shutdown(DRAIN_MS);
    await this.#deliveries.wait(clock, Math.max(deadlineMs - clock.monotonicMs(), 0));
    this.#tally.close();
    this.#setting.parent.send({ kind: "stopped" });
    this.#setting.end();
  }
}

/** What other roles are told, or what is done around every role (role-host.ts). */
const FOR_OTHERS = [
  "configure",
  "prepare",
  "take-up",
  "abandon",
  "verbose",
  "control",
  "warrant",
  "table-wanted",
  "send-tls-reports",
] as const;

function isForOthers(
  message: ParentToChild,
): message is Extract<ParentToChild, { readonly kind: (typeof FOR_OTHERS)[number] }> {
  return FOR_OTHERS.some((kind) => kind === message.kind);
}
