/**
 * The process `auth`: checks the passwords of the system's users, one after the other.
 *
 * Runs as: who started the daemon, normally root, as nobody else may read those
 * passwords; only while a listener has `auth` without a table. Holds: nothing. Talks to:
 * lookup, which has looked at who guesses; reads frames of at most a kilobyte, and
 * answers with a word. When it dies, clients are told 454 until it is started again.
 *
 * Root is refused, whatever its password: nobody sends mail as root with a password that
 * is worth that much.
 */
import type { SystemPasswords } from "#base/ports/system-passwords.ts";
import {
  MAX_SYSTEM_CHECKS,
  type SystemAnswer,
  type SystemQuestion,
} from "#model/ipc/system-auth-link.ts";
import type { ParentToChild } from "#model/ipc/parent-link.ts";
import type { Link } from "./channel.ts";
import type { Joined, RoleSetting, RunningRole, StartRole } from "./role.ts";
import { AUTH_SIDE } from "./shapes.ts";

/** Between two checks: a thousand a minute are more than any site needs. */
const PAUSE_MS = 50;

export function systemAuthRole(passwords: SystemPasswords): StartRole {
  return async (setting) => new SystemAuth(setting, passwords);
}

class SystemAuth implements RunningRole {
  readonly #setting: RoleSetting;
  readonly #passwords: SystemPasswords;

  constructor(setting: RoleSetting, passwords: SystemPasswords) {
    this.#setting = setting;
    this.#passwords = passwords;
  }

  joined(sibling: Joined): void {
    if (sibling.to === "lookup") this.#serve(sibling.open(AUTH_SIDE));
    else sibling.refuse();
  }

  parentSays(message: ParentToChild): void {
    if (message.kind !== "shutdown") return;
    this.#setting.parent.send({ kind: "stopped" });
    this.#setting.end();
  }

  #serve(channel: Link<SystemQuestion, SystemAnswer>): void {
    const waiting: SystemQuestion[] = [];
    let state: "idle" | "busy" | "closed" = "idle";
    const work = async (): Promise<void> => {
      const question = waiting.shift();
      if (question === undefined || state !== "idle") return;
      state = "busy";
      const { request, user, password } = question;
      const verdict = await this.#passwords.check(user, password);
      if (isClosed()) return;
      channel.send({ request, verdict });
      this.#setting.ports.clock.after(PAUSE_MS, () => {
        if (isClosed()) return;
        state = "idle";
        void work();
      });
    };
    const isClosed = (): boolean => state === "closed";
    channel.start({
      message(question) {
        if (waiting.length >= MAX_SYSTEM_CHECKS) channel.destroy();
        else waiting.push(question);
        if (state === "idle") void work();
      },
      closed: () => {
        state = "closed";
        waiting.length = 0;
      },
    });
  }
}
