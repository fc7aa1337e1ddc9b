import { NO_TLS_MATERIAL } from "#model/tls-material.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpAnswer, HttpRequest } from "#base/ports/http.ts";
import type { Config } from "#model/config/config.ts";
import { type LookupAnswer, type LookupRequest, MAX_FETCHED_KEYS } from "#model/ipc/lookup-link.ts";
import type { ChildToParent } from "#model/ipc/parent-link.ts";
import { MAX_STORED_VALUE_BYTES } from "#model/table-database.ts";
import { simHash, SimPasswordHashing } from "#world/sim/password-hashing.ts";
import { SimWorld } from "#world/sim/world.ts";
import { configOf } from "#test/support/config-of.ts";
import { MemoryTableFiles } from "#test/support/memory-table-files.ts";
import { roleSetting } from "#test/support/role-setting.ts";
import type { Link } from "./channel.ts";
import { lookupRole } from "./lookup.ts";
import { memoryPair } from "./memory-link.ts";
import type { Prepared, RunningRole } from "./role.ts";
import type { Role } from "./roles.ts";
import { LOOKUP_CLIENT_SIDE } from "./shapes.ts";

const CONFIG = configOf(
  "table aliases db:/aliases.db",
  "table domains db:/domains.db",
  "table vips { ann }",
  `table users { ann = "${simHash("right")}" }`,
  "table logins db:/logins.db",
  'table relays { Hub = "me:secret" }',
  "table hubs db:/hubs.db",
  'action "out" relay host "smtps://hub@relay.example.org" auth <relays>',
  'action "far" relay host "smtps://hub@relay.example.org" auth <hubs>',
  'listen on socket "/a.sock" auth <users>',
  'listen on socket "/b.sock" auth <logins>',
  'oauth corp introspect "http://127.0.0.1:8080/" scope "smtp"',
  'oauth idle introspect "http://127.0.0.1:8080/"',
  'listen on socket "/c.sock" auth oauth corp',
  'match from any auth <logins> for any action "box"',
  'action "box" maildir alias <aliases>',
  'match from any for domain <domains> action "box"',
  'match from any for local mail-from <vips> action "box"',
);

const SMART = configOf(
  "table smarthosts db:/smarthosts.db",
  "table addresses db:/addresses.db",
  "table aliases db:/aliases.db",
  "table hubs db:/hubs.db",
  'action "smart" relay host <smarthosts> src <addresses>',
  'action "far" relay host "smtps://hub@relay.example.org" auth <hubs> src <hubs>',
  'action "box" maildir alias <aliases>',
  'match from any for local action "box"',
  'match from any for domain "far.example" action "far"',
  'match from any for any action "smart"',
);

/** Of a web server that is not there. */
const nobody = async (): Promise<HttpAnswer> => ({ kind: "fault", why: "nobody" });

/** Lookup with its tables, and a dispatcher that asks. */
class Stage {
  readonly world = new SimWorld(1);
  readonly files = new MemoryTableFiles();
  readonly log: string[] = [];
  readonly said: ChildToParent[] = [];
  readonly answers: LookupAnswer[] = [];
  /** URLs that were asked. */
  readonly asked: string[] = [];
  ended = false;
  #role: RunningRole | undefined;
  #dispatcher: Link<LookupAnswer, LookupRequest> | undefined;

  readonly #config: Config;

  constructor(config: Config = CONFIG) {
    this.#config = config;
    this.files.contents.set("/aliases.db", new Map([["ann", "a@example.org"]]));
    this.files.contents.set("/logins.db", new Map([["bob", simHash("right")]]));
    this.files.contents.set("/hubs.db", new Map([["hub", "you:secret:too"]]));
    this.files.contents.set("/domains.db", new Map([["*.example.org", ""]]));
  }

