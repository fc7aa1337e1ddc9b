/** System users as a map. */
import { ABSENT, found, type Lookup } from "#base/lookup.ts";
import type { User, Users, UsersByUid } from "#base/ports/users.ts";

export class SimUsers implements Users, UsersByUid {
  readonly #users: Map<string, User>;
  #failure: Error | undefined;

  constructor(users: readonly User[] = []) {
    this.#users = new Map(users.map((user) => [user.name, user]));
  }

  set(user: User): void {
    this.#users.set(user.name, user);
  }

  delete(name: string): void {
    this.#users.delete(name);
  }

  /** From now on every look-up is "unavailable" for this reason; undefined ends that. */
  fail(cause: Error | undefined): void {
    this.#failure = cause;
  }

  async lookup(name: string): Promise<Lookup<User>> {
    if (this.#failure !== undefined) return { kind: "unavailable", cause: this.#failure };
    const user = this.#users.get(name);
    return user === undefined ? ABSENT : found(user);
  }

  async lookupUid(uid: number): Promise<Lookup<User>> {
    if (this.#failure !== undefined) return { kind: "unavailable", cause: this.#failure };
    const user = [...this.#users.values()].find((each) => each.uid === uid);
    return user === undefined ? ABSENT : found(user);
  }
}
