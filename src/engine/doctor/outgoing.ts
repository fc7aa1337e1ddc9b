/**
 * Whether a server is reached at port 25: many providers let nobody out there until they are
 * asked. One connection, to a host that the operator names or else to the one that root's mail would
 * go to, if it leaves this machine; nothing but a greeting is waited for.
 */
import { unreachable } from "#base/unreachable.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Network } from "#base/ports/network.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import { DEFAULT_SMTP_PORT } from "#model/config/defaults.ts";
import { parseRelayUrl } from "#model/config/relay-url.ts";
import { type ExplainedHop, questionOf } from "#model/explanation.ts";
import type { Rehearse } from "./needed-addresses.ts";
import { trySmtp } from "./smtp-try.ts";
import { type Check, fail, noAnswer, ok, unknown, type Verdict, warn } from "./verdict.ts";

export interface OutgoingParts {
  readonly network: Network;
  readonly clock: Clock;
  readonly resolver: Resolver;
}

/** Who is connected to. */
export type OutgoingServer =
  | { readonly kind: "named"; readonly host: string }
  /** The next hop of mail for `address`, by the rules. */
  | { readonly kind: "next-hop"; readonly address: string; readonly rehearse: Rehearse }
  | { readonly kind: "nobody" };

export function outgoingCheck(server: OutgoingServer, parts: OutgoingParts): Check {
  return {
    name: "port-25-out",
    subject: server.kind === "named" ? server.host : "",
    look: () => lookOut(server, parts),
  };
}

async function lookOut(server: OutgoingServer, parts: OutgoingParts): Promise<Verdict> {
  switch (server.kind) {
    case "named":
      return connectToHost(server.host, "", parts);
    case "next-hop":
      return connectToNextHop(server.address, server.rehearse, parts);
    case "nobody":
      return NOBODY;
    default:
      return unreachable(server);
  }
}

const NAME_ONE = "name a mail server that may be asked: --connect mx.example.net";
const NOBODY: Verdict = unknown("no connection was tried", NAME_ONE);

/** @param why it is this server, behind a comma. */
async function connectToHost(host: string, why: string, parts: OutgoingParts): Promise<Verdict> {
  const answer = await parts.resolver.addresses(host);
  if (answer.kind === "unavailable") return noAnswer(`addresses of ${host}`, answer.cause);
  const [address] = answer.kind === "found" ? answer.value : [];
  if (address === undefined) return unknown(`${host} has no address`, "name another server");
  return connectTo(address, why, parts);
}

async function connectToNextHop(
  address: string,
  rehearse: Rehearse,
  parts: OutgoingParts,
): Promise<Verdict> {
  const answer = await rehearse(questionOf([address], { dns: true }));
  if (answer.kind === "explain-fault") return unknown(answer.why, NAME_ONE);
  const ways = answer.recipients.flatMap(({ envelopes }) => envelopes.map(({ way }) => way));
  const relays = ways.filter((way) => way.kind === "relay");
  const [relay] = relays;
  if (relay === undefined)
    return unknown(`no connection was tried, as mail of ${address} stays here`, NAME_ONE);
  const servers = relays.flatMap(({ hops }) => hops).flatMap(serverAtPort25);
  const server = servers.find(({ problem }) => problem === "");
  if (server !== undefined)
    return connectToHost(server.host, `, where mail of ${address} goes`, parts);
  return unknown(`mail of ${address} leaves this machine: ${lackOf(relay, servers)}`, NAME_ONE);
}

type Server = Pick<ExplainedHop, "host" | "problem">;

/** None, or the one. */
function serverAtPort25({ host, problem }: ExplainedHop): readonly Server[] {
  const parsed = parseRelayUrl(host);
  if ("reason" in parsed || parsed.endpoint.kind !== "tcp") return [];
  const { protocol, tls, endpoint } = parsed;
  // These greet in another way, or inside TLS.
  if (protocol !== "smtp" || tls === "smtps") return [];
  return endpoint.port === DEFAULT_SMTP_PORT ? [{ host: endpoint.host, problem }] : [];
}

/** Why none of the servers is one to connect to. */
function lackOf(relay: { readonly problem: string }, [server]: readonly Server[]): string {
  if (relay.problem !== "") return relay.problem;
  if (server === undefined) return `by no host at port ${DEFAULT_SMTP_PORT}`;
  return `${server.host}: ${server.problem}`;
}

/** @param why it is this server, behind a comma. */
async function connectTo(
  address: string,
  why: string,
  { network, clock }: OutgoingParts,
): Promise<Verdict> {
  const tried = await trySmtp({ kind: "tcp", host: address, port: DEFAULT_SMTP_PORT }, [], {
    network,
    clock,
  });
  const at = `${address}, port ${DEFAULT_SMTP_PORT}${why}`;
  const advice = "ask your provider, or the rules of the firewall, whether port 25 is open";
  switch (tried.kind) {
    case "unreachable":
      return fail(`${at}: ${tried.fault.message}`, advice);
    case "silent":
      return warn(
        `${at}: ${tried.why}`,
        "try another server; some turn away whom they do not know",
      );
    case "answered": {
      const { code, lines } = tried.reply;
      const said = `${at}: ${code} ${lines[0] ?? ""}`;
      return code < 300 ? ok(said) : warn(said, "the server takes no mail from this address");
    }
    default:
      return unreachable(tried);
  }
}
