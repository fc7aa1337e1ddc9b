/**
 * What each process knows of the configuration: its slice, which holds no secret that the
 * process has no use for. The parent alone has everything.
 *
 * Decided by two tables: of the fields of the configuration, and of what tables are used
 * for. Both must name every field and every use to compile, so that nothing new is
 * given away because nobody thought of it. A table has its values where something looks
 * them up, its keys where they are compared, and else nothing. Of a `passwd:` table the
 * hashes go to whoever checks passwords, and the rest to whoever looks for users.
 *
 * An agent runs as the recipient, who may be able to read its memory: it is told how its
 * mailboxes are found, and nothing of other lists, hosts and rules.
 *
 * Limits: a table that is used for credentials and for aliases, or for users without being
 * a `passwd:` table, is known to those who need the aliases or the users.
 */
import type { Action, LocalAction, RelayAction } from "#model/config/action.ts";
import type { Config } from "#model/config/config.ts";
import { deepFreeze } from "#model/config/freeze.ts";
import type { Listener } from "#model/config/listener.ts";
import type { Table } from "#model/config/table.ts";
import type { TableUse } from "#model/config/table-use.ts";
import { usesOfTables } from "#model/config/uses-of-tables.ts";
import { withoutHash } from "#policy/tables/passwd.ts";
import type { Role } from "./roles.ts";

/** Who gets a field as it is, and what the others get in its place. */
interface Share<Value> {
  readonly to: readonly Role[];
  readonly others: Value;
}

type Shares = { readonly [Field in keyof Config]: "everyone" | Share<Config[Field]> };

/** They decide about recipients: of clients, and of bounces. */
const DECIDERS: readonly Role[] = ["dispatcher", "queue"];

const FIELDS: Shares = {
  serverName: "everyone",
  subAddressDelimiter: "everyone",
  compat: "everyone",
  maxMessageBytes: "everyone",
  maxRecipients: "everyone",
  maxMailsPerSession: "everyone",
  queueTtlMs: "everyone",
  traceRecipients: "everyone",
  traceAgeMs: "everyone",
  traceBytes: "everyone",
  bounceWarnIntervalsMs: "everyone",
  mtaMaxDeferred: "everyone",
  mtaSts: "everyone",
  // Dispatchers count, lookup keeps and sends, the queue writes the mail.
  tlsReports: { to: ["dispatcher", "lookup", "queue"], others: undefined },
  mtaLimits: "everyone",
  mdaLimits: "everyone",
  schedulerLimits: "everyone",
  tls: "everyone",
  admd: { to: ["dispatcher"], others: "" },
  queueCompression: { to: ["queue"], others: "off" },
  // The keys travel beside it, to the queue alone (child-slice.ts), wherever they come from.
  queueEncryption: { to: [], others: { kind: "off" } },
  srs: { to: ["dispatcher"], others: undefined },
  mtaDomainLimits: { to: DECIDERS, others: new Map() },
  places: { to: [], others: new Map() },
  // Lookup: which tables are for `auth`, and so answer nobody but that.
  // Local: where the UNIX-domain sockets are.
  listeners: { to: ["dispatcher", "lookup", "local"], others: [] },
  tables: { to: [...DECIDERS, "lookup"], others: new Map() },
  pkis: { to: ["dispatcher", "lookup"], others: new Map() },
  oauths: { to: ["lookup"], others: new Map() },
  oauthSecrets: { to: ["lookup"], others: new Map() },
  cas: { to: ["dispatcher"], others: new Map() },
  procs: { to: ["dispatcher"], others: new Map() },
  filters: { to: ["dispatcher"], others: new Map() },
  // The parent alone makes commands.
  mdaWrappers: { to: [], others: new Map() },
  // Lookup: which tables are for `auth` of relays, whose secrets it tells the dispatchers, and
  // which for `host` and `src`.
  actions: { to: [...DECIDERS, "agent", "lookup"], others: new Map() },
  rules: { to: DECIDERS, others: [] },
  includes: { to: DECIDERS, others: new Map() },
};

/** Who has a use for a table, and for what of it. */
interface Need {
  readonly of: "keys" | "values" | "users" | "credentials";
  readonly by: readonly Role[];
}

