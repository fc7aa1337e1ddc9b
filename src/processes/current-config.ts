/** A configuration that the daemon works by, and its slices as the children get them. */
import type { Config } from "#model/config/config.ts";
import { oauthsInUse } from "#model/config/oauths-in-use.ts";
import { serialiseConfig } from "#model/config/serialise.ts";
import { configSlice } from "./config-slice.ts";
import type { Role } from "./roles.ts";

export class CurrentConfig {
  readonly config: Config;
  /** Counts the configurations of this daemon. */
  readonly generation: number;
  /** Made when they are first wanted: agents may come and go often. */
  readonly #slices = new Map<Role, Uint8Array>();

  constructor(config: Config, generation: number) {
    this.config = config;
    this.generation = generation;
  }

  slice(role: Role): Uint8Array {
    const made = this.#slices.get(role);
    if (made !== undefined) return made;
    const slice = serialiseConfig(configSlice(this.config, role));
    this.#slices.set(role, slice);
    return slice;
  }

  /** Whether a table is not in memory, there are secrets, of clients or of relays, or policies to fetch: they have a process. */
  get needsLookup(): boolean {
    const { tables, listeners, actions } = this.config;
    return (
      this.config.mtaSts ||
      this.config.tlsReports !== undefined ||
      [...actions.values()].some(
        (action) => action.kind === "relay" && action.auth !== undefined,
      ) ||
      [...tables.values()].some(({ source }) => source.kind === "db") ||
      listeners.some(({ auth }) => auth.mode !== "none")
    );
  }

  /** Whether a listener has tokens judged by their issuer, who is somewhere in the network. */
  get asksIssuers(): boolean {
    return oauthsInUse(this.config).size > 0;
  }

  /** Whether there is a UNIX-domain socket, whose clients have users to be named. */
  get hasSockets(): boolean {
    return this.config.listeners.some(({ endpoint }) => endpoint.kind === "unix");
  }

  /** Whether a listener has the passwords of the system's users checked. */
  get needsSystemUsers(): boolean {
    return this.config.listeners.some(
      ({ auth }) => auth.mode !== "none" && auth.passwords.kind === "system",
    );
  }
}