  async start(): Promise<void> {
    const setting = roleSetting(this.world.startProcess(), this.#config, {
      send: (message) => this.said.push(message),
      log: (line) => this.log.push(line),
      end: () => (this.ended = true),
    });
    const role = await lookupRole({
      files: this.files,
      hashing: new SimPasswordHashing(),
      http: {
        post: async ({ url }) => {
          this.asked.push(url);
          const answer = { active: true, scope: "smtp", username: "ann" };
          return { kind: "answer", body: Buffer.from(JSON.stringify(answer)) };
        },
        get: nobody,
      },
      strangersHttp: (_, reach) => {
        const askedOf = ({ url }: HttpRequest): Promise<HttpAnswer> => {
          this.asked.push(`${reach}: ${url}`);
          return nobody();
        };
        return { post: askedOf, get: askedOf };
      },
      signatures: { isSigned: () => false },
    })(setting);
    assert.ok(typeof role !== "string");
    this.#role = role;
    this.join("dispatcher");
  }

  /** Whether the sibling was taken. */
  join(to: Role): boolean {
    const [near, far] = memoryPair((run) => void this.world.clock.after(0, run));
    let isTaken = true;
    this.#role?.joined({
      to,
      name: "0",
      generation: 0,
      number: 1,
      open: (shape) => near.open(shape),
      refuse: () => (isTaken = false),
    });
    this.#dispatcher = far.open(LOOKUP_CLIENT_SIDE);
    this.#dispatcher.start({
      message: (answer) => this.answers.push(answer),
      closed: () => undefined,
    });
    return isTaken;
  }

  async authenticate(table: string, user: string, password: string): Promise<string | undefined> {
    const question = { kind: "password", user, password } as const;
    const attempt = {
      source: { kind: "table", name: table },
      address: "192.0.2.1",
      question,
    } as const;
    this.#dispatcher?.send({ kind: "auth", request: 8, attempt });
    await this.world.clock.advance(1);
    const answer = this.answers.pop();
    return answer?.kind === "auth" ? answer.answer.kind : answer?.kind;
  }

  async credentials(table: string, label: string): Promise<LookupAnswer | undefined> {
    this.#dispatcher?.send({ kind: "relay-credentials", request: 9, table, label });
    await this.world.clock.advance(1);
    return this.answers.pop();
  }

  async token(oauth: string, user: string): Promise<string | undefined> {
    const question = { kind: "token", user, token: "t" } as const;
    const source = { kind: "oauth", name: oauth } as const;
    const attempt = { source, address: "192.0.2.1", question };
    this.#dispatcher?.send({ kind: "auth", request: 9, attempt });
    await this.world.clock.advance(1);
    const answer = this.answers.pop();
    return answer?.kind === "auth" ? answer.answer.kind : answer?.kind;
  }

  async ask(table: string, ...keys: readonly string[]): Promise<LookupAnswer | undefined> {
    this.#dispatcher?.send({ kind: "table", request: 7, table, service: "alias", keys });
    await this.world.clock.advance(1);
    return this.answers.pop();
  }

  async fetch(table: string): Promise<LookupAnswer | undefined> {
    this.#dispatcher?.send({ kind: "fetch", request: 5, table });
    await this.world.clock.advance(1);
    return this.answers.pop();
  }

  /** Another configuration is got ready for; undefined: it cannot be. */
  async prepare(config: Config): Promise<Prepared | undefined> {
    const next = { config, generation: 1, tls: NO_TLS_MATERIAL, onlyTable: undefined };
    const prepared = await this.#role?.prepare?.(next);
    return typeof prepared === "string" ? undefined : prepared;
  }

  /** The policy of MTA-STS of a domain, and its report, are wanted at once. */
  async strangersOf(domain: string): Promise<void> {
    const policy = { type: "no-policy-found", domain, strings: [], mxHosts: [] } as const;
    const counted = { domain, policy, failure: undefined, sessions: 1 };
    this.#dispatcher?.send({ kind: "sts", request: 4, domain });
    this.#dispatcher?.send({ kind: "tls-sessions", sessions: [counted] });
    await this.world.clock.advance(1);
    this.#role?.parentSays({ kind: "send-tls-reports" });
    await this.world.clock.advance(60_000);
  }

  stop(): void {
    this.#role?.parentSays({ kind: "shutdown" });
  }
}

test("tells a relay what is in the tables that it goes by, and of no other", async () => {
  const stage = new Stage(SMART);
  stage.files.contents.set(
    "/smarthosts.db",
    new Map([
      ["smtp://b", ""],
      ["smtp://a", ""],
    ]),
  );
  await stage.start();
  const fetched = { kind: "fetched", request: 5 };
  for (const keys of [
    ["smtp://a", "smtp://b"],
    ["smtp://a", "smtp://b"],
  ])
    assert.deepEqual(await stage.fetch("smarthosts"), { ...fetched, keys });
  stage.files.contents.set("/addresses.db", new Map());
  assert.deepEqual(await stage.fetch("addresses"), { ...fetched, keys: [] });
  stage.files.contents.delete("/addresses.db");
  assert.equal((await stage.fetch("addresses"))?.kind, "unavailable");
  for (const other of ["aliases", "hubs", "nobody"])
    assert.equal((await stage.fetch(other))?.kind, "unavailable", other);
});

