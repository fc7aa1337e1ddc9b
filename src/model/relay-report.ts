/**
 * What a dispatcher says of its relaying: hosts, routes, relays and their connectors, and
 * what domains said last. `smtpctl show hosts|hoststats|relays|routes` show it, of all
 * dispatchers together.
 *
 * Times are whole wall-clock milliseconds; 0: never, or not. The words of flags and waits are
 * OpenSMTPD's. Source: smtpctl(8); OpenSMTPD mta.c (mta_relay_show, mta_route_to_text).
 */
import { bool, type Codec, list, oneOf, struct, text, u32, u53, union } from "#base/codec.ts";
import { MAX_DIAGNOSTIC_BYTES } from "./delivery.ts";
import { MAX_NAME_BYTES } from "./envelope.ts";

/** Of one kind, from one dispatcher; more are counted. */
export const MAX_REPORTED = 5000;
/** Of one relay: sources that it uses. */
export const MAX_CONNECTORS = 256;
/** Blocks at once: an operator types each of them. */
export const MAX_BLOCKS = 1000;

/** What went wrong the last time; `atMs` 0 and no reason: nothing has. */
export interface LastFailure {
  readonly atMs: number;
  /** The far side's words, or ours. */
  readonly reason: string;
}

export const NO_FAILURE: LastFailure = Object.freeze({ atMs: 0, reason: "" });

/** One address of a server. */
export interface HostReport {
  readonly address: string;
  /** By which it was found, or "". */
  readonly name: string;
  /** Routes to it that are known. */
  readonly references: number;
  readonly connections: number;
  readonly lastConnectionAtMs: number;
  readonly lastFailure: LastFailure;
  /** How the last connection was secured: `TLSv1.3 TLS_AES_256_GCM_SHA384 verified`, or "". */
  readonly tls: string;
}

/** What a domain's servers said last. */
export interface DomainReport {
  readonly domain: string;
  readonly atMs: number;
  readonly status: string;
}

/** From one of our addresses ("": any) to one of a server's. */
export interface RouteReport {
  /** From 1, within the dispatcher. */
  readonly id: number;
  readonly source: string;
  readonly address: string;
  readonly name: string;
  /** No connection of it has gone well yet. */
  readonly isNew: boolean;
  /** It is not used until `untilMs`, for its failures. */
  readonly isDisabled: boolean;
  readonly isKept: boolean;
  readonly connections: number;
  readonly errors: number;
  readonly penalty: number;
  readonly lastConnectionAtMs: number;
  readonly lastFailure: LastFailure;
  /** When its state changes by itself; 0: not. */
  readonly untilMs: number;
}

const CONNECTOR_FLAGS = [
  "NEW",
  "WAIT",
  "ERROR_FAMILY",
  "ERROR_SOURCE",
  "ERROR_MX",
  "ERROR_ROUTE_NET",
  "ERROR_ROUTE_SMTP",
  "ERROR_BLOCKED",
  "LIMIT_HOST",
  "LIMIT_ROUTE",
  "LIMIT_SOURCE",
  "LIMIT_RELAY",
  "LIMIT_CONN",
  "LIMIT_DOMAIN",
  "LIMIT_ALL",
] as const;
export type ConnectorFlag = (typeof CONNECTOR_FLAGS)[number];
/** A limit that is reached. Of OpenSMTPD, but for LIMIT_ALL: that of all connections. */
export type LimitFlag = Extract<ConnectorFlag, `LIMIT_${string}`>;

/** One of our addresses, as a relay uses it. */
export interface ConnectorReport {
  readonly source: string;
  readonly references: number;
  readonly connections: number;
  readonly lastConnectionAtMs: number;
  readonly untilMs: number;
  readonly flags: readonly ConnectorFlag[];
}

const RELAY_WAITS = ["MX", "preference", "secret", "limits", "source", "connector"] as const;
type RelayWait = (typeof RELAY_WAITS)[number];

const RELAY_SCHEMES = ["smtp", "smtp+tls", "smtps", "smtp+notls", "lmtp"] as const;
export type RelaySchemeName = (typeof RELAY_SCHEMES)[number];

