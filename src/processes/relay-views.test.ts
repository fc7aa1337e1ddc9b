import assert from "node:assert/strict";
import { test } from "node:test";
import type { ControlAnswer } from "#model/ipc/control-link.ts";
import {
  type HostReport,
  NO_FAILURE,
  type RelayAnswer,
  type RelayQuestion,
  type RelayReport,
  type RouteReport,
} from "#model/relay-report.ts";
import { type RelayView, resumeRoute, showRelaying } from "./relay-views.ts";

const NOW_MS = 1_767_225_700_000;

const HOST: HostReport = {
  address: "192.0.2.7",
  name: "mx.far.example",
  references: 1,
  connections: 2,
  lastConnectionAtMs: NOW_MS - 90_000,
  lastFailure: NO_FAILURE,
  tls: "",
};

const ROUTE: RouteReport = {
  id: 2,
  source: "",
  address: "192.0.2.7",
  name: "mx.far.example",
  isNew: true,
  isDisabled: true,
  isKept: false,
  connections: 0,
  errors: 3,
  penalty: 2,
  lastConnectionAtMs: NOW_MS - 90_000,
  lastFailure: { atMs: NOW_MS - 90_000, reason: "Connection refused" },
  untilMs: NOW_MS + 60_000,
};

const RELAY: RelayReport = {
  action: "out",
  domain: "smart.example",
  port: 2525,
  scheme: "smtp+tls",
  auth: "secrets:office",
  pki: "",
  isHost: true,
  backup: "",
  sourceTable: "<sources>",
  heloTable: "",
  heloName: "mail.here.example",
  references: 2,
  tasks: 5,
  connections: 1,
  lastConnectionAtMs: 0,
  untilMs: NOW_MS + 5000,
  waits: ["limits", "connector"],
  connectors: [
    {
      source: "192.0.2.1",
      references: 1,
      connections: 1,
      lastConnectionAtMs: NOW_MS - 1000,
      untilMs: 0,
      flags: ["LIMIT_HOST", "LIMIT_RELAY"],
    },
  ],
};

/** Dispatchers that say this, by their numbers. */
function viewOf(answers: readonly RelayAnswer[], silent: readonly number[] = []): RelayView {
  return {
    dispatchers: answers.length + silent.length,
    views: {
      relaying: async () => ({ answers: new Map(answers.entries()), silent }),
      resumeRoute: async (index, id) => (index === 1 && id === 2 ? true : undefined),
    },
  };
}

async function shown(view: RelayView, question: RelayQuestion): Promise<readonly ControlAnswer[]> {
  const answers: ControlAnswer[] = [];
  for await (const answer of showRelaying(view, question, NOW_MS)) answers.push(answer);
  return answers;
}

function linesOf(answers: readonly ControlAnswer[]): readonly string[] {
  return answers.flatMap((answer) => (answer.kind === "row" ? answer.line.split("\n") : []));
}

test("a host that two dispatchers know is one row, with the newest of both", async () => {
  const failure = { atMs: NOW_MS - 5000, reason: "451 busy" };
  const other = { ...HOST, connections: 1, lastConnectionAtMs: 5, lastFailure: failure };
  const answers = await shown(
    viewOf([
      { kind: "hosts", hosts: [HOST], leftOut: 0 },
      { kind: "hosts", hosts: [other, { ...HOST, address: "2001:db8::7", name: "" }], leftOut: 0 },
    ]),
    "hosts",
  );
  assert.deepEqual(linesOf(answers), [
    "192.0.2.7 mx.far.example refcount=2 nconn=3 lastconn=1m30s",
    "2001:db8::7 - refcount=1 nconn=2 lastconn=1m30s",
  ]);
  const [first] = answers;
  assert.ok(first?.kind === "row");
  assert.deepEqual(JSON.parse(first.json), {
    ...HOST,
    references: 2,
    connections: 3,
    lastFailure: failure,
  });
});

test("of a domain the newest status is shown, and nothing of it adds a field or a line", async () => {
  const answers = await shown(
    viewOf([
      {
        kind: "domains",
        domains: [{ domain: "far.example", atMs: 1_767_225_600_999, status: "old" }],
        leftOut: 0,
      },
      {
        kind: "domains",
        domains: [
          { domain: "far.example", atMs: 1_767_225_601_999, status: "451 4.2.1 busy\nx|y" },
          { domain: "fa|r", atMs: 0, status: "" },
        ],
        leftOut: 0,
      },
    ]),
    "domains",
  );
  assert.deepEqual(linesOf(answers), [
    "far.example|1767225601|451 4.2.1 busy\\012x|y",
    "fa\\174r|0|",
  ]);
});

test("a route has a number of its own among those of all dispatchers, by which it is resumed", async () => {
  const answers = await shown(
    viewOf([
      { kind: "routes", routes: [{ ...ROUTE, id: 1, source: "192.0.2.1", name: "" }], leftOut: 0 },
      { kind: "routes", routes: [ROUTE], leftOut: 0 },
    ]),
    "routes",
  );
  assert.deepEqual(linesOf(answers), [
    "1. 192.0.2.1 <-> 192.0.2.7 NDQ- nconn=0 nerror=3 penalty=2 timeout=1m",
    "4. [] <-> 192.0.2.7 (mx.far.example) NDQ- nconn=0 nerror=3 penalty=2 timeout=1m",
  ]);
  const view = viewOf([], [0, 1]);
  assert.deepEqual(await resumeRoute(view, 4), { kind: "done", ok: true, text: "", count: 0 });
  const lost = await resumeRoute(view, 3);
  assert.deepEqual(lost.kind === "done" && lost.text, "its dispatcher has not answered");
});

test("a relay has a line, and one for each of its connectors", async () => {
  const answers = await shown(viewOf([{ kind: "relays", relays: [RELAY], leftOut: 0 }]), "relays");
  assert.deepEqual(linesOf(answers), [
    "[relay:smart.example,port=2525,smtp+tls,auth=secrets:office,mx,sourcetable=<sources>,heloname=mail.here.example] refcount=2 ntask=5 nconn=1 lastconn=- timeout=5s wait=limits,connector",
    "  connector 192.0.2.1 refcount=1 nconn=1 lastconn=1s timeout=- flags=LIMIT_HOST,LIMIT_RELAY",
  ]);
});

test("who has not answered, and what is left out, is told after what there is", async () => {
  const answers = await shown(viewOf([{ kind: "hosts", hosts: [HOST], leftOut: 3 }], [1]), "hosts");
  assert.deepEqual(answers.at(-1), {
    kind: "done",
    ok: false,
    text: "dispatcher 1 has not answered, 3 more are not shown",
    count: 0,
  });
});
