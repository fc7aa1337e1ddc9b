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
  const host = relays
    .flatMap(({ hops }) => hops)
    .map(hostAtPort25)
    .find((each) => each !== undefined);
  if (host !== undefined) return connectToHost(host, `, where mail of ${address} goes`, parts);
  const why = relay.problem === "" ? `by no host at port ${DEFAULT_SMTP_PORT}` : relay.problem;
  return unknown(`mail of ${address} leaves this machine: ${why}`, NAME_ONE);
}

function hostAtPort25({ host }: ExplainedHop): string | undefined {
  const parsed = parseRelayUrl(host);
  if ("reason" in parsed || parsed.endpoint.kind !== "tcp") return undefined;
  return parsed.endpoint.port === DEFAULT_SMTP_PORT ? parsed.endpoint.host : undefined;
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
