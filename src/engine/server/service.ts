/**
 * What the sessions of one listener share: whom they ask, whom they tell, and how
 * they are to serve.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Random } from "#base/ports/random.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import type { Listener } from "#model/config/config.ts";
import type { Observe } from "#model/events.ts";
import type { Intake } from "#model/intake.ts";
import type { Routing } from "#model/resolution.ts";
import type { SessionLimits } from "./limits.ts";
import type { ReverseNames } from "./reverse-names.ts";

/** Ports and parties of the whole server. */
export interface ServerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly resolver: Resolver;
  readonly routing: Routing;
  readonly intake: Intake;
  readonly observe: Observe;
}

export interface ServerSettings {
  readonly protocol: "smtp" | "lmtp";
  readonly maxMessageBytes: number;
  readonly maxRecipients: number;
  readonly maxMailsPerSession: number;
  readonly limits: SessionLimits;
}

/** What a session needs, made once for each listener. */
export interface Service extends Omit<ServerDeps, "resolver"> {
  readonly listener: Listener;
  readonly settings: ServerSettings;
  readonly reverseNames: ReverseNames;
}
