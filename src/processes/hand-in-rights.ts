/**
 * With whose rights a user's offline mail is handed in, and why that of some is not: its files
 * are opened by nobody who could read more than their owner.
 */
import type { UsersByUid } from "#base/ports/users.ts";
import type { Account } from "./child.ts";
import type { HandInOrder } from "./hand-in-order.ts";

const ROOT_UID = 0;
const ROOT_GID = 0;

/** Who looks into the drop folder; only root starts processes of others, and has its own mail handed in as somebody else. */
export type Looker =
  | { readonly kind: "root"; readonly becomes: Account }
  | { readonly kind: "user"; readonly uid: number };

export interface HandInPolicy {
  readonly looker: Looker;
  /** The users of the daemon's processes: what they were taken over for is not carried out. */
  readonly daemonUids: ReadonlySet<number>;
}

/** For the files `names` of `uid`, or the first of them; the string says why nobody hands them in. */
export async function handInOrder(
  { looker, daemonUids }: HandInPolicy,
  users: UsersByUid,
  uid: number,
  names: readonly string[],
): Promise<HandInOrder | string> {
  if (looker.kind === "user") {
    if (uid !== looker.uid) return "only root hands in what belongs to others";
    const answer = await users.lookupUid(uid);
    const login = answer.kind === "found" ? answer.value.name : undefined;
    return { name: login ?? `uid ${uid}`, login, rights: { kind: "same" }, names };
  }
  if (uid === ROOT_UID) {
    // One at a time: the exit code of its process is about one.
    const rights = { kind: "root", becomes: looker.becomes } as const;
    return { name: "root", login: "root", rights, names: names.slice(0, 1) };
  }
  if (daemonUids.has(uid)) return "it is a user of the daemon";
  const answer = await users.lookupUid(uid);
  if (answer.kind === "unavailable") return answer.cause.message;
  if (answer.kind === "absent") return "there is no such user";
  const { name, gid } = answer.value;
  if (gid === ROOT_GID) return "its group is root's";
  return { name, login: name, rights: { kind: "owner", account: { uid, gid } }, names };
}
