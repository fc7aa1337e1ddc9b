/**
 * The dispatcher: speaks SMTP with the world, in and out.
 *
 * Runs as: `_smtpd`, several times, under Node's permission model: it reaches the
 * network and the sockets it was given, no file and no program. Holds: rules and
 * tables; no password, no mail but what is on its way; how its last deliveries ended.
 * Talks to: the parent, the queue, lookup, agents. When it dies, its open sessions break
 * without a 250 and its deliveries are attempted again.
 */
import type { Tls, TlsServer } from "#base/ports/tls.ts";
import { Drain } from "#base/time/drain.ts";
import { LmtpDelivery } from "#engine/delivery/lmtp.ts";
import { Relay } from "#engine/relay/relay.ts";
import { limitsFor } from "#engine/server/limits.ts";
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
import { Explainer } from "./explainer.ts";
import { answerForward } from "./forward-asker.ts";
import { type TlsByListener, tlsByListener } from "./listener-tls.ts";
import { OpenListeners } from "./open-listeners.ts";
import { RemoteAuthenticator } from "./remote-authenticator.ts";
import { RemoteIntake } from "./remote-intake.ts";
import { LookupAsker } from "./lookup-asker.ts";
import { RemoteTables } from "./remote-tables.ts";
import { RemoteUsers } from "./remote-users.ts";
import { RememberedForwards } from "./remembered-forwards.ts";
import type { Joined, NextConfig, Prepared, RoleSetting, RunningRole, StartRole } from "./role.ts";
import { AGENT_CLIENT_SIDE, DISPATCHER_SIDE, LOOKUP_CLIENT_SIDE } from "./shapes.ts";
import { StapleShelf } from "./staple-shelf.ts";
import { SwitchedIntake } from "./switched-intake.ts";

/** How long sessions may finish their message, and deliveries end, when the daemon stops. */
const DRAIN_MS = 15_000;

/** The role on `tls`, which speaks it on the connections of the role's network. */
export function dispatcherRole(tls: Tls): StartRole {
  return async (setting) => {
    const ends = { tls, staples: new StapleShelf(setting.ports.clock) };
    const byListener = tlsByListener(setting.config, setting.slice.tls, ends);
    return typeof byListener === "string" ? byListener : new Dispatcher(setting, ends, byListener);
  };
}

interface TlsEnds {
  readonly tls: Tls;
  readonly staples: StapleShelf;
}

class Dispatcher implements RunningRole {
  readonly #setting: RoleSetting;
  readonly #users: RemoteUsers;
  readonly #lookup: LookupAsker;
  readonly #tables: RemoteTables;
  readonly #agents: AgentCarrier;
  readonly #forwards: RememberedForwards;
  /** Remembers over configurations how attempts ended. */
  readonly #carrier: AttemptMemory;
  readonly #intake = new SwitchedIntake();
  readonly #server: SmtpServer;
  readonly #listeners: OpenListeners;
  readonly #receivers = new Set<AttemptReceiver>();
  readonly #deliveries = new Drain(() => [...this.#receivers].every(({ count }) => count === 0));
  /** By the configuration that is in use; attempts under way go on with theirs. */
  #byAction: Carrier;
  #rules: ConfiguredRouting;
  #config: Config;
  readonly #explainer: Explainer;
  readonly #tlsEnds: TlsEnds;
  #tls: TlsByListener;
  /** What `#tls` is made of. */
  #material: TlsMaterial;
  #listening = false;
  #stopping = false;

  constructor(setting: RoleSetting, tlsEnds: TlsEnds, tls: TlsByListener) {
    this.#setting = setting;
    this.#tlsEnds = tlsEnds;
    this.#tls = tls;
    this.#material = setting.slice.tls;
    const { config, parent, ports, slice } = setting;
    this.#users = new RemoteUsers(ports.clock, (request, name) =>
      parent.send({ kind: "user-wanted", request, name }),
    );
    this.#lookup = new LookupAsker(ports.clock, (staple) => tlsEnds.staples.put(staple));
    this.#tables = new RemoteTables(this.#lookup);
    this.#agents = new AgentCarrier(
      ports.clock,
      { config, generation: slice.generation },
      (action, user) => parent.send({ kind: "agent-wanted", action, user }),
    );
    this.#byAction = this.#carrierOf(config);
    this.#carrier = new AttemptMemory(
      { attempt: (task) => this.#byAction.attempt(task) },
      config.schedulerLimits.maxInflight,
    );
    this.#forwards = new RememberedForwards(
      ports.clock,
      (action, user) => this.#agents.accountOf(action, user),
      this.#agents,
    );
    this.#rules = new ConfiguredRouting(config, {
      users: this.#users,
      forwardFiles: this.#forwards,
      backendOf: this.#tables.backendOf,
    });
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
    const missing = this.#listeners.missing(config.listeners);
    await this.#setting.ports.arrived(
      missing.map(({ endpoint }) => endpoint),
      generation,
    );
    const tls = tlsByListener(config, next.tls, this.#tlsEnds);
    if (typeof tls === "string") return tls;
    const opening = await this.#listeners.prepare(config.listeners);
    if (typeof opening === "string") return opening;
    const rules = this.#rules.prepare(next);
    // The relay that was keeps its idle connections for their time; nobody asks it for more.
    const byAction = this.#carrierOf(config);
    return {
      takeUp: () => {
        this.#rules = rules();
        this.#config = config;
        this.#byAction = byAction;
        this.#agents.takeUp(next);
        this.#carrier.takeUp(config.schedulerLimits.maxInflight);
        this.#tls = tls;
        this.#material = next.tls;
        this.#server.takeUp(config, this.#parties());
        opening.takeUp();
        return NONE_STRANDED;
      },
      abandon: () => opening.abandon(),
    };
  }

  #carrierOf({ actions, serverName: helo, subAddressDelimiter }: Config): Carrier {
    const { ports, observer } = this.#setting;
    const { observe } = observer;
    const lmtpSettings = { helo, subAddressDelimiter };
    return new CarrierByAction(actions, {
      maildir: this.#agents,
      lmtp: new LmtpDelivery(ports, actionsOfKind(actions, "lmtp"), lmtpSettings, observe),
      relay: new Relay(ports, actionsOfKind(actions, "relay"), observe),
    });
  }

  #parties(): ServerParties {
    const { observe } = this.#setting.observer;
    const authenticator = new RemoteAuthenticator(this.#lookup, observe);
    const { routing, senders, askTable } = this.#rules;
    const tls = this.#tls;
    const tlsOf = (listener: Listener): TlsServer | undefined => tls.get(listener);
    return { routing, senders, askTable, intake: this.#intake, observe, authenticator, tlsOf };
  }

  /** Clients that come from now on are shown the newer certificates. */
  #renewTls(material: TlsMaterial): void {
    if (material.version <= this.#material.version) return;
    const { observer } = this.#setting;
    const tls = tlsByListener(this.#config, material, this.#tlsEnds);
    if (typeof tls === "string") {
      observer.observe({ kind: "warning", text: `certificates are not renewed: ${tls}` });
      return;
    }
    this.#tls = tls;
    this.#material = material;
    this.#server.takeUp(this.#config, this.#parties());
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
      case "configure":
      case "prepare":
      case "take-up":
      case "abandon":
      case "verbose":
      case "control":
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
    const { routing, senders } = this.#rules;
    const deciding = { config: this.#config, routing, senders };
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
    this.#setting.parent.send({ kind: "stopped" });
    this.#setting.end();
  }
}
