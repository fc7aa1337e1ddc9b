/**
 * Explains what would become of a message that does not exist: which listener takes it,
 * what its client is told, which rule decides and why not the ones before it, and where
 * each envelope would go. Changes nothing: no connection, no envelope, no log line.
 *
 * The decisions are not judged anew here. The server's own session is rehearsed with
 * the ruleset that is given (rehearsal.ts), and the way out is what delivery would use
 * (way-out.ts).
 */
import { found } from "#base/lookup.ts";
import { formatEndpoint, type LocalUser, type Peer } from "#base/endpoint.ts";
import { parseIpAddress } from "#base/ip-address.ts";
import { isHostName } from "#protocols/mail/domain.ts";
import type { SenderRules } from "#model/authentication.ts";
import type { Config } from "#model/config/config.ts";
import type { Listener } from "#model/config/listener.ts";
import { withoutPasswords } from "#model/config/outline.ts";
import { printRule } from "#model/config/print-rule.ts";
import { formatLine } from "#model/config/printed-line.ts";
import { UNKNOWN_HOSTNAME } from "#model/envelope.ts";
import {
  type ExplainedListener,
  type ExplainedRecipient,
  type ExplainedRule,
  type ExplainFault,
  type Explanation,
  type ExplainQuestion,
  MAX_EXPLAINED_ENVELOPES,
  MAX_EXPLAINED_RECIPIENTS,
  MAX_EXPLAINED_RULES,
  placeKey,
} from "#model/explanation.ts";
import type { Routing } from "#model/resolution.ts";
import { ResolverCache } from "#engine/relay/resolver-cache.ts";
import { ReverseNames } from "#engine/server/reverse-names.ts";
import { rehearse, type RehearsedRecipient } from "./rehearsal.ts";
import { withShortTexts } from "./step-collector.ts";
import { explainEnvelope, type WayPorts } from "./way-out.ts";

export interface ExplainParties extends WayPorts {
  readonly config: Config;
  readonly routing: Routing;
  /** Needed where a listener has `senders`. */
  readonly senders?: SenderRules | undefined;
  /** Whether the queue would take a message of this size now. */
  readonly hasRoom: (bytes: number) => boolean;
}

/** What a client that was not described is. */
const DEFAULT_CLIENT = "127.0.0.1";
const DEFAULT_HELO = "localhost";
/** The client's own port does not matter. */
const CLIENT_PORT = 0;

export async function explain(
  question: ExplainQuestion,
  parties: ExplainParties,
): Promise<Explanation | ExplainFault> {
  const wrong = whatIsWrong(question);
  if (wrong !== undefined) return fault(wrong);
  const { config } = parties;
  const chosen = chooseListener(config.listeners, question);
  if ("why" in chosen) return chosen;
  const { listener, explained } = chosen;
  const { endpoint } = listener;
  const user = localUser(question);
  const remote: Peer =
    endpoint.kind === "unix"
      ? { ...endpoint, user }
      : { kind: "tcp", host: question.source ?? DEFAULT_CLIENT, port: CLIENT_PORT };
  const reverseName = await reverseNameOf(remote, question, parties);
  const helo = question.helo ?? reverseName ?? DEFAULT_HELO;
  const { clock, random, routing, senders, hasRoom } = parties;
  const rehearsed = await rehearse(
    {
      clock,
      random,
      routing,
      senders,
      settings: config,
      listener,
      remote,
      helo,
      reverseName,
      hasRoom,
    },
    question,
  );
  const { tls } = question;
  return withShortTexts<Explanation>({
    kind: "explanation",
    listener: explained,
    client: {
      address: remote.kind === "unix" ? "local" : remote.host,
      hostname: remote.kind === "unix" ? listener.hostname : (reverseName ?? UNKNOWN_HOSTNAME),
      helo,
      username: rehearsed.username,
      tls,
    },
    greeting: rehearsed.greeting,
    recipients: await withWays(rehearsed.recipients, question.reversePath, parties),
    rules: matchedRules(config, rehearsed.recipients),
    maxMessageBytes: config.maxMessageBytes,
  });
}

async function withWays(
  recipients: readonly RehearsedRecipient[],
  reversePath: string,
  parties: ExplainParties,
): Promise<readonly ExplainedRecipient[]> {
  const { clock, resolver } = parties;
  // Envelopes to one domain ask the same.
  const ports = { ...parties, resolver: resolver && new ResolverCache(resolver, clock) };
  let room = MAX_EXPLAINED_ENVELOPES;
  const explained = recipients.map(async ({ envelopes: all, ...recipient }) => {
    const path = { reversePath, forwardPath: recipient.forwardPath };
    const shown = all.slice(0, room);
    room -= shown.length;
    const envelopes = await Promise.all(
      shown.map((planned) => explainEnvelope(parties.config, ports, { planned, path })),
    );
    return { ...recipient, envelopes, envelopesLeftOut: all.length - shown.length };
  });
  return Promise.all(explained);
}

