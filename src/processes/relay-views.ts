/**
 * `smtpctl show hosts|hoststats|relays|routes`, and `resume route`: what the dispatchers say
 * of their relaying, as one.
 *
 * A host or domain that several of them know is one row. A route is one dispatcher's, and
 * its number says whose (`shownRoute`). The lines are those of relay-lines.ts.
 *
 * Source: smtpctl(8); OpenSMTPD mta.c (mta_relay_show, mta_imsg).
 */
import type {
  DomainReport,
  HostReport,
  LastFailure,
  RelayAnswer,
  RelayQuestion,
} from "#model/relay-report.ts";
import { type ControlAnswer, done, failed } from "#model/ipc/control-link.ts";
import type { DispatcherViews } from "./dispatcher-views.ts";
import { connectorLine, domainLine, hostLine, relayLine, routeLine } from "./relay-lines.ts";

/** What is asked, and of how many dispatchers there should be. */
export interface RelayView {
  readonly views: Pick<DispatcherViews, "relaying" | "resumeRoute">;
  readonly dispatchers: number;
}

/** The answers, the last of which is "done". */
export async function* showRelaying(
  { views, dispatchers }: RelayView,
  question: RelayQuestion,
  nowMs: number,
): AsyncGenerator<ControlAnswer> {
  const { answers, silent } = await views.relaying(question);
  yield* rowsOf(question, answers, { dispatchers, nowMs });
  let leftOut = 0;
  for (const answer of answers.values()) leftOut += answer.leftOut;
  const wrong = [
    ...silent.map((index) => `dispatcher ${index} has not answered`),
    ...(answers.size + silent.length < dispatchers ? ["a dispatcher is restarting"] : []),
    ...(leftOut > 0 ? [`${leftOut} more are not shown`] : []),
  ];
  yield wrong.length === 0 ? done() : failed(wrong.join(", "));
}

/** `shown`: the number in `show routes`. */
export async function resumeRoute(
  { views, dispatchers }: RelayView,
  shown: number,
): Promise<ControlAnswer> {
  const { index, id } = routeOf(shown, dispatchers);
  const isResumed = await views.resumeRoute(index, id);
  if (isResumed === undefined) return failed("its dispatcher has not answered");
  return isResumed ? done() : failed("no such route is disabled");
}

/** The number of a route among those of all dispatchers. */
function shownRoute(id: number, index: number, dispatchers: number): number {
  return (id - 1) * dispatchers + index + 1;
}

function routeOf(
  shown: number,
  dispatchers: number,
): {
  readonly index: number;
  readonly id: number;
} {
  const index = (shown - 1) % dispatchers;
  return { index, id: (shown - 1 - index) / dispatchers + 1 };
}

interface Context {
  readonly dispatchers: number;
  readonly nowMs: number;
}

type Answers = ReadonlyMap<number, RelayAnswer>;

function* rowsOf(
  question: RelayQuestion,
  answers: Answers,
  { dispatchers, nowMs }: Context,
): Generator<ControlAnswer> {
  switch (question) {
    case "hosts":
      for (const host of hostsOf(answers)) yield row(hostLine(host, nowMs), host);
      return;
    case "domains":
      for (const domain of domainsOf(answers)) yield row(domainLine(domain), domain);
      return;
    case "routes":
      for (const [index, answer] of answers) {
        if (answer.kind !== "routes") continue;
        for (const route of answer.routes) {
          const shown = { ...route, id: shownRoute(route.id, index, dispatchers) };
          yield row(routeLine(shown, nowMs), shown);
        }
      }
      return;
    case "relays":
      for (const answer of answers.values()) {
        if (answer.kind !== "relays") continue;
        for (const relay of answer.relays) {
          const connectors = relay.connectors.map((each) => connectorLine(each, nowMs));
          yield row([relayLine(relay, nowMs), ...connectors].join("\n"), relay);
        }
      }
      return;
  }
}

function row(line: string, value: object): ControlAnswer {
  return { kind: "row", line, json: JSON.stringify(value) };
}

/** By address, as the dispatchers know it together. */
function hostsOf(answers: Answers): Iterable<HostReport> {
  const hosts = new Map<string, HostReport>();
  for (const answer of answers.values()) {
    if (answer.kind !== "hosts") continue;
    for (const host of answer.hosts) {
      const known = hosts.get(host.address);
      hosts.set(host.address, known === undefined ? host : joinedHosts(known, host));
    }
  }
  return hosts.values();
}

function joinedHosts(one: HostReport, other: HostReport): HostReport {
  const newer = one.lastConnectionAtMs >= other.lastConnectionAtMs ? one : other;
  return {
    ...newer,
    references: one.references + other.references,
    connections: one.connections + other.connections,
    lastFailure: later(one.lastFailure, other.lastFailure),
  };
}

function later(one: LastFailure, other: LastFailure): LastFailure {
  return one.atMs >= other.atMs ? one : other;
}

function domainsOf(answers: Answers): Iterable<DomainReport> {
  const domains = new Map<string, DomainReport>();
  for (const answer of answers.values()) {
    if (answer.kind !== "domains") continue;
    for (const report of answer.domains) {
      const known = domains.get(report.domain);
      if (known === undefined || known.atMs < report.atMs) domains.set(report.domain, report);
    }
  }
  return domains.values();
}
