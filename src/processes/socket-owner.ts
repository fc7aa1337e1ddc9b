/**
 * Owner and group of a listener's UNIX-domain socket: names of the configuration,
 * looked up by the parent before it binds. The string says what stands in the way.
 */
import type { Lookup } from "#base/lookup.ts";
import type { Users } from "#base/ports/users.ts";
import type { Listener } from "#model/config/listener.ts";

/** For chown(2); -1 leaves one of them as it is. */
export interface SocketOwner {
  readonly uid: number;
  readonly gid: number;
}

export interface Accounts {
  readonly users: Users;
  /** The gid of a group. */
  readonly group: (name: string) => Promise<Lookup<number>>;
}

/** Undefined: the socket stays with who makes it. */
export async function socketOwner(
  listener: Listener,
  { users, group }: Accounts,
): Promise<SocketOwner | string | undefined> {
  const { socketUser, socketGroup } = listener;
  if (socketUser === undefined && socketGroup === undefined) return undefined;
  let uid = -1;
  let gid = -1;
  if (socketUser !== undefined) {
    const answer = await users.lookup(socketUser);
    if (answer.kind !== "found") return noAnswer("user", socketUser, answer);
    uid = answer.value.uid;
  }
  if (socketGroup !== undefined) {
    const answer = await group(socketGroup);
    if (answer.kind !== "found") return noAnswer("group", socketGroup, answer);
    gid = answer.value;
  }
  return { uid, gid };
}

function noAnswer(
  what: "user" | "group",
  name: string,
  answer: Exclude<Lookup<unknown>, { readonly kind: "found" }>,
): string {
  if (answer.kind === "absent") return `${what} ${name} does not exist`;
  return `cannot look up ${what} ${name}: ${answer.cause.message}`;
}
