import assert from "node:assert/strict";
import { test } from "node:test";
import type { Table } from "#model/config/table.ts";
import {
  type LookupAnswer,
  type LookupRequest,
  MAX_LOOKUP_KEYS,
  MAX_LOOKUPS_UNDER_WAY,
} from "#model/ipc/lookup-link.ts";
import { MAX_KEY_LENGTH, MAX_REMOTE_KEYS } from "#policy/tables/key-forms.ts";
import { SimClock } from "#world/sim/clock.ts";
import { memoryLinks } from "#test/support/memory-links.ts";
import type { Link } from "./channel.ts";
import { LOOKUP_TIMEOUT_MS, LookupAsker } from "./lookup-asker.ts";
import { RemoteTables } from "./remote-tables.ts";
import { LOOKUP_CLIENT_SIDE } from "./shapes.ts";

const ALIASES: Table = {
  at: { file: "smtpd.conf", line: 1, column: 1 },
  name: "aliases",
  source: { kind: "db", path: "/etc/mail/aliases.db" },
  shape: "remote",
  entries: new Map(),
};

/** A dispatcher's tables, and whatever lookup is told. */
class Stage {
  readonly clock: SimClock = new SimClock();
  readonly lookup: LookupAsker = new LookupAsker(this.clock);
  readonly tables: RemoteTables = new RemoteTables(this.lookup);
  readonly asked: LookupRequest[] = [];
  #lookup: Link<LookupRequest, LookupAnswer> | undefined;

  /** Lookup is there, or there again. */
  link(): void {
    const [near, far] = memoryLinks(LOOKUP_CLIENT_SIDE, (run) => void this.clock.after(0, run));
    far.start({ message: (question) => this.asked.push(question), closed: () => undefined });
    this.#lookup = far;
    this.lookup.linked(near);
  }

  ask(...keys: readonly string[]): Promise<string> {
    return asText(this.tables.backendOf(ALIASES)?.lookupAny("alias", keys));
  }

  async answers(...answers: readonly LookupAnswer[]): Promise<void> {
    await this.clock.advance(1);
    for (const answer of answers) this.#lookup?.send(answer);
    await this.clock.advance(1);
  }

  async dies(): Promise<void> {
    this.#lookup?.destroy();
    await this.clock.advance(1);
  }
}

async function asText(
  asked: ReturnType<NonNullable<ReturnType<RemoteTables["backendOf"]>>["lookupAny"]> | undefined,
): Promise<string> {
  const answer = await asked;
  if (answer?.kind === "found") return `${answer.entry} = ${answer.value}`;
  return answer?.kind === "unavailable" ? answer.cause.message : (answer?.kind ?? "no backend");
}

test("found, absent and unavailable stay three answers", async () => {
  const stage = new Stage();
  stage.link();
  const answers = [stage.ask("ann"), stage.ask("ben"), stage.ask("zoe")];
  await stage.answers(
    { kind: "unavailable", request: 3, why: "it is damaged" },
    { kind: "found", request: 1, key: "ann", value: "a@example.org" },
    { kind: "absent", request: 2 },
  );
  assert.deepEqual(await Promise.all(answers), ["ann = a@example.org", "absent", "it is damaged"]);
});

test("a question names the table and all keys that would do", async () => {
  const stage = new Stage();
  stage.link();
  void stage.ask("Ann+Tag", "Ann");
  await stage.answers();
  assert.deepEqual(stage.asked, [
    { kind: "table", request: 1, table: "aliases", service: "alias", keys: ["Ann+Tag", "Ann"] },
  ]);
});

test("keys that no table can have are absent without a question", async () => {
  const stage = new Stage();
  stage.link();
  assert.equal(await stage.ask("k".repeat(2_000)), "absent");
  assert.equal(await stage.ask(), "absent");
  assert.deepEqual(stage.asked, []);
});

test("the most that policy asks for fits into a frame, and so does any key", async () => {
  assert.ok(MAX_LOOKUP_KEYS >= MAX_REMOTE_KEYS);
  const stage = new Stage();
  stage.link();
  const longest = `*.${"ﷺ".repeat(MAX_KEY_LENGTH)}`;
  void stage.ask(...Array.from({ length: MAX_REMOTE_KEYS }, () => longest));
  await stage.answers();
  const [question] = stage.asked;
  assert.ok(question?.kind === "table");
  assert.equal(question.keys.length, MAX_REMOTE_KEYS);
  assert.equal(question.keys[0], longest);
});

test("at the start questions wait for lookup, as long as for an answer", async () => {
  const stage = new Stage();
  const early = stage.ask("ann");
  await stage.clock.advance(1_000);
  stage.link();
  await stage.answers({ kind: "absent", request: 1 });
  assert.equal(await early, "absent");
  const never = new Stage();
  const late = never.ask("ann");
  await never.clock.advance(LOOKUP_TIMEOUT_MS);
  assert.match(await late, /table aliases: .* did not answer in time/u);
});

test("an answer that takes too long is unavailable, and ignored when it comes", async () => {
  const stage = new Stage();
  stage.link();
  const slow = stage.ask("ann");
  await stage.clock.advance(LOOKUP_TIMEOUT_MS + 1);
  assert.match(await slow, /did not answer in time/u);
  const next = stage.ask("ben");
  await stage.answers({ kind: "absent", request: 1 }, { kind: "absent", request: 2 });
  assert.equal(await next, "absent");
});

test("when lookup dies what waits is unavailable at once, and so is what comes, until it is back", async () => {
  const stage = new Stage();
  stage.link();
  const waiting = stage.ask("ann");
  await stage.dies();
  assert.match(await waiting, /table aliases: the process lookup went away/u);
  assert.match(await stage.ask("ben"), /the process lookup is gone/u);
  stage.link();
  const again = stage.ask("ann");
  await stage.answers({ kind: "absent", request: 2 });
  assert.equal(await again, "absent");
});

test("no more wait than can be", async () => {
  const stage = new Stage();
  for (let n = 0; n < MAX_LOOKUPS_UNDER_WAY; n++) void stage.ask("ann");
  assert.match(await stage.ask("ann"), /too many questions wait/u);
});

test("a table in memory has no backend", () => {
  const { tables } = new Stage();
  const source = { kind: "file", path: "/etc/mail/aliases" } as const;
  assert.equal(tables.backendOf({ ...ALIASES, source }), undefined);
});

test("no timer is left when everything is answered", async () => {
  const stage = new Stage();
  stage.link();
  const answer = stage.ask("ann");
  await stage.answers({ kind: "absent", request: 1 });
  await answer;
  assert.equal(stage.clock.pendingTimers, 0);
});
