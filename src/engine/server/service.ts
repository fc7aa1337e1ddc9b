/**
 * What the sessions of one listener share: whom they ask, whom they tell, and how
 * they are to serve.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Random } from "#base/ports/random.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import type { TlsFacts, TlsServer } from "#base/ports/tls.ts";
import type { ServiceRules } from "#protocols/smtp/service.ts";
import type { AskTable } from "#model/config/ask-table.ts";
import type { Authenticator, SenderRules } from "#model/authentication.ts";
import type { Listener } from "#model/config/listener.ts";
import type { Observe } from "#model/events.ts";
import type { Intake } from "#model/intake.ts";
import type { Routing } from "#model/resolution.ts";
import { authRules } from "./auth-offer.ts";
import type { SessionLimits } from "./limits.ts";
import { offeredExtensions } from "./offered-extensions.ts";
import type { SessionEnds } from "./session-ends.ts";
import type { PressureGauge } from "./pressure.ts";
import type { ReverseNames } from "./reverse-names.ts";
import type { SourceRates } from "./source-rates.ts";
import { tlsRules } from "./session-tls.ts";

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
  /** Needed where a listener has TLS. */
  readonly tlsOf?: (listener: Listener) => TlsServer | undefined;
  /** Needed where a listener has `hostnames`, `proxy` or `xclient`. */
  readonly askTable?: AskTable;
  /** Needed where a listener has `senders`. */
  readonly senders?: SenderRules;
}

/** A `Config` is one. */
export interface ServerSettings {
  readonly maxMessageBytes: number;
  readonly maxRecipients: number;
  readonly maxMailsPerSession: number;
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
  /** How often each user of this machine has sent of late. */
  readonly userMessages: SourceRates;
  /** Who clients have authenticated as before they say a word: for an explanation. */
  readonly assumedUser?: string;
  /** The TLS that they have then. */
  readonly assumedTls?: TlsFacts;
  /** Undefined of a listener without TLS. */
  readonly tls: TlsServer | undefined;
  readonly pressure: PressureGauge;
}

/** What a client has come to be, as far as the rules depend on it. */
export interface ClientState {
  /** Of the TLS under way; undefined in the clear. */
  readonly tls: TlsFacts | undefined;
  /** Who it has shown to be, or "". */
  readonly user: string;
  /** A client of this machine, or one that has authenticated. */
  readonly isOurs: boolean;
}

/** The rules by which the machine serves the client at the other end. */
export function serviceRules(
  { remote, serverName, speaksForOthers }: SessionEnds,
  { clock, settings, listener }: Service,
  { tls, user, isOurs }: ClientState,
): ServiceRules {
  return {
    serverName,
    protocol: listener.protocol,
    clientAddress: remote.kind === "unix" ? "[local]" : `[${remote.host}]`,
    maxMessageBytes: settings.maxMessageBytes,
    maxRecipients: settings.maxRecipients,
    maxMails: settings.maxMailsPerSession,
    maxBadCommands: settings.limits.maxBadCommands,
    maxUnknownRecipients: settings.limits.maxUnknownRecipients,
    maxIdleCommands: settings.limits.maxIdleCommands,
    maxFailedLogins: settings.limits.maxFailedLogins,
    auth: authRules(listener, tls ?? (remote.kind === "unix" ? "local" : "none"), user),
    extensions: offeredExtensions(listener, {
      isOurs,
      isSecured: tls !== undefined,
      speaksForOthers,
      nowMs: clock.wallMs(),
    }),
    tls: tlsRules(listener, tls),
  };
}