test("tells of a long table another part each time, and all of it in the end", async () => {
  const stage = new Stage(SMART);
  const hosts = Array.from({ length: 2 * MAX_FETCHED_KEYS - 10 }, (_, at) => `smtp://h${at}`);
  stage.files.contents.set("/smarthosts.db", new Map(hosts.map((host) => [host, ""])));
  await stage.start();
  const told = new Set<string>();
  for (const _ of [1, 2]) {
    const answer = await stage.fetch("smarthosts");
    assert.ok(answer?.kind === "fetched");
    assert.equal(answer.keys.length, MAX_FETCHED_KEYS);
    for (const key of answer.keys) told.add(key);
  }
  assert.deepEqual([...told].toSorted(), hosts.toSorted());
});

test("answers with the first key that the named table has", async () => {
  const stage = new Stage();
  await stage.start();
  assert.deepEqual(await stage.ask("aliases", "zoe", "ann"), {
    kind: "found",
    request: 7,
    key: "ann",
    value: "a@example.org",
  });
  assert.deepEqual(await stage.ask("domains", "*.example.org", "*.org"), {
    kind: "found",
    request: 7,
    key: "*.example.org",
    value: "",
  });
  assert.deepEqual(await stage.ask("aliases", "zoe"), { kind: "absent", request: 7 });
  assert.deepEqual(stage.said, []);
});

test("a table that it does not have is unavailable, and no path is ever asked for", async () => {
  const stage = new Stage();
  await stage.start();
  for (const name of ["vips", "none", "/etc/passwd"]) {
    const answer = await stage.ask(name, "ann");
    assert.equal(answer?.kind, "unavailable", name);
  }
  assert.equal(stage.files.open, 4);
});

test("tables that cannot be read at the start are told to the parent; the others answer", async () => {
  const stage = new Stage();
  stage.files.contents.set(
    "/aliases.db",
    Object.assign(new Error("EACCES: no"), { code: "EACCES" }),
  );
  await stage.start();
  const why = "table aliases: EACCES: no (started by root, lookup reads it as the user _smtpl)";
  assert.deepEqual(stage.said, [{ kind: "tables-fault", why }]);
  assert.deepEqual(await stage.ask("aliases", "ann"), { kind: "unavailable", request: 7, why });
  assert.equal((await stage.ask("domains", "*.example.org"))?.kind, "found");
  assert.deepEqual(stage.log, [], "the parent has told it");
});

test("a table that breaks later is a line in the log, and another when it can be read again", async () => {
  const stage = new Stage();
  await stage.start();
  const content = stage.files.contents.get("/aliases.db") ?? new Map<string, string>();
  stage.files.contents.set("/aliases.db", new Error("it is damaged"));
  for (let n = 0; n < 3; n++) {
    assert.equal((await stage.ask("aliases", "ann"))?.kind, "unavailable");
  }
  stage.files.contents.set("/aliases.db", content);
  assert.equal((await stage.ask("aliases", "ann"))?.kind, "found");
  assert.deepEqual(stage.log, [
    "warn: table aliases: it is damaged",
    "info: table aliases can be read",
  ]);
});

test("a value that is too long for anyone is unavailable", async () => {
  const stage = new Stage();
  const value = "ü".repeat(MAX_STORED_VALUE_BYTES / 2 + 1);
  stage.files.contents.set("/aliases.db", new Map([["ann", value]]));
  await stage.start();
  assert.equal((await stage.ask("aliases", "ann"))?.kind, "unavailable");
});

test("the queue may ask too; nobody else", async () => {
  const stage = new Stage();
  await stage.start();
  assert.equal(stage.join("queue"), true);
  assert.equal((await stage.ask("aliases", "ann"))?.kind, "found");
  for (const role of ["agent", "control", "lookup"] as const) {
    assert.equal(stage.join(role), false, role);
  }
});

test("told to stop, it closes its files and ends", async () => {
  const stage = new Stage();
  await stage.start();
  stage.stop();
  await stage.world.clock.advance(1);
  assert.equal(stage.files.open, 0);
  assert.equal(stage.ended, true);
});

test("a dispatcher's passwords are checked; the queue, which has no clients, is cut off", async () => {
  const stage = new Stage();
  await stage.start();
  assert.equal(await stage.authenticate("users", "ann", "right"), "accepted");
  assert.equal(await stage.authenticate("users", "ann", "wrong"), "refused");
  assert.equal(await stage.authenticate("users", "zoe", "right"), "refused");
  assert.equal(await stage.authenticate("logins", "Bob", "right"), "accepted");
  assert.equal(await stage.authenticate("aliases", "ann", "right"), "unavailable");
  stage.join("queue");
  assert.equal(await stage.authenticate("users", "ann", "right"), undefined);
});

