/**
 * The queue: the only process that touches the spool.
 *
 * Runs as: `_smtpq`. Holds: every message. Talks to: dispatchers, control, the
 * parent; never to a peer. When it dies, dispatchers answer 451 until a new one has
 * read the journal; nothing that was acknowledged is lost.
 */
import { FilesError } from "#base/ports/files.ts";
import { createQueue, DEFAULT_QUEUE_SETTINGS, type Queue } from "#engine/queue/queue.ts";
import { openJournalSpool } from "#engine/spool/journal-spool.ts";
import { Keyring } from "#engine/spool/queue-keys.ts";
import type { Spool } from "#engine/spool/spool.ts";
import { traceFolder, type TracePlace } from "#engine/trace/trace-folder.ts";
import { postReport } from "#engine/tls-reports/report-post.ts";
import { TraceLog } from "#engine/trace/trace-log.ts";
import type { Observe } from "#model/events.ts";
import type { Config } from "#model/config/config.ts";
import type { LetterMessage } from "#model/ipc/lookup-link.ts";
import type { ParentToChild } from "#model/ipc/parent-link.ts";
import { isViewAnswer, type ViewQuestion } from "#model/ipc/view-link.ts";
import { ConfiguredRouting } from "./configured-routing.ts";
import { ControlAnswerer } from "./control-answerer.ts";
import { DispatcherViews } from "./dispatcher-views.ts";
import { AnyForwardAsker, ForwardAsker } from "./forward-asker.ts";
import { queueAnswers } from "./queue-control.ts";
import { QueueDoor } from "./queue-door.ts";
import { QueueDoors } from "./queue-doors.ts";
import { LookupAsker } from "./lookup-asker.ts";
import { RemoteTables } from "./remote-tables.ts";
import { RemoteUsers } from "./remote-users.ts";
import type { Joined, NextConfig, Prepared, RoleSetting, RunningRole } from "./role.ts";
import { RoomWatch } from "./room-watch.ts";
import { stagedQueue } from "./staged-queue.ts";
import { CONTROL_QUEUE_SIDE, LOOKUP_CLIENT_SIDE, QUEUE_SIDE } from "./shapes.ts";

export async function startQueue(setting: RoleSetting): Promise<RunningRole | string> {
  const { ports, slice, observer, config } = setting;
  const keys = new Keyring(slice.queueKeys);
  const place: TracePlace = {
    files: ports.files,
    folder: traceFolder(slice.spool),
    keys,
    pause: () => new Promise((resolve) => void ports.clock.after(0, resolve)),
  };
  const trace = new TraceLog({ ...place, ...ports, observe: observer.observe }, config);
  const observe: Observe = (event) => {
    observer.observe(event);
    trace.observe(event);
  };
  const opened = await openJournalSpool({
    ...ports,
    observe(event) {
      observe(event);
      if (event.kind !== "spool-progress") return;
      setting.parent.send({ kind: "starting", done: event.done, of: event.of });
    },
    folder: slice.spool,
    compression: config.queueCompression,
    keys,
  });
  if (opened.kind === "unusable") return unusable(slice.spool, opened.reason);
  await trace.open();
  const role = new QueueRole(setting, { spool: opened.spool, trace, place, observe });
  try {
    await role.recover();
  } catch (error) {
    if (!(error instanceof FilesError)) throw error;
    await trace.stop();
    await opened.spool.close();
    return unusable(slice.spool, error.message);
  }
  return role;
}

function unusable(folder: string, reason: string): string {
  return `cannot use the spool ${folder}: ${reason}`;
}

interface QueueParts {
  readonly spool: Spool;
  readonly trace: TraceLog;
  readonly place: TracePlace;
  /** For the log, the counters and the trace. */
  readonly observe: Observe;
}

class QueueRole implements RunningRole {
  readonly #setting: RoleSetting;
  readonly #room: RoomWatch;
  readonly #users: RemoteUsers;
  /** For bounces, which rules send on their way. */
  readonly #lookup: LookupAsker;
  readonly #tables: RemoteTables;
  /** For bounces too: a dispatcher has them read. */
  readonly #forwards = new AnyForwardAsker();
  readonly #doors: QueueDoors;
  readonly #views: DispatcherViews;
  readonly #queue: Queue;
  readonly #trace: TraceLog;
  readonly #observe: Observe;
  readonly #place: TracePlace;
  #rules: ConfiguredRouting;
  #config: Config;
  #stopping = false;

