/** Expansion where it is large, where it must wait, and where it must not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_ENVELOPES } from "#model/envelope.ts";
import type { Config } from "#model/config/config.ts";
import { Includes } from "#policy/expand/includes.ts";
import { Tables } from "#policy/tables/tables.ts";
import {
  type Files,
  queryFor,
  readConfig,
  resolutionText,
  USERS,
} from "#test/support/recipients.ts";
import { createRouting } from "./routing.ts";

/** A configuration whose aliases are `value` for `team`. */
function teamOf(value: string, files: Files = {}): Config {
  const text = `listen on socket
table aliases file:/aliases
action a maildir "/m/%{user.username}" user ann alias <aliases>
action out relay
match from any for domain x.example action a
match from local for any action out
`;
  return readConfig(text, { ...files, "/aliases": `team: ${value}\n` });
}

/** How long an alias of `count` recipients takes. */
async function timeMs(count: number): Promise<number> {
  const list = Array.from({ length: count }, (_, at) => `member${at}@away.example`).join("\n");
  const routing = createRouting(teamOf(":include:/list", { "/list": list }), { users: USERS });
  const startedMs = performance.now();
  const resolution = await routing.resolve(queryFor("team@x.example"));
  assert.equal(resolution.kind === "accepted" && resolution.envelopes.length, count);
  return performance.now() - startedMs;
}

test("a hundred thousand recipients of one alias are taken at once, in time in proportion", async () => {
  const small = await timeMs(10_000);
  const large = await timeMs(MAX_ENVELOPES);
  assert.ok(large < 40 * small + 1000, `${small} ms for 10,000, ${large} ms for 100,000`);
});

test("more recipients than a message may have envelopes are refused for now, as a whole", async () => {
  const list = Array.from({ length: MAX_ENVELOPES }, (_, at) => `member${at}@away.example`);
  const files = { "/list": list.join("\n") };
  const routing = createRouting(teamOf("one@away.example, :include:/list", files), {
    users: USERS,
  });
  const resolution = await routing.resolve(queryFor("team@x.example"));
  assert.deepEqual(resolution, {
    kind: "unavailable",
    why: "the recipient has more than 100000 envelopes",
  });
});

test("lists of lists end at a number of nodes, whatever they multiply to", async () => {
  const list = Array.from({ length: 60_000 }, (_, at) => `u${at}`).join(",\n");
  const names = ["a", "b", "c", "d", "e", "f", "g", "h"];
  const lists = Object.fromEntries(names.map((name) => [`/${name}`, list.replaceAll("u", name)]));
  const value = names.map((name) => `:include:/${name}`).join(", ");
  const routing = createRouting(teamOf(value, lists), { users: USERS });
  const resolution = await routing.resolve(queryFor("team@x.example"));
  assert.equal(resolution.kind, "unavailable");
});

test("answer comes at once where everything is in memory", async () => {
  const routing = createRouting(teamOf("bob, carl@away.example, x@x.example"), { users: USERS });
  await routing.resolve(queryFor("team@x.example")); // finds out that ann is not root
  const resolution = routing.resolve(queryFor("team@x.example"));
  assert.ok(!(resolution instanceof Promise), "a promise where nobody need be asked");
  assert.deepEqual(resolutionText(resolution), [
    "a bob <team@x.example> by alias aliases team",
    "out <carl@away.example> by alias aliases team",
    "a x <x@x.example> by alias aliases team",
  ]);
});

test("table that cannot be asked defers the recipient, at any depth", async () => {
  const config = teamOf("bob");
  const cause = new Error("table <aliases> is down");
  const tables = new Tables(config.tables, { delimiter: "+" });
  const lookup = tables.lookup.bind(tables);
  tables.lookup = (table, service) =>
    service === "alias"
      ? (key) =>
          Promise.resolve(
            key === "team"
              ? { kind: "found", value: "other", entry: key }
              : { kind: "unavailable", cause },
          )
      : lookup(table, service);
  const routing = createRouting(config, { users: USERS, tables });
  const resolution = await routing.resolve(queryFor("team@x.example"));
  assert.equal(resolutionText(resolution), "unavailable: table <aliases> is down");
});

test("included files are read anew without a new configuration", async () => {
  const config = teamOf(":include:/list", { "/list": "bob" });
  const includes = new Includes(config.includes);
  const routing = createRouting(config, { users: USERS, includes });
  const before = await routing.resolve(queryFor("team@x.example"));
  assert.deepEqual(resolutionText(before), [
    "a bob <team@x.example> by alias aliases team, include /list",
  ]);
  includes.replace(new Map([["/list", "carl"]]));
  const after = await routing.resolve(queryFor("team@x.example"));
  assert.deepEqual(resolutionText(after), [
    "a carl <team@x.example> by alias aliases team, include /list",
  ]);
});
