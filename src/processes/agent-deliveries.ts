/**
 * The deliveries of one agent: into a Maildir, to an LMTP server in its home, or as the parent's
 * warrant says: into an mbox, to a command.
 *
 * A dispatcher names action, user and addresses. Paths of Maildirs the agent expands out of its
 * own copy of the action; all else it asks the parent for. A command or file of the account's
 * forward file must stand there still: the account's own process looks, so that nobody with more
 * rights reads what a user wrote.
 */
import type { Commands } from "#base/ports/commands.ts";
import type { Files } from "#base/ports/files.ts";
import { deliverCommand } from "#engine/delivery/command.ts";
import { readForwardFile } from "#engine/delivery/forward-file.ts";
import { withGroupedFolderSync } from "#engine/delivery/grouped-folder-sync.ts";
import { LmtpDelivery } from "#engine/delivery/lmtp.ts";
import { formatValues, type MailboxDelivery } from "#engine/delivery/local-message.ts";
import { MailboxLocks } from "#engine/delivery/mailbox-locks.ts";
import { deliverMaildir, type MaildirPorts } from "#engine/delivery/maildir.ts";
import { deliverMbox, NOWHERE } from "#engine/delivery/mbox.ts";
import { unreachable } from "#base/unreachable.ts";
import type { MaildirAction } from "#model/config/action.ts";
import { COMMAND_USER } from "#model/daemon-users.ts";
import type { Carrier, DeliveryResult, DeliveryTask } from "#model/delivery.ts";
import type { Envelope, ListedDelivery, Transport } from "#model/envelope.ts";
import { parseExpansionFile } from "#model/expansion-list.ts";
import type { GrantedWarrant, WarrantRequest } from "#model/warrant.ts";
import { commandEnvironment } from "#policy/expand/command-environment.ts";
import { isDeliveredByAgent } from "#policy/expand/delivered-by.ts";
import { expandFormat, type FormatValues } from "#policy/expand/format.ts";
import { isEntryOf } from "#policy/expand/warrant.ts";
import { actionsOfKind } from "./carrier-by-action.ts";
import type { RoleSetting } from "./role.ts";
import type { WarrantAsker } from "./warrant-asker.ts";

/** What an agent has besides the ports of every role. */
export interface AgentWorld {
  readonly commands: Commands;
  /** By calls that the process waits for: for a delivery that is alone in it. */
  readonly filesAtOnce: Files;
  /** For deliveries that wait for the disk together. */
  readonly filesTogether: Files;
  /** Of the process that the role runs in: it is in the locks that it makes. */
  readonly pid: number;
}

type LocalTransport = Transport & { readonly kind: "mda" };

export class AgentDeliveries implements Carrier {
  readonly #setting: RoleSetting;
  readonly #world: AgentWorld;
  readonly #warrants: WarrantAsker;
  /** For deliveries that wait for the disk together. */
  readonly #maildirs: MaildirPorts;
  /** For a delivery that is alone. */
  readonly #maildirsAtOnce: MaildirPorts;
  readonly #locks: MailboxLocks;
  readonly #lmtp: LmtpDelivery;

  #underWay = 0;

