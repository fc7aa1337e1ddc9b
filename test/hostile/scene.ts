/**
 * A whole mail system in one process for hostile tests: server, ruleset and queue as
 * the daemon joins them, over the simulated network and on virtual time.
 *
 * Mail for example.test is delivered locally, whoever sends it; nobody may relay but
 * sockets of the machine. The carrier takes everything and remembers it, unless the
 * test gives another one.
 */
import assert from "node:assert/strict";
import type { Endpoint } from "#base/endpoint.ts";
import type { Connection } from "#base/ports/network.ts";
import type { TlsServer } from "#base/ports/tls.ts";
import type { Users } from "#base/ports/users.ts";
import { parseConfig } from "#model/config/parse-config.ts";
import type { Config } from "#model/config/config.ts";
import type { Carrier } from "#model/delivery.ts";
import type { Event } from "#model/events.ts";
import { createRouting } from "#policy/ruleset/routing.ts";
import { Observer } from "#engine/observe/observer.ts";
import { createQueue, DEFAULT_QUEUE_SETTINGS, type Queue } from "#engine/queue/queue.ts";
import type { SessionLimits } from "#engine/server/limits.ts";
import { SmtpServer } from "#engine/server/smtp-server.ts";
import { RamSpool } from "#engine/spool/ram-spool.ts";
import { SimWorld } from "#world/sim/world.ts";
import { HostileClient } from "./client.ts";
import type { StoredMessage } from "./judge.ts";

/** Longer than any test, in simulated time. */
export const LONG_MS = 86_400_000;

/** What the daemon of the interop tests runs with, too; a bare `postmaster` is at `serverName`. */
export function rulesOf(serverName: string): readonly string[] {
  return [
    `match from any for domain { "example.test", "${serverName}" } action "deliver"`,
    'match from socket for any action "out"',
  ];
}

const SERVER_NAME = "mx.example.test";
const SERVER: Endpoint = { kind: "tcp", host: "192.0.2.1", port: 25 };
const CONFIGURATION: readonly string[] = [
  "listen on 192.0.2.1",
  'action "deliver" maildir "/mail/%{dest.user}" user "mail"',
  'action "out" relay',
  ...rulesOf(SERVER_NAME),
];

export interface SceneSettings {
  readonly lines?: readonly string[];
  readonly limits?: SessionLimits;
  readonly users?: Users;
  /** What every listener has. */
  readonly tls?: (world: SimWorld) => TlsServer;
  readonly carrier?: (world: SimWorld, config: Config, observe: (event: Event) => void) => Carrier;
}

export class Scene {
  readonly world: SimWorld;
  readonly config: Config;
  readonly server: SmtpServer;
  readonly queue: Queue;
  readonly events: Event[] = [];
  readonly log: string[] = [];
  readonly spool: RamSpool = new RamSpool();
  readonly stored: StoredMessage[] = [];

  private constructor(seed: number, settings: SceneSettings) {
    this.world = new SimWorld(seed, { network: { latencyMs: 1, chunkBytes: "whole" } });
    const { clock, random, resolver } = this.world;
    this.config = configOf(settings.lines ?? CONFIGURATION);
    const observer = new Observer((line) => this.log.push(line), true);
    const observe = (event: Event): void => {
      this.events.push(event);
      observer.observe(event);
      if (event.kind === "smtp-message") void this.#remember(event);
    };
    const routing = createRouting(this.config, { users: settings.users ?? this.world.users });
    const carrier = settings.carrier?.(this.world, this.config, observe) ?? TAKES_ALL;
    this.queue = createQueue(
      { spool: this.spool, clock, random, routing, carrier, observe },
      {
        ...DEFAULT_QUEUE_SETTINGS,
        serverName: this.config.serverName,
        actions: this.config.actions,
      },
    );
    const tls = settings.tls?.(this.world);
    this.server = new SmtpServer(
      { clock, random, resolver },
      { ...this.config, ...(settings.limits && { limits: settings.limits }) },
      { routing, intake: this.queue.localIntake(), observe, tlsOf: () => tls },
    );
  }

  static async start(seed = 1, settings: SceneSettings = {}): Promise<Scene> {
    const scene = new Scene(seed, settings);
    const { config, world, server } = scene;
    for (const listener of config.listeners) {
      const listening = await world.network.listen(listener.endpoint, (connection) =>
        server.accept(connection, listener),
      );
      assert.ok(!("code" in listening), "the simulated network listens");
    }
    return scene;
  }

  /** A client at `source`, an address of the outside. */
  async client(source = "198.51.100.7"): Promise<HostileClient> {
    return new HostileClient(await this.connection(source), this.world.clock);
  }

  async connection(source = "198.51.100.7", to: Endpoint = SERVER): Promise<Connection> {
    const options = { timeoutMs: 1000, sourceAddress: source };
    const opened = await this.run(this.world.network.connect(to, options));
    assert.ok(!("code" in opened), "the simulated network connects");
    return opened;
  }

  /** Lets virtual time pass until `promise` is settled. */
  run<Value>(promise: Promise<Value>): Promise<Value> {
    return this.world.clock.runUntilSettled(promise, LONG_MS);
  }

  /** Sends one message as an honest client, and returns the reply to it. */
  async sendsMail(source = "198.51.100.99"): Promise<string> {
    const client = await this.client(source);
    const reply = await this.run(client.sendMessage("Subject: good\r\n\r\ngood\r\n"));
    client.leave();
    return reply;
  }

  /** The kept text is looked at before delivery may forget it. */
  async #remember(event: Event & { readonly kind: "smtp-message" }): Promise<void> {
    const { message, envelopes } = event;
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.spool.text(message.msgid).chunks()) chunks.push(chunk);
    this.stored.push({
      reversePath: message.reversePath,
      forwardPaths: envelopes.map(({ forwardPath }) => forwardPath),
      text: Buffer.concat(chunks).toString("latin1"),
    });
  }
}

const TAKES_ALL: Carrier = {
  attempt: async ({ envelopes }) =>
    envelopes.map(({ evpid }) => ({
      evpid,
      outcome: "delivered",
      status: "2.0.0",
      diagnostic: "Delivered",
      remote: "",
    })),
};

function configOf(lines: readonly string[]): Config {
  const read = (): string => `${lines.join("\n")}\n`;
  const { config, complaints } = parseConfig(
    { file: "smtpd.conf", read },
    {
      serverName: SERVER_NAME,
      interfaces: new Map(),
      enqueueSocketPath: "/run/enqueue.sock",
      macros: new Map(),
    },
  );
  assert.ok(config !== undefined, complaints.map(({ message }) => message).join("\n"));
  return config;
}