function matchedRules(
  { rules }: Config,
  recipients: readonly RehearsedRecipient[],
): readonly ExplainedRule[] {
  const matched = new Set<string>();
  for (const { steps } of recipients)
    for (const step of steps) if (step.kind === "rule-matched") matched.add(placeKey(step.rule));
  return rules
    .filter(({ at }) => matched.has(placeKey(at)))
    .slice(0, MAX_EXPLAINED_RULES)
    .map((rule) => ({ at: rule.at, text: formatLine(printRule(withoutPasswords(rule))) }));
}

// The client.

/** A UNIX-domain client has no address that DNS could name. */
async function reverseNameOf(
  remote: Peer,
  { reverseName, dns }: ExplainQuestion,
  { resolver, clock }: ExplainParties,
): Promise<string | undefined> {
  if (remote.kind === "unix") return undefined;
  if (reverseName !== undefined) return reverseName;
  if (!dns || resolver === undefined) return undefined;
  const { hostname: name } = await new ReverseNames(clock, resolver).lookup(remote.host);
  return name === UNKNOWN_HOSTNAME ? undefined : name;
}

/** No user's: chown(2) leaves the owner as it is. */
const NO_UID = 0xffff_ffff;

/** The user of the question as the system would name it; what is its number is of no account here. */
function localUser({ localUser: name }: ExplainQuestion): LocalUser | undefined {
  return name === "" ? undefined : { uid: NO_UID, name: found(name) };
}

/** What no client could say in one line. */
const NOT_IN_A_LINE = /\p{Cc}/u;

function whatIsWrong(question: ExplainQuestion): string | undefined {
  const { forwardPaths, reversePath, helo, reverseName, source, localUser: user } = question;
  if (forwardPaths.length === 0) return "no recipient is given";
  if (forwardPaths.length > MAX_EXPLAINED_RECIPIENTS)
    return `at most ${MAX_EXPLAINED_RECIPIENTS} recipients can be explained at once`;
  const texts = [...forwardPaths, reversePath, helo ?? "", reverseName ?? "", user];
  if (texts.some((text) => NOT_IN_A_LINE.test(text)))
    return "addresses and names cannot have control characters";
  if (reverseName !== undefined && !isHostName(reverseName))
    return `not a host name: ${reverseName}`;
  if (source !== undefined && user !== "")
    return "a user of this machine comes to a socket, and has no address";
  if (source !== undefined && parseIpAddress(source) === undefined)
    return `not an IP address: ${source}`;
  return undefined;
}

// The listener.

type Chosen = { readonly listener: Listener; readonly explained: ExplainedListener };

function chooseListener(
  listeners: readonly Listener[],
  { listener: wanted, source, localUser: user }: ExplainQuestion,
): Chosen | ExplainFault {
  if (listeners.length === 0) return fault("the configuration has no listener");
  if (wanted !== undefined) {
    const named = listeners.find((listener) => isCalled(listener, wanted));
    if (named === undefined) return fault(`no listener is called ${wanted}`);
    if (named.endpoint.kind === "unix" && source !== undefined)
      return fault(`clients of ${formatEndpoint(named.endpoint)} have no address`);
    if (named.endpoint.kind === "tcp" && user !== "")
      return fault(`nobody knows the users who come to ${formatEndpoint(named.endpoint)}`);
    return chosenAs(named, "named");
  }
  const firstTcp = listeners.find(({ endpoint }) => endpoint.kind === "tcp");
  const firstSocket = listeners.find(({ endpoint }) => endpoint.kind === "unix");
  if (source === undefined && firstSocket !== undefined) {
    return chosenAs(firstSocket, "first-socket");
  }
  if (user !== "") return fault("no listener is a socket, where users are known");
  if (firstTcp === undefined) return fault("no listener has clients with an address");
  return chosenAs(firstTcp, "first-tcp");
}

function isCalled({ endpoint, tag }: Listener, wanted: string): boolean {
  if (formatEndpoint(endpoint) === wanted || (tag !== "" && tag === wanted)) return true;
  return endpoint.kind === "unix" ? endpoint.path === wanted : endpoint.host === wanted;
}

function chosenAs(listener: Listener, chosen: ExplainedListener["chosen"]): Chosen {
  const { at, endpoint, tag } = listener;
  return { listener, explained: { at, endpoint: formatEndpoint(endpoint), tag, chosen } };
}

function fault(why: string): ExplainFault {
  return { kind: "explain-fault", why };
}