const USES: Readonly<Record<TableUse, Need>> = {
  alias: { of: "values", by: DECIDERS },
  virtual: { of: "values", by: DECIDERS },
  userbase: { of: "users", by: DECIDERS },
  host: { of: "keys", by: ["dispatcher"] },
  domain: { of: "values", by: ["dispatcher"] },
  "relay auth": { of: "credentials", by: ["lookup"] },
  src: { of: "keys", by: ["dispatcher"] },
  "helo-src": { of: "values", by: ["dispatcher"] },
  tag: { of: "keys", by: DECIDERS },
  "from src": { of: "keys", by: DECIDERS },
  "from rdns": { of: "keys", by: DECIDERS },
  "for domain": { of: "keys", by: DECIDERS },
  helo: { of: "keys", by: DECIDERS },
  auth: { of: "keys", by: DECIDERS },
  "mail-from": { of: "keys", by: DECIDERS },
  fingerprint: { of: "keys", by: DECIDERS },
  "rcpt-to": { of: "keys", by: DECIDERS },
  "listen auth": { of: "credentials", by: ["lookup"] },
  hostnames: { of: "values", by: ["dispatcher"] },
  senders: { of: "values", by: ["dispatcher"] },
  proxy: { of: "keys", by: ["dispatcher"] },
  xclient: { of: "keys", by: ["dispatcher"] },
  "filter src": { of: "keys", by: ["dispatcher"] },
  "filter rdns": { of: "keys", by: ["dispatcher"] },
  "filter helo": { of: "keys", by: ["dispatcher"] },
  "filter auth": { of: "keys", by: ["dispatcher"] },
  "filter mail-from": { of: "keys", by: ["dispatcher"] },
  "filter rcpt-to": { of: "keys", by: ["dispatcher"] },
};

/** The configuration as a process of this role is told it. `config` is not changed. */
export function configSlice(config: Config, role: Role): Config {
  const needs = needsOf(config, role);
  const sliced = new TableReplacement((table) => tableSlice(table, needs.get(table) ?? new Set()));
  return deepFreeze(sliced.in({ ...config, ...withheld(config, role) }));
}

/** What this role gets in the place of what is not for it. */
function withheld({ actions, listeners, pkis }: Config, role: Role): Partial<Config> {
  const instead = Object.entries(FIELDS).flatMap(([field, share]) =>
    share === "everyone" || share.to.includes(role) ? [] : [[field, share.others] as const],
  );
  const fields: Partial<Config> = Object.fromEntries(instead);
  if (role === "agent") return { ...fields, actions: localOnly(actions) };
  if (role === "dispatcher") return { ...fields, listeners: listeners.map(withoutIssuer) };
  if (role === "local") return { ...fields, listeners: listeners.flatMap(placeOnly) };
  if (role !== "lookup") return fields;
  return {
    ...fields,
    actions: relayTablesOnly(actions),
    listeners: listeners.map(authOnly),
    pkis: withoutPaths(pkis),
  };
}

/** Who asks lookup about a token names the issuer, and tells clients what tokens must be good for. */
function withoutIssuer(listener: Listener): Listener {
  const { auth } = listener;
  if (auth.mode === "none" || auth.oauth === undefined) return listener;
  const oauth = { ...auth.oauth, url: "", client: undefined, claim: undefined, ca: undefined };
  return { ...listener, auth: { ...auth, oauth } };
}

/** Of a UNIX-domain socket where it is, and nothing of others. */
function placeOnly(listener: Listener): readonly Listener[] {
  if (listener.endpoint.kind !== "unix") return [];
  const nothing = {
    hostnames: undefined,
    senders: undefined,
    proxy: undefined,
    xclient: undefined,
  };
  const none = { mode: "none" } as const;
  return [{ ...listener, ...nothing, tls: none, auth: none, tag: "", filters: [] }];
}

/** Which tables clients authenticate by; where it listens, and how, is of no use to lookup. */
function authOnly(listener: Listener): Listener {
  return {
    ...listener,
    tls: { mode: "none" },
    hostnames: undefined,
    senders: undefined,
    filters: [],
  };
}

