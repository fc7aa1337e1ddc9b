/** Users of the system without whom the daemon of root cannot start. */
import type { User, Users } from "#base/ports/users.ts";

/** The string says, in one line, why there is none. */
export async function neededUser(users: Users, name: string): Promise<User | string> {
  const answer = await users.lookup(name);
  if (answer.kind === "found") {
    const { uid, gid } = answer.value;
    // It would be one more root, with a name that says otherwise.
    return uid === 0 || gid === 0 ? `user ${name} has root's number` : answer.value;
  }
  return answer.kind === "absent"
    ? `user ${name} does not exist: run tools/install-users`
    : `cannot look up user ${name}: ${answer.cause.message}`;
}
