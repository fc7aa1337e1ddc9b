/**
 * Whether strangers can send mail to strangers through this server: the rules are rehearsed with
 * every form of address that has ever fooled one, and the running daemon is asked over a connection of this
 * machine to itself, up to the recipient: no message is sent.
 *
 * A connection of this machine to itself may count as local, which is allowed more. So what the daemon says is
 * compared with what the rules say of the same client.
 */
import { type Endpoint, formatEndpoint } from "#base/endpoint.ts";
import { isLoopback, parseIpAddress } from "#base/ip-address.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Network } from "#base/ports/network.ts";
import type { Config } from "#model/config/config.ts";
import type { Listener } from "#model/config/listener.ts";
import { type Explanation, questionOf } from "#model/explanation.ts";
import { openRelays } from "#policy/check/open-relay.ts";
import { type Rehearse, STRANGER } from "./needed-addresses.ts";
import { trySmtp } from "./smtp-try.ts";
import { type Check, fail, ok, unknown, type Verdict } from "./verdict.ts";

/** Domains that nobody has (RFC 6761 §6.4). */
const ELSEWHERE = "elsewhere.invalid";
const STRANGER_ADDRESS = "stranger@stranger.invalid";
const VICTIM = `victim@${ELSEWHERE}`;

/** RFC 5321 Appendix C and F: ways of old to name a server that is to pass mail on. */
function forms(domain: string | undefined): readonly string[] {
  if (domain === undefined) return [VICTIM];
  return [
    VICTIM,
    `victim%${ELSEWHERE}@${domain}`,
    `"${VICTIM}"@${domain}`,
    `@${domain}:${VICTIM}`,
    `${ELSEWHERE}!victim@${domain}`,
  ];
}

export interface RelayParts {
  readonly config: Config;
  /** Of those that are served, if there are any. */
  readonly domain: string | undefined;
  /** All of this machine's. */
  readonly ownAddresses: readonly string[];
  readonly network: Network;
  readonly clock: Clock;
  readonly rehearse: Rehearse;
}

export function openRelayChecks(parts: RelayParts): readonly Check[] {
  const { config } = parts;
  const byTcp = config.listeners.filter(({ endpoint }) => endpoint.kind === "tcp");
  return [
    { name: "open-relay-rules", subject: "", look: async () => judgeRules(config) },
    ...byTcp.map((listener) => ({
      name: "open-relay-forms",
      subject: formatEndpoint(listener.endpoint),
      look: () => rehearseForms(listener, parts),
    })),
    ...byTcp.map((listener) => ({
      name: "open-relay-try",
      subject: formatEndpoint(listener.endpoint),
      look: () => tryListener(listener, parts),
    })),
  ];
}

function judgeRules(config: Config): Verdict {
  const [first] = openRelays(config);
  if (first === undefined) return ok("no rule relays mail of strangers to strangers");
  const { at, message, hint } = first;
  return fail(`${at.file}:${at.line}: ${message}`, hint);
}

async function rehearseForms(listener: Listener, parts: RelayParts): Promise<Verdict> {
  const { endpoint } = listener;
  const address = endpoint.kind === "tcp" ? parseIpAddress(endpoint.host) : undefined;
  if (address !== undefined && isLoopback(address)) return ok("only this machine reaches it");
  const answer = await parts.rehearse(
    questionOf(forms(parts.domain), {
      reversePath: STRANGER_ADDRESS,
      source: STRANGER,
      helo: "stranger.invalid",
      listener: formatEndpoint(listener.endpoint),
    }),
  );
  if (answer.kind === "explain-fault") return unknown(answer.why);
  const relayed = relayedTo(answer);
  if (relayed !== undefined)
    return fail(
      `mail of a stranger to <${relayed}> would be relayed`,
      "see smtpctl explain; 'from any' is for the domains that are served here",
    );
  const later = answer.recipients.find(({ reply }) => reply.code >= 400 && reply.code < 500);
  if (later !== undefined)
    return unknown(`<${later.forwardPath}> would be put off: ${later.reply.text}`);
  const { recipients } = answer;
  return ok(
    `a stranger at ${STRANGER} could not send to ${recipients.length || "any"} forms of address`,
  );
}

/** The recipient by which it would go elsewhere. */
function relayedTo({ recipients }: Explanation): string | undefined {
  return recipients.find(
    ({ reply, envelopes }) =>
      reply.code < 400 &&
      envelopes.some(
        ({ way, destination }) =>
          way.kind === "relay" && destination.toLowerCase().includes(ELSEWHERE),
      ),
  )?.forwardPath;
}

async function tryListener(listener: Listener, parts: RelayParts): Promise<Verdict> {
  const { endpoint, tls } = listener;
  if (endpoint.kind === "unix") return unknown("strangers do not come by a socket");
  if (tls.mode === "smtps") return unknown("it speaks TLS from the first byte, and was not tried");
  const target = { ...endpoint, host: reachable(endpoint.host, parts.ownAddresses) };
  const commands = [
    "EHLO stranger.invalid",
    `MAIL FROM:<${STRANGER_ADDRESS}>`,
    `RCPT TO:<${VICTIM}>`,
  ];
  const tried = await trySmtp(target, commands, parts);
  if (tried.kind === "unreachable")
    return unknown(
      `${formatEndpoint(target)}: ${tried.fault.message}`,
      "start smtpd to have it tried",
    );
  if (tried.kind === "silent") return unknown(`${formatEndpoint(target)}: ${tried.why}`);
  const { reply, command, from } = tried;
  const said = `${reply.code} ${reply.lines[0] ?? ""}`;
  if (reply.code >= 400)
    return ok(`refused at ${command.split(":")[0] || "the greeting"}: ${said}`);
  return compareWithRules(said, from, { listener, rehearse: parts.rehearse });
}

/** The daemon has taken the recipient. */
async function compareWithRules(
  said: string,
  from: Endpoint,
  { listener, rehearse }: { readonly listener: Listener; readonly rehearse: Rehearse },
): Promise<Verdict> {
  const source = from.kind === "tcp" ? from.host : "";
  const answer = await rehearse(
    questionOf([VICTIM], {
      reversePath: STRANGER_ADDRESS,
      source,
      helo: "stranger.invalid",
      listener: formatEndpoint(listener.endpoint),
    }),
  );
  const [recipient] = answer.kind === "explanation" ? answer.recipients : [];
  if (recipient !== undefined && recipient.reply.code < 300)
    return ok(`taken from ${source}, which is this machine, as the rules say`);
  return fail(
    `the daemon relays what the rules would not: ${said}`,
    "smtpctl reload, then look again",
  );
}

/** For a listener on all addresses: one by which this machine is no local client, if it has one. */
function reachable(host: string, own: readonly string[]): string {
  if (host !== "0.0.0.0" && host !== "::") return host;
  const ofFamily = own.filter(
    (each) => !each.includes("%") && each.includes(":") === (host === "::"),
  );
  const outer = ofFamily.find((each) => {
    const address = parseIpAddress(each);
    return address !== undefined && !isLoopback(address);
  });
  return outer ?? (host === "::" ? "::1" : "127.0.0.1");
}