/** Lookup is given the certificates themselves (slice-tls.ts); what is left is how they are stapled. */
function withoutPaths(pkis: Config["pkis"]): Config["pkis"] {
  const pathless = { cert: undefined, key: undefined };
  return new Map(Array.from(pkis, ([name, pki]) => [name, { ...pki, ...pathless }]));
}

/**
 * Which tables relays authenticate by, and which they are told of; where they send by others is of
 * no use to lookup.
 */
function relayTablesOnly(actions: ReadonlyMap<string, Action>): ReadonlyMap<string, Action> {
  const entries = Array.from(actions).flatMap(([name, action]): [string, Action][] => {
    if (action.kind !== "relay") return [];
    const src = action.src?.shape === "remote" ? action.src : undefined;
    const isAsked = action.to.kind === "hosts" && action.to.table.shape === "remote";
    if (action.auth === undefined && src === undefined && !isAsked) return [];
    const to: RelayAction["to"] = isAsked ? action.to : { kind: "mx" };
    const nothing = { heloSrc: undefined, fingerprints: undefined, pki: undefined, ca: undefined };
    return [[name, { ...action, ...nothing, src, to, filters: [] }]];
  });
  return new Map(entries);
}

function localOnly(actions: ReadonlyMap<string, Action>): ReadonlyMap<string, Action> {
  const local = [...actions].flatMap(([name, action]): [string, Action][] =>
    action.kind === "relay" ? [] : [[name, withoutCommand(action)]],
  );
  return new Map(local);
}

/** An agent asks for each command (warrants.ts): others than its own are none of its business. */
function withoutCommand(action: LocalAction): LocalAction {
  const bare = { ...action, wrapper: undefined };
  return bare.kind === "mda" ? { ...bare, command: { source: "", parts: [] } } : bare;
}

type Needs = ReadonlySet<Need["of"]>;

function needsOf(config: Config, role: Role): ReadonlyMap<Table, Needs> {
  const needs = new Map<Table, Set<Need["of"]>>();
  for (const { use, table } of usesOfTables(config)) {
    const { of, by } = USES[use];
    if (!by.includes(role)) continue;
    const known = needs.get(table);
    if (known === undefined) needs.set(table, new Set([of]));
    else known.add(of);
  }
  return needs;
}

function tableSlice(table: Table, needs: Needs): Table {
  if (table.entries.size === 0 || needs.has("credentials") || needs.has("values")) return table;
  if (needs.has("users")) return table.source.kind === "passwd" ? withoutHashes(table) : table;
  if (!needs.has("keys")) return { ...table, entries: new Map() };
  if (table.shape === "list") return table;
  return { ...table, entries: new Map(Array.from(table.entries.keys(), (key) => [key, ""])) };
}

function withoutHashes(table: Table): Table {
  const entries = Array.from(table.entries, ([user, line]) => [user, withoutHash(line)] as const);
  return { ...table, entries: new Map(entries) };
}

/**
 * Puts other tables in the place of those that are anywhere in a value. What is one object
 * stays one, and what holds no table stays what it is.
 */
class TableReplacement {
  readonly #replace: (table: Table) => Table;
  readonly #done = new Map<object, unknown>();

  constructor(replace: (table: Table) => Table) {
    this.#replace = replace;
  }

  in<Value>(value: Value): Value;
  in(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    if (this.#done.has(value)) return this.#done.get(value);
    const replaced = this.#replaced(value);
    this.#done.set(value, replaced);
    return replaced;
  }

  #replaced(value: object): object {
    if (isTable(value)) return this.#replace(value);
    if (value instanceof Map) {
      const entries = Array.from(value, ([key, each]) => [key, this.in(each)] as const);
      return entries.every(([key, each]) => value.get(key) === each) ? value : new Map(entries);
    }
    if (Array.isArray(value)) {
      const items = value.map((each: unknown) => this.in(each));
      return items.every((each, index) => each === value[index]) ? value : items;
    }
    const before = Object.entries(value);
    const after = before.map(([name, each]) => [name, this.in(each)] as const);
    const isSame = after.every(([, each], index) => each === before[index]?.[1]);
    return isSame ? value : Object.fromEntries(after);
  }
}

function isTable(value: object): value is Table {
  return "entries" in value && value.entries instanceof Map && "source" in value;
}
