/**
 * A daemon that takes local mail, and users of this machine who write into its drop folder, with
 * it or without it. Mail for NAME@example.test is in the folder NAME.
 */
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { until } from "./greeting.ts";
import { KillableDaemon } from "./killable-daemon.ts";
import { MAIL_USER, type Scratch } from "./scratch.ts";

const DROP = new URL("offline-drop.ts", import.meta.url).pathname;

export interface TestUser {
  readonly uid: number;
  readonly gid: number;
}

/** Of Debian's base system, with no rights of their own. */
export const GAMES: TestUser = { uid: 5, gid: 60 };
export const WWW: TestUser = { uid: 33, gid: 33 };
export const ROOT: TestUser = { uid: 0, gid: 0 };

export class OfflineScene {
  readonly folder: string;
  readonly state: string;
  readonly #scratch: Scratch;
  readonly #mail: string;
  #daemon: KillableDaemon | undefined;

  constructor(scratch: Scratch) {
    this.#scratch = scratch;
    this.state = `${scratch.folder}/state`;
    this.folder = `${this.state}/offline`;
    this.#mail = scratch.mailFolder("mail");
  }

  async start(): Promise<void> {
    this.#daemon ??= await KillableDaemon.make(this.#scratch, {
      rules: [
        "listen on socket",
        `action "d" maildir "${this.#mail}/%{dest.user}" user "${MAIL_USER}"`,
        'match from any for domain "example.test" action "d"',
      ],
    });
    await this.#daemon.start();
  }

  async stop(): Promise<void> {
    await this.#daemon?.[Symbol.asyncDispose]();
  }

  /** All of its processes, at once. */
  async kill(): Promise<void> {
    await this.#daemon?.kill();
  }

  /** Of all its lives. */
  get log(): string {
    return this.#daemon?.log ?? "";
  }

  get names(): readonly string[] {
    return readdirSync(this.folder).toSorted();
  }

  /** What has arrived for NAME@example.test. */
  arrivedFor(name: string): readonly string[] {
    const box = `${this.#mail}/${name}/new`;
    return existsSync(box)
      ? readdirSync(box).map((each) => readFileSync(`${box}/${each}`, "latin1"))
      : [];
  }

  /** How many folders there are of recipients. */
  get recipients(): readonly string[] {
    return readdirSync(this.#mail).toSorted();
  }

  /** Drops mail of `user` for NAME@example.test. */
  drop(user: TestUser, name: string, count = 1): void {
    this.dropFor(user, `${name}@example.test`, count);
  }

  /** Drops mail of `user` for anybody. */
  dropFor(user: TestUser, address: string, count = 1): void {
    const args = [this.folder, "a@example.test", String(count), address];
    const { stdout, stderr } = this.as(user, [process.execPath, DROP, ...args]);
    if (stdout.trim() !== "dropped") throw new Error(`Cannot drop mail: ${stdout}${stderr}`);
  }

  /** Runs `command` as `user`, with `input`. */
  as(
    { uid, gid }: TestUser,
    [program = "", ...args]: readonly string[],
    input = "",
  ): SpawnSyncReturns<string> {
    return spawnSync(program, args, {
      uid,
      gid,
      cwd: "/",
      encoding: "utf8",
      timeout: 30_000,
      input,
    });
  }

  /** Runs a line of the shell as `user` in the drop folder. */
  shell(user: TestUser, line: string): SpawnSyncReturns<string> {
    return this.as(user, ["/bin/sh", "-c", `cd '${this.folder}' && ${line}`]);
  }

  /** Once mail of another that was dropped now is there, what was in the folder before was seen. */
  async isSeen(marker: string): Promise<void> {
    this.drop(GAMES, marker);
    await until(() => this.arrivedFor(marker).length === 1, `mail for ${marker}`);
  }
}

/** The first lines of a file in the drop folder, which `change` is made to. */
export function headOf(change: Readonly<Record<string, unknown>> = {}): string {
  const terms = {
    reversePath: "evil@example.test",
    forwardPaths: ["evil@example.test"],
    envelopeId: "",
    is8bit: false,
    ...change,
  };
  return `postrider-mail 1 00000000\n${JSON.stringify(terms)}\n`;
}

export const EVIL_TEXT = "Subject: evil\r\n\r\nevil\r\n";