test("nobody is told the hashes of a table that `auth` names", async () => {
  const stage = new Stage();
  await stage.start();
  for (const join of ["dispatcher", "queue"] as const) {
    stage.join(join);
    const answer = await stage.ask("logins", "bob");
    assert.deepEqual(answer, { kind: "found", request: 7, key: "bob", value: "" });
  }
});

test("a dispatcher is told what a relay shows to its host; the queue, which asks no host, is cut off", async () => {
  const stage = new Stage();
  await stage.start();
  const answers = [
    await stage.credentials("relays", "hub"),
    await stage.credentials("hubs", "hub"),
    await stage.credentials("relays", "nobody"),
  ];
  const told = { kind: "relay-credentials", request: 9 };
  assert.deepEqual(answers, [
    { ...told, credentials: { user: "me", password: "secret" } },
    { ...told, credentials: { user: "you", password: "secret:too" } },
    { kind: "absent", request: 9 },
  ]);
  stage.join("queue");
  assert.equal(await stage.credentials("relays", "hub"), undefined);
});

test("what a relay shows is not in what is told of clients' tables, nor of its own as a table", async () => {
  const stage = new Stage();
  await stage.start();
  for (const table of ["users", "logins", "aliases", "nothing"])
    assert.equal((await stage.credentials(table, "ann"))?.kind, "unavailable");
  const answer = await stage.ask("hubs", "hub");
  assert.deepEqual(answer, { kind: "found", request: 7, key: "hub", value: "" });
});

test("another configuration's tables answer once it is taken up; the files of the one before are closed", async () => {
  const stage = new Stage();
  await stage.start();
  stage.files.contents.set("/other.db", new Map([["ben", "b@example.org"]]));
  const next = configOf(
    "compat none",
    "table aliases db:/other.db",
    'action "box" maildir alias <aliases>',
    'match from any for any action "box"',
  );
  const prepared = await stage.prepare(next);
  assert.equal((await stage.ask("aliases", "ben"))?.kind, "absent");
  prepared?.takeUp();
  assert.equal((await stage.ask("aliases", "ben"))?.kind, "found");
  assert.equal((await stage.ask("domains", "*.example.org"))?.kind, "unavailable");
  assert.equal(stage.files.open, 1);
});

test("a table that cannot be read keeps another configuration from being taken up", async () => {
  const stage = new Stage();
  await stage.start();
  stage.files.contents.set("/domains.db", new Error("EIO: broken"));
  assert.equal(await stage.prepare(CONFIG), undefined);
  assert.equal((await stage.ask("aliases", "ann"))?.kind, "found");
  assert.equal(stage.files.open, 4);
});

test("what is given up leaves no file open", async () => {
  const stage = new Stage();
  await stage.start();
  (await stage.prepare(CONFIG))?.abandon();
  assert.equal((await stage.ask("aliases", "ann"))?.kind, "found");
  assert.equal(stage.files.open, 4);
});

test("the issuers that listeners name are asked about tokens, and no other", async () => {
  const stage = new Stage();
  await stage.start();
  assert.equal(await stage.token("corp", "ann"), "accepted");
  assert.equal(await stage.token("corp", "bob"), "refused");
  assert.equal(await stage.token("idle", "ann"), "unavailable");
  assert.deepEqual(stage.asked, ["http://127.0.0.1:8080/"]);
  const prepared = await stage.prepare(CONFIG);
  prepared?.takeUp();
  assert.equal(await stage.token("corp", "ann"), "accepted");
  assert.equal(stage.asked.length, 2, "another configuration asks again");
});

test("reports go to no web server inside our own network, though policies may come from one", async () => {
  const stage = new Stage(
    configOf(
      "mta sts",
      'mta tls-report from "tls@our.example"',
      'action "out" relay',
      'match from any for any action "out"',
    ),
  );
  const { resolver } = stage.world;
  resolver.setTexts("_mta-sts.far.example", ["v=STSv1; id=1"]);
  resolver.setTexts("_smtp._tls.far.example", ["v=TLSRPTv1; rua=https://far.example/tls"]);
  await stage.start();
  await stage.strangersOf("far.example");
  assert.deepEqual(stage.asked.toSorted(), [
    "anywhere: https://mta-sts.far.example/.well-known/mta-sts.txt",
    "public: https://far.example/tls",
  ]);
});