  constructor(setting: RoleSetting, { spool, trace, place, observe }: QueueParts) {
    this.#setting = setting;
    this.#trace = trace;
    this.#observe = observe;
    this.#config = setting.config;
    this.#place = place;
    const { config, ports, parent, slice } = setting;
    this.#users = new RemoteUsers(ports.clock, (request, name) =>
      parent.send({ kind: "user-wanted", request, name }),
    );
    this.#lookup = new LookupAsker(ports.clock, (message) => {
      if (message.kind === "letter") void this.#post(message);
    });
    this.#tables = new RemoteTables(this.#lookup);
    this.#views = new DispatcherViews(ports.clock);
    this.#doors = new QueueDoors(ports.clock, config.actions, slice.dispatchers);
    this.#rules = new ConfiguredRouting(config, {
      users: this.#users,
      forwardFiles: this.#forwards,
      backendOf: this.#tables.backendOf,
      clock: ports.clock,
    });
    this.#queue = createQueue(
      {
        ...ports,
        spool,
        routing: this.#rules.routing,
        carrier: this.#doors,
        observe,
      },
      {
        ...DEFAULT_QUEUE_SETTINGS,
        serverName: config.serverName,
        bounceWarnIntervalsMs: config.bounceWarnIntervalsMs,
        actions: config.actions,
        mtaMaxDeferred: config.mtaMaxDeferred,
        schedulerLimits: config.schedulerLimits,
        mtaLimits: config.mtaLimits,
        mtaDomainLimits: config.mtaDomainLimits,
        mdaLimits: config.mdaLimits,
        paused: slice.paused.filter((subsystem) => subsystem !== "smtp"),
      },
    );
    this.#room = new RoomWatch(
      ports.clock,
      (bytes) => spool.hasRoom(bytes),
      (freeBytes) => this.#doors.room(freeBytes),
    );
  }

  /** @throws {FilesError} */
  recover(): Promise<void> {
    return this.#queue.recover();
  }

  async prepare(next: NextConfig): Promise<Prepared> {
    const { config } = next;
    const rules = this.#rules.prepare(next);
    return {
      takeUp: () => {
        this.#rules = rules();
        this.#config = config;
        this.#doors.takeUp(config.actions);
        this.#trace.takeUp(config);
        return this.#queue.takeUp(config, this.#rules.routing);
      },
      abandon: () => undefined,
    };
  }

  joined(sibling: Joined): void {
    if (sibling.to === "control") {
      const channel = sibling.open(CONTROL_QUEUE_SIDE);
      const { ports, observer } = this.#setting;
      const staged = stagedQueue(this.#queue, { doors: this.#doors, views: this.#views });
      const answers = queueAnswers(this.#queue, ports.clock, () => observer.counters(), {
        staged,
        trace: { place: this.#place, flushed: () => this.#trace.flushed() },
        relaying: { views: this.#views, dispatchers: this.#setting.slice.dispatchers },
      });
      const answerer = new ControlAnswerer(answers, (answer) => channel.send(answer));
      channel.start({
        message: (request) => answerer.request(request),
        closed: () => answerer.lost(),
      });
      return;
    }
    if (sibling.to === "lookup") {
      this.#lookup.linked(sibling.open(LOOKUP_CLIENT_SIDE));
      return;
    }
    if (this.#stopping) {
      sibling.refuse();
      return;
    }
    const channel = sibling.open(QUEUE_SIDE);
    const door = new QueueDoor(this.#queue, channel);
    const forwards = new ForwardAsker(this.#setting.ports.clock, (question) =>
      channel.send(question),
    );
    this.#forwards.add(forwards);
    const index = Number(sibling.name);
    const ask = (question: ViewQuestion): void => channel.send(question);
    this.#doors.add(index, door);
    this.#views.add(index, ask);
    door.room(this.#room.told);
    channel.start({
      message: (message) => {
        this.#room.touched();
        if (message.kind === "forward-file") forwards.answered(message);
        else if (isViewAnswer(message)) this.#views.answered(index, message);
        else door.take(message);
      },
      drained: () => door.drained(),
      closed: () => {
        this.#forwards.remove(forwards);
        forwards.lost("The dispatcher went away");
        this.#doors.remove(index, door);
        this.#views.remove(index, ask);
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

  /** A TLS report that lookup has ready. */
  async #post({ number, letter }: LetterMessage): Promise<void> {
    const { ports } = this.#setting;
    const { serverName, tlsReports } = this.#config;
    const outcome =
      tlsReports === undefined || this.#stopping
        ? "later"
        : await postReport(
            {
              ...ports,
              routing: this.#rules.routing,
              intake: this.#queue.localIntake(),
              observe: this.#observe,
            },
            { serverName, contact: tlsReports.from },
            letter,
          );
    this.#lookup.tell({ kind: "letter-ended", number, outcome });
  }

  async #finish(): Promise<void> {
    this.#doors.close();
    await this.#queue.stop();
    await this.#trace.stop();
    this.#setting.parent.send({ kind: "stopped" });
    this.#setting.end();
  }
}