  constructor(setting: RoleSetting, world: AgentWorld, warrants: WarrantAsker) {
    this.#setting = setting;
    this.#world = world;
    this.#warrants = warrants;
    const { ports, config, home, observer } = setting;
    this.#maildirs = { ...ports, files: withGroupedFolderSync(world.filesTogether) };
    this.#maildirsAtOnce = { ...ports, files: world.filesAtOnce };
    this.#locks = new MailboxLocks(ports, world.pid);
    const { serverName: helo, subAddressDelimiter } = config;
    this.#lmtp = new LmtpDelivery(
      ports,
      actionsOfKind(config.actions, "lmtp"),
      { helo, subAddressDelimiter, home },
      observer.observe,
    );
  }

  async attempt(task: DeliveryTask): Promise<readonly DeliveryResult[]> {
    const results: DeliveryResult[] = [];
    this.#underWay++;
    for (const envelope of task.envelopes) results.push(...(await this.#deliver(task, envelope)));
    this.#underWay--;
    return results;
  }

  async #deliver(task: DeliveryTask, envelope: Envelope): Promise<readonly DeliveryResult[]> {
    const { transport } = envelope;
    const action = this.#setting.config.actions.get(envelope.action);
    const isOurs =
      transport.kind === "mda" &&
      action !== undefined &&
      isDeliveredByAgent(action, transport.listed !== undefined);
    if (!isOurs) return [deferred(envelope, "4.3.5", "No such local action")];
    const { listed, user } = transport;
    const delivery = { ...task, envelope };
    if (listed !== undefined) return [await this.#listed(delivery, transport, listed)];
    if (user === COMMAND_USER && action.kind !== "relay" && action.user === undefined)
      return [deferred(envelope, "4.3.5", `${COMMAND_USER} has no mail of its own`)];
    if (action.kind === "lmtp") return this.#lmtp.attempt({ ...task, envelopes: [envelope] });
    if (action.kind === "maildir") return [await this.#maildir(action, delivery, transport)];
    return [await this.#byWarrant(delivery, transport)];
  }

  async #maildir(
    action: MaildirAction,
    delivery: MailboxDelivery,
    transport: LocalTransport,
  ): Promise<DeliveryResult> {
    const path = expandFormat(action.path, this.#valuesOf(delivery));
    if (typeof path !== "string")
      return failed(delivery.envelope, `No mailbox can have this address: ${path.reason}`);
    const { hostname } = this.#setting;
    const { extension } = transport;
    const mailbox = { path, hostname, junk: action.junk, extension };
    // Those that have come with it are counted by then.
    await Promise.resolve();
    const isAlone = this.#underWay === 1;
    return deliverMaildir(isAlone ? this.#maildirsAtOnce : this.#maildirs, mailbox, delivery);
  }

  async #listed(
    delivery: MailboxDelivery,
    transport: LocalTransport,
    listed: ListedDelivery,
  ): Promise<DeliveryResult> {
    const { envelope } = delivery;
    const list = envelope.trail.findLast(({ by }) => by !== "include");
    if (list?.by === "forward-file" && !(await this.#isInForwardFile(listed)))
      return deferred(envelope, "4.3.5", "The forward file does not say so any more");
    return this.#byWarrant(delivery, transport);
  }

  async #isInForwardFile(listed: ListedDelivery): Promise<boolean> {
    const file = await readForwardFile(this.#setting.ports.files, this.#setting);
    return file.kind === "found" && isEntryOf(parseExpansionFile(file.text), listed);
  }

  #byWarrant(delivery: MailboxDelivery, transport: LocalTransport): Promise<DeliveryResult> {
    const { envelope, message } = delivery;
    const wanted: WarrantRequest = {
      action: envelope.action,
      user: transport.user,
      sender: message.reversePath,
      rcpt: envelope.forwardPath,
      dest: envelope.destination,
      listed: transport.listed,
      trail: transport.listed === undefined ? [] : envelope.trail,
    };
    return this.#warrants.with(wanted, (warrant) => this.#carryOut(warrant, delivery, transport));
  }

  async #carryOut(
    warrant: GrantedWarrant,
    delivery: MailboxDelivery,
    transport: LocalTransport,
  ): Promise<DeliveryResult> {
    const { envelope } = delivery;
    const { home, ports, uid } = this.#setting;
    switch (warrant.kind) {
      case "command": {
        const values = this.#valuesOf(delivery);
        const environment = commandEnvironment(values, transport.extension);
        const command = { command: warrant.command, environment, folder: home };
        return deliverCommand(this.#world.commands, command, delivery);
      }
      case "mailbox":
        return deliverMbox(ports, { path: warrant.path, uid }, delivery);
      case "file":
        return this.#file(warrant.path, delivery);
      case "refused":
        // Why is in the log: it names what is none of the sender's business.
        return deferred(envelope, "4.3.5", "The configuration does not lead to this delivery");
      case "impossible":
        return failed(envelope, `Nothing can be delivered to this address: ${warrant.why}`);
      case "unavailable":
        return deferred(envelope, "4.3.0", warrant.why);
      default:
        return unreachable(warrant);
    }
  }

  async #file(path: string, delivery: MailboxDelivery): Promise<DeliveryResult> {
    const { ports, uid } = this.#setting;
    if (path === NOWHERE) return deliverMbox(ports, { path, uid }, delivery);
    const lock = await this.#locks.take(path);
    if (lock.kind === "busy") return deferred(delivery.envelope, "4.2.0", "Mailbox is locked");
    if (lock.kind === "impossible") {
      const diagnostic = `Mailbox cannot be locked: ${lock.cause.code}`;
      return deferred(delivery.envelope, "4.3.5", diagnostic);
    }
    try {
      return await deliverMbox(ports, { path, uid }, delivery);
    } finally {
      await lock.release();
    }
  }

  #valuesOf(delivery: MailboxDelivery): FormatValues {
    const { home, config } = this.#setting;
    return formatValues(delivery, home, config.subAddressDelimiter);
  }
}

/** It may be put right: the delivery is tried again. */
function deferred({ evpid }: Envelope, status: string, diagnostic: string): DeliveryResult {
  return { evpid, outcome: "deferred", status, diagnostic, remote: "" };
}

/** It is what the addresses hold, and that does not change. */
function failed({ evpid }: Envelope, diagnostic: string): DeliveryResult {
  return { evpid, outcome: "failed", status: "5.1.1", diagnostic, remote: "" };
}
