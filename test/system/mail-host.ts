/**
 * A machine that runs the whole mail system, as smtpd(8) does, in a simulated world:
 * every process, its spool and its Maildirs, the control socket. Hosts of one world
 * find each other by its DNS.
 */
import assert from "node:assert/strict";
import type { Commands } from "#base/ports/commands.ts";
import type { PasswordHashing } from "#base/ports/password-hashing.ts";
import type { SystemPasswords } from "#base/ports/system-passwords.ts";
import type { TableFiles } from "#base/ports/table-files.ts";
import type { FilesFault } from "#model/config/config-source.ts";
import { parseConfig, type ParsedConfig } from "#model/config/parse-config.ts";
import { type MailSystem, startMailSystem } from "#processes/one-process.ts";
import type { Reloaded } from "#processes/reloads.ts";
import type { Role } from "#processes/roles.ts";
import { runSmtp } from "#programs/smtp-run.ts";
import { NOBODY_AT_THE_TERMINAL } from "#test/support/smtpctl-setting.ts";
import { runSmtpctl } from "#programs/smtpctl-run.ts";
import type { SimProcess } from "#world/sim/process.ts";
import type { SimWorld } from "#world/sim/world.ts";

/** More than any step of a test needs, but for waiting for retries. */
const STEP_MS = 10 * 60_000;

export interface HostSettings {
  /** `mail.a.example`: its server name. */
  readonly name: string;
  /** Listens on port 25 of it. */
  readonly address: string;
  readonly rules: readonly string[];
  readonly dispatchers?: number;
  /** Of `db:` tables. */
  readonly tableFiles?: TableFiles;
  /** Of `mda` actions and lists. */
  readonly commands?: Commands;
  readonly hashing?: PasswordHashing;
  readonly systemPasswords?: SystemPasswords;
  /** Who the clients of its sockets are. */
  readonly localUid?: number;
  /** Files that the configuration names, by path. */
  readonly files?: ReadonlyMap<string, string>;
}

export interface Letter {
  readonly from: string;
  readonly to: readonly string[];
  readonly text: string;
}

/** What smtp(1) said. */
export interface Sent {
  /** 0: acknowledged for every recipient. */
  readonly code: number;
  readonly lines: readonly string[];
}

export class MailHost {
  readonly log: string[] = [];
  readonly #world: SimWorld;
  readonly #settings: HostSettings;
  /** Its smtpd.conf, which a test may write anew; `listen on ADDRESS` goes before it. */
  rules: readonly string[];
  files: ReadonlyMap<string, string>;
  #parts = new Set<SimProcess>();
  #system: MailSystem | undefined;

