/**
 * The passwords of this machine's users: by PAM where there is PAM, else by shadow(5) and
 * crypt(3). Root is refused, by whichever of its names.
 *
 * Needs root's rights. Source: shadow(5); OpenSMTPD smtp_session.c (getpwnam and crypt).
 */
import { readFile } from "node:fs/promises";
import { timingSafeEqual } from "node:crypto";
import type { PasswordVerdict, SystemPasswords } from "#base/ports/system-passwords.ts";
import type { Users } from "#base/ports/users.ts";
import { crypt } from "./crypt.ts";
import { loadPam } from "./pam.ts";

const SHADOW = "/etc/shadow";
const DAY_MS = 86_400_000;
/** Checked in place of the hash of a user that has none. */
const NO_HASH = `$6$postrider$${"0".repeat(86)}`;

type Check = (user: string, password: string) => Promise<PasswordVerdict>;

export function nodeSystemPasswords(users: Users): SystemPasswords {
  let loading: Promise<Check> | undefined;
  return {
    async check(name, password) {
      const user = await users.lookup(name);
      if (user.kind === "unavailable") return "unavailable";
      loading ??= load();
      const check = await loading;
      const verdict = await check(name, password);
      // Asked first all the same: it takes as long.
      return user.kind === "found" && user.value.uid !== 0 ? verdict : "refused";
    },
  };
}

async function load(): Promise<Check> {
  const pam = await loadPam();
  if (pam !== undefined) return async (user, password) => pam(user, password);
  return (user, password) => checkShadow(SHADOW, user, password);
}

/** @param path of a file in the form of shadow(5). */
export async function checkShadow(
  path: string,
  user: string,
  password: string,
): Promise<PasswordVerdict> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch {
    return "unavailable";
  }
  const line = text.split("\n").find((each) => each.startsWith(`${user}:`));
  const [, hash = "", , , , , , expires = ""] = line?.split(":") ?? [];
  const isUsable = hash.startsWith("$") && !isOver(expires);
  const made = await crypt(password, isUsable ? hash : NO_HASH);
  if (made.kind === "unavailable") return "unavailable";
  if (made.kind === "absent" || !isUsable) return "refused";
  return isEqual(made.value, hash) ? "accepted" : "refused";
}

/** Days since 1970; "" is never. */
function isOver(expires: string): boolean {
  return expires !== "" && Date.now() / DAY_MS >= Number(expires);
}

function isEqual(one: string, other: string): boolean {
  const [first, second] = [Buffer.from(one), Buffer.from(other)];
  return first.length === second.length && timingSafeEqual(first, second);
}
