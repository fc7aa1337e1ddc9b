/**
 * The queue: the only process that touches the spool.
 *
 * Runs as: `_smtpq`. Holds: every message. Talks to: dispatchers, control, the
 * parent; never to a peer. When it dies, dispatchers answer 451 until a new one has
 * read the journal; nothing that was acknowledged is lost.
 */
import { crc32 } from "node:zlib";
import { createQueue, DEFAULT_QUEUE_SETTINGS, type Queue } from "#engine/queue/queue.ts";
import { routeKeyOf } from "#engine/scheduler/route.ts";
import { openJournalSpool } from "#engine/spool/journal-spool.ts";
import type { Spool } from "#engine/spool/spool.ts";
import type { Action } from "#model/config/config.ts";
import type { Carrier, DeliveryResult, DeliveryTask } from "#model/delivery.ts";
import type { ParentToChild } from "#model/ipc/parent-link.ts";
import { createRouting } from "#policy/ruleset/routing.ts";
import { deferAll } from "./attempt-sender.ts";
import { ControlAnswerer } from "./control-answerer.ts";
import { queueAnswers } from "./queue-control.ts";
import { QueueDoor } from "./queue-door.ts";
import { RemoteUsers } from "./remote-users.ts";
import type { Joined, RoleSetting, RunningRole } from "./role.ts";
import { RoomWatch } from "./room-watch.ts";
import { CONTROL_QUEUE_SIDE, QUEUE_SIDE } from "./shapes.ts";

export async function startQueue(setting: RoleSetting): Promise<RunningRole | string> {
  const { ports, slice, observer } = setting;
  const opened = await openJournalSpool({
    ...ports,
    observe: observer.observe,
    folder: slice.spool,
  });
  if (opened.kind === "unusable") return `cannot use the spool ${slice.spool}: ${opened.reason}`;
  return new QueueRole(setting, opened.spool);
}

class QueueRole implements RunningRole {
  readonly #setting: RoleSetting;
  readonly #room: RoomWatch;
  readonly #users: RemoteUsers;
  readonly #doors = new Map<number, QueueDoor>();
  readonly #queue: Queue;
  #stopping = false;

  constructor(setting: RoleSetting, spool: Spool) {
    this.#setting = setting;
    const { config, ports, parent, slice, observer } = setting;
    this.#users = new RemoteUsers(ports.clock, (request, name) =>
      parent.send({ kind: "user-wanted", request, name }),
    );
    this.#queue = createQueue(
      {
        ...ports,
        spool,
        routing: createRouting(config, this.#users),
        carrier: new DoorCarrier(this.#doors, config.actions),
        observe: observer.observe,
      },
      {
        ...DEFAULT_QUEUE_SETTINGS,
        serverName: config.serverName,
        actions: config.actions,
        paused: slice.paused.filter((subsystem) => subsystem !== "smtp"),
      },
    );
    this.#room = new RoomWatch(
      ports.clock,
      (bytes) => spool.hasRoom(bytes),
      (freeBytes) => {
        for (const door of this.#doors.values()) door.room(freeBytes);
      },
    );
  }

  joined(sibling: Joined): void {
    if (sibling.to === "control") {
      const channel = sibling.open(CONTROL_QUEUE_SIDE);
      const answers = queueAnswers(this.#queue, this.#setting.ports.clock, () =>
        this.#setting.observer.counters(),
      );
      const answerer = new ControlAnswerer(answers, (answer) => channel.send(answer));
      channel.start({
        message: (request) => answerer.request(request),
        closed: () => answerer.lost(),
      });
      return;
    }
    const channel = sibling.open(QUEUE_SIDE);
    const door = new QueueDoor(this.#queue, (message) => channel.send(message));
    const index = Number(sibling.name);
    this.#doors.set(index, door);
    door.room(this.#room.told);
    channel.start({
      message: (message) => {
        this.#room.touched();
        door.take(message);
      },
      closed: () => {
        if (this.#doors.get(index) === door) this.#doors.delete(index);
        door.lost();
        if (this.#stopping && this.#doors.size === 0) void this.#finish();
      },
    });
  }

  parentSays(message: ParentToChild): void {
    if (message.kind === "user") this.#users.answered(message);
    if (message.kind !== "shutdown" || this.#stopping) return;
    this.#stopping = true;
    // Nothing more is handed out; messages and results of the dispatchers still come in.
    this.#queue.pause("mta");
    this.#queue.pause("mda");
    if (this.#doors.size === 0) void this.#finish();
  }

  async #finish(): Promise<void> {
    await this.#queue.stop();
    this.#setting.parent.send({ kind: "stopped" });
    this.#setting.end();
  }
}

/** Gives every route to one dispatcher, so that its connections are reused. */
class DoorCarrier implements Carrier {
  readonly #doors: ReadonlyMap<number, QueueDoor>;
  readonly #actions: ReadonlyMap<string, Action>;

  constructor(doors: ReadonlyMap<number, QueueDoor>, actions: ReadonlyMap<string, Action>) {
    this.#doors = doors;
    this.#actions = actions;
  }

  async attempt(task: DeliveryTask): Promise<readonly DeliveryResult[]> {
    const indexes = [...this.#doors.keys()].toSorted((a, b) => a - b);
    const index = indexes[this.#routeHash(task) % indexes.length];
    const door = index === undefined ? undefined : this.#doors.get(index);
    if (door === undefined) return deferAll(task, "4.3.0", "No dispatcher is running");
    return door.carrier.attempt(task);
  }

  #routeHash(task: DeliveryTask): number {
    const [envelope] = task.envelopes;
    if (envelope === undefined) return 0;
    const action = this.#actions.get(envelope.action);
    return crc32(routeKeyOf(envelope, envelope.destination, action)?.name ?? "");
  }
}