  /** @throws if its folders cannot be made, or its configuration is wrong. */
  static async make(world: SimWorld, settings: HostSettings): Promise<MailHost> {
    const host = new MailHost(world, settings);
    const files = world.disk.files();
    for (const folder of [host.#folder, `${host.#folder}/spool`, `${host.#folder}/mail`]) {
      await files.makeFolder(folder, 0o755);
      await files.syncFolder(folder.slice(0, folder.lastIndexOf("/")) || "/");
    }
    await host.start();
    return host;
  }

  private constructor(world: SimWorld, settings: HostSettings) {
    this.#world = world;
    this.#settings = settings;
    this.rules = settings.rules;
    this.files = settings.files ?? new Map();
  }

  get running(): boolean {
    return this.#system !== undefined;
  }

  async start(): Promise<void> {
    const { name, address, dispatchers = 2 } = this.#settings;
    const { tableFiles, commands, hashing, systemPasswords, localUid } = this.#settings;
    const { config, complaints } = this.#read();
    assert.ok(config !== undefined, JSON.stringify(complaints));
    const started = startMailSystem(
      {
        users: this.#world.users,
        ...(tableFiles && { tableFiles }),
        ...(commands && { commands }),
        ...(hashing && { hashing }),
        ...(systemPasswords && { systemPasswords }),
        ...(localUid !== undefined && { localUid }),
        startPart: () => {
          const part = this.#world.startProcess();
          this.#parts.add(part);
          return part;
        },
      },
      {
        config,
        reader: { whole: async () => this.#read(), table: async () => this.#read() },
        spool: `${this.#folder}/spool`,
        controlSocket: `${this.#folder}/private/control.sock`,
        hostname: name,
        dispatchers,
        ownAddresses: [address],
        log: (line) => this.log.push(line),
      },
    );
    const system = await this.#world.clock.runUntilSettled(started, STEP_MS);
    if (typeof system === "string") throw new Error(`Cannot start ${name}: ${system}`);
    this.#system = system;
  }

  /** SIGTERM, and waits for the end. */
  async stop(): Promise<void> {
    if (this.#system === undefined) return;
    await this.#world.clock.runUntilSettled(this.#system.stop(), STEP_MS);
    this.gone();
  }

  /** kill -9 of everything at once; what was written, synced or not, is still there. */
  killAll(): void {
    for (const part of this.#parts) part.kill();
    this.gone();
  }

  /** Its processes have ended, with the power of their world for example. */
  gone(): void {
    this.#parts = new Set();
    this.#system = undefined;
  }

  /** kill -9 of one process; the daemon starts it again. */
  kill(role: Role): void {
    this.#system?.kill(role);
  }

  /** Has it take up what `rules` say, as a program does that embeds it. */
  async reload(): Promise<Reloaded> {
    const { config, complaints } = this.#read();
    assert.ok(config !== undefined, JSON.stringify(complaints));
    assert.ok(this.#system !== undefined, "it runs");
    return this.#world.clock.runUntilSettled(this.#system.reload(config), STEP_MS);
  }

  /** `smtp -s SERVER -F FROM RECIPIENT …` on another machine, in the time that passes by itself. */
  async send({ from, to, text }: Letter): Promise<Sent> {
    const lines: string[] = [];
    const { network, resolver, clock } = this.#world;
    const code = await runSmtp(
      {
        network,
        resolver,
        clock,
        tls: this.#world.tls,
        readFile: (path) => ({ why: `${path}: there are no files here` }),
        systemAuthorities: () => ({ pem: "" }),
        nonce: () => "nonce",
        hostname: "client.example",
        loginName: () => "tester",
        input: once(Buffer.from(text)),
        print: (line) => lines.push(line),
        complain: (line) => lines.push(line),
      },
      ["-s", `smtp://${this.#settings.address}`, "-F", from, ...to],
    );
    return { code, lines };
  }

  /** Sends it and lets time pass until the client has its answer. */
  submit(letter: Letter): Promise<Sent> {
    return this.#world.clock.runUntilSettled(this.send(letter), STEP_MS);
  }

  /** `smtpctl …`: what it prints. */
  async control(...words: readonly string[]): Promise<string> {
    let text = "";
    const done = runSmtpctl(words, {
      ...NOBODY_AT_THE_TERMINAL,
      network: this.#world.network,
      clock: this.#world.clock,
      stateFolder: this.#folder,
      uid: 0,
      output: {
        print: (printed) => (text += printed),
        drained: () => undefined,
        complain: (complaint) => (text += complaint),
        isTerminal: false,
      },
    });
    await this.#world.clock.runUntilSettled(done, STEP_MS);
    return text;
  }

  /** The messages in the Maildir of `user`, in no particular order. */
  async mailbox(user: string): Promise<readonly string[]> {
    const files = this.#world.disk.files();
    const folder = `${this.#folder}/mail/${user}/new`;
    let names: readonly string[];
    try {
      names = await files.list(folder);
    } catch {
      return []; // Nothing was ever delivered.
    }
    const texts: string[] = [];
    for (const name of names) {
      const path = `${folder}/${name}`;
      const file = await files.open(path, "read");
      const bytes = await file.read(0, (await files.stat(path)).bytes);
      await file.close();
      texts.push(Buffer.from(bytes).toString("latin1"));
    }
    return texts;
  }

  /** Envelopes that wait, as `smtpctl show queue` prints them. */
  async queue(): Promise<readonly string[]> {
    return (await this.control("show", "queue")).split("\n").filter((line) => line !== "");
  }

  #read(): ParsedConfig {
    const { name, address } = this.#settings;
    const text = [`listen on ${address}`, ...this.rules, ""].join("\n");
    const files = new Map([...this.files, ["smtpd.conf", text]]);
    return parseConfig(
      { file: "smtpd.conf", read: (path) => files.get(path) ?? absent(path) },
      {
        serverName: name,
        interfaces: new Map([["eth0", [address]]]),
        enqueueSocketPath: `/${name}/enqueue.sock`,
        macros: new Map(),
      },
    );
  }

  get #folder(): string {
    return `/${this.#settings.name}`;
  }
}

/** Local mail to Maildirs of the user "vmail", everything else by MX. */
export function domainRules(name: string, domain: string): readonly string[] {
  return [
    `action "local" maildir "/${name}/mail/%{dest.user}" user vmail`,
    'action "out" relay',
    `match from any for domain "${domain}" action "local"`,
    'match from any for any action "out"',
  ];
}

export const VMAIL = { name: "vmail", uid: 500, gid: 500, home: "/home/vmail" } as const;

function absent(path: string): FilesFault {
  return { kind: "files-fault", code: "ENOENT", message: `no such file: ${path}` };
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