/** All that an action has under way for one domain, or by one of its hosts. */
export interface RelayReport {
  readonly action: string;
  /** The domain, or the host that the action names. */
  readonly domain: string;
  /** 0: that of the scheme. */
  readonly port: number;
  readonly scheme: RelaySchemeName;
  /** `TABLE:LABEL`, or "". */
  readonly auth: string;
  readonly pki: string;
  /** It was not looked up: the configuration names the host. */
  readonly isHost: boolean;
  /** The name that the action is a backup for, or "". */
  readonly backup: string;
  readonly sourceTable: string;
  readonly heloTable: string;
  readonly heloName: string;
  readonly references: number;
  /** Transactions under way, and those that wait for a connection. */
  readonly tasks: number;
  readonly connections: number;
  readonly lastConnectionAtMs: number;
  readonly untilMs: number;
  readonly waits: readonly RelayWait[];
  readonly connectors: readonly ConnectorReport[];
}

/** `domain` "": all domains. */
export interface RelayBlock {
  readonly source: string;
  readonly domain: string;
}

const RELAY_QUESTIONS = ["hosts", "domains", "routes", "relays"] as const;
export type RelayQuestion = (typeof RELAY_QUESTIONS)[number];

/** One answer; `leftOut`: so many there are beside. */
export type RelayAnswer =
  | { readonly kind: "hosts"; readonly hosts: readonly HostReport[]; readonly leftOut: number }
  | {
      readonly kind: "domains";
      readonly domains: readonly DomainReport[];
      readonly leftOut: number;
    }
  | { readonly kind: "routes"; readonly routes: readonly RouteReport[]; readonly leftOut: number }
  | { readonly kind: "relays"; readonly relays: readonly RelayReport[]; readonly leftOut: number };

/** What answers, and is told, in a dispatcher. */
export interface RelayState {
  /** MAX_REPORTED at most. */
  report(question: RelayQuestion): RelayAnswer;
  /** False: there is no such route, or it was not disabled. */
  resumeRoute(id: number): boolean;
  /** All that there are from now on. */
  block(blocks: readonly RelayBlock[]): void;
}

const name: Codec<string> = text(MAX_NAME_BYTES);
const words: Codec<string> = text(MAX_DIAGNOSTIC_BYTES);

const failureCodec: Codec<LastFailure> = struct<LastFailure>({ atMs: u53, reason: words });

const hostCodec: Codec<HostReport> = struct<HostReport>({
  address: name,
  name,
  references: u32,
  connections: u32,
  lastConnectionAtMs: u53,
  lastFailure: failureCodec,
  tls: name,
});

const domainCodec: Codec<DomainReport> = struct<DomainReport>({
  domain: name,
  atMs: u53,
  status: words,
});

const routeCodec: Codec<RouteReport> = struct<RouteReport>({
  id: u53,
  source: name,
  address: name,
  name,
  isNew: bool,
  isDisabled: bool,
  isKept: bool,
  connections: u32,
  errors: u32,
  penalty: u32,
  lastConnectionAtMs: u53,
  lastFailure: failureCodec,
  untilMs: u53,
});

const connectorCodec: Codec<ConnectorReport> = struct<ConnectorReport>({
  source: name,
  references: u32,
  connections: u32,
  lastConnectionAtMs: u53,
  untilMs: u53,
  flags: list(oneOf(CONNECTOR_FLAGS), CONNECTOR_FLAGS.length),
});

const relayCodec: Codec<RelayReport> = struct<RelayReport>({
  action: name,
  domain: name,
  port: u32,
  scheme: oneOf(RELAY_SCHEMES),
  auth: name,
  pki: name,
  isHost: bool,
  backup: name,
  sourceTable: name,
  heloTable: name,
  heloName: name,
  references: u32,
  tasks: u32,
  connections: u32,
  lastConnectionAtMs: u53,
  untilMs: u53,
  waits: list(oneOf(RELAY_WAITS), RELAY_WAITS.length),
  connectors: list(connectorCodec, MAX_CONNECTORS),
});

export const relayQuestionCodec: Codec<RelayQuestion> = oneOf(RELAY_QUESTIONS);

export const relayAnswerCodec: Codec<RelayAnswer> = union<RelayAnswer>({
  hosts: [1, { hosts: list(hostCodec, MAX_REPORTED), leftOut: u53 }],
  domains: [2, { domains: list(domainCodec, MAX_REPORTED), leftOut: u53 }],
  routes: [3, { routes: list(routeCodec, MAX_REPORTED), leftOut: u53 }],
  relays: [4, { relays: list(relayCodec, MAX_REPORTED), leftOut: u53 }],
});

export const relayBlockCodec: Codec<RelayBlock> = struct<RelayBlock>({
  source: name,
  domain: name,
});
export const relayBlocksCodec: Codec<readonly RelayBlock[]> = list(relayBlockCodec, MAX_BLOCKS);
