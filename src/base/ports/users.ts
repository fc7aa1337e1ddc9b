/** System users, as passwd(5) describes them. */
import type { Lookup } from "#base/lookup.ts";

export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

export interface Users {
  lookup(name: string): Promise<Lookup<User>>;
}

/** The same by number: whose a file is, who has connected. */
export interface UsersByUid {
  lookupUid(uid: number): Promise<Lookup<User>>;
}
