/**
 * What the sessions of one listener share: whom they ask, whom they tell, and how
 * they are to serve.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Connection } from "#base/ports/network.ts";
import type { Random } from "#base/ports/random.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import type { ServiceRules } from "#protocols/smtp/service.ts";
import type { Authenticator } from "#model/authentication.ts";
import type { Listener } from "#model/config/config.ts";
import type { Observe } from "#model/events.ts";
import type { Intake } from "#model/intake.ts";
import type { Routing } from "#model/resolution.ts";
import { authRules } from "./auth-offer.ts";
import type { SessionLimits } from "./limits.ts";
import { offeredExtensions } from "./offered-extensions.ts";
import type { ReverseNames } from "./reverse-names.ts";

export interface ServerPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly resolver: Resolver;
}

/** Whom the server asks, and whom it tells. */
export interface ServerParties {
  readonly routing: Routing;
  readonly intake: Intake;
  readonly observe: Observe;
  /** Needed where a listener has `auth`. */
  readonly authenticator?: Authenticator;
}

/** A `Config` is one. */
export interface ServerSettings {
  readonly maxMessageBytes: number;
  readonly maxRecipients: number;
  readonly maxMailsPerSession: number;
  /** "smtp" if left out. */
  readonly protocol?: "smtp" | "lmtp";
  /** DEFAULT_LIMITS if left out. */
  readonly limits?: SessionLimits;
}

/** What a session needs, made once for each listener. */
export interface Service extends ServerParties {
  readonly clock: Clock;
  readonly random: Random;
  readonly listener: Listener;
  readonly settings: Required<ServerSettings>;
  readonly reverseNames: ReverseNames;
}

/** The rules by which the machine serves the client at the other end of `connection`. */
export function serviceRules(
  { remote }: Connection,
  { settings, listener }: Service,
): ServiceRules {
  return {
    serverName: listener.hostname,
    protocol: settings.protocol,
    clientAddress: remote.kind === "unix" ? "[local]" : `[${remote.host}]`,
    maxMessageBytes: settings.maxMessageBytes,
    maxRecipients: settings.maxRecipients,
    maxMails: settings.maxMailsPerSession,
    maxBadCommands: settings.limits.maxBadCommands,
    maxUnknownRecipients: settings.limits.maxUnknownRecipients,
    maxIdleCommands: settings.limits.maxIdleCommands,
    maxFailedLogins: settings.limits.maxFailedLogins,
    auth: authRules(listener, remote.kind === "unix" ? "local" : "none", ""),
    extensions: offeredExtensions(listener, {
      isTrusted: remote.kind === "unix",
      isSecured: false,
    }),
    tls: "none",
  };
}
