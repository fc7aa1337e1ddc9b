/**
 * The process `lookup`: asks the tables that are not in memory, for the processes that
 * decide about recipients, checks the passwords of clients, for the dispatchers, and keeps
 * the responses of OCSP that certificates are shown with.
 *
 * Runs as: `_smtpl`, when the configuration has such a table, a listener with `auth` or a
 * certificate that is stapled, under Node's permission model: it reads files; it starts no
 * program, and has the network only while a responder or an issuer of tokens is to be asked;
 * for the former it may write, in a folder of its own. SQLite and the addon for crypt(3) are
 * outside the model (its user holds them there). Holds: the files of `db:` tables, those that
 * its own copy of the configuration names; the hashes of passwords, and what we show to issuers
 * of tokens, which nobody is told; who has guessed at them lately. Talks to: the parent, the
 * dispatchers, the queue (for bounces), `auth`; issuers and responders. When it dies, look-ups
 * are unavailable, recipients get a 451 and clients a 454, until it is started again.
 */
import { ABSENT } from "#base/lookup.ts";
import type { Http } from "#base/ports/http.ts";
import type { PasswordHashing } from "#base/ports/password-hashing.ts";
import type { Signatures } from "#base/ports/signatures.ts";
import type { TableFile, TableFiles } from "#base/ports/table-files.ts";
import { unreachable } from "#base/unreachable.ts";
import type { Config } from "#model/config/config.ts";
import type { Table } from "#model/config/table.ts";
import type { Staple } from "#model/staple.ts";
import type { TlsMaterial } from "#model/tls-material.ts";
import type { Observe } from "#model/events.ts";
import type { ParentToChild } from "#model/ipc/parent-link.ts";
import {
  type AuthQuestion,
  type LookupAnswer,
  type LookupMessage,
  type LookupQuestion,
  MAX_LOOKUP_REASON_BYTES,
  MAX_LOOKUPS_UNDER_WAY,
  type TableQuestion,
} from "#model/ipc/lookup-link.ts";
import { NONE_STRANDED } from "#model/stranded.ts";
import { MAX_STORED_VALUE_BYTES } from "#model/table-database.ts";
import { Credentials, type CredentialsTable } from "#engine/auth/credentials.ts";
import type { TokenCheck, TokenPorts } from "#engine/auth/token-check.ts";
import { Staples } from "#engine/staples/staples.ts";
import { staplings } from "#policy/tls/staple-plan.ts";
import type { TableAnswer, TableBackend } from "#policy/tables/answers.ts";
import type { Link } from "./channel.ts";
import { credentialsTables } from "./lookup-credentials.ts";
import { tokenChecks } from "./lookup-issuers.ts";
import type { Joined, NextConfig, Prepared, RoleSetting, RunningRole, StartRole } from "./role.ts";
import { RemotePasswords } from "./remote-passwords.ts";
import { AUTH_CLIENT_SIDE, LOOKUP_SIDE } from "./shapes.ts";

/** What lookup has of this machine, or of a simulated one. */
export interface LookupWorld {
  readonly files: TableFiles;
  readonly hashing: PasswordHashing;
  readonly http: Http;
  readonly signatures: Signatures;
}

export function lookupRole(world: LookupWorld): StartRole {
  return async (setting) => new Lookup(setting, world);
}

type LookupLink = Link<LookupQuestion, LookupMessage>;

/** The tables of one configuration, by name. */
interface OpenTables {
  readonly files: ReadonlyMap<string, WatchedTable>;
  readonly credentials: ReadonlyMap<string, CredentialsTable>;
  /** What is wrong with them, in one line. */
  readonly fault: string | undefined;
}

class Lookup implements RunningRole {
  readonly #setting: RoleSetting;
  readonly #files: TableFiles;
  readonly #passwords: RemotePasswords;
  readonly #tokenPorts: TokenPorts;
  readonly #authenticator: Credentials;
  readonly #staples: Staples;
  /** They show certificates, and are told with which responses. */
  readonly #dispatchers = new Set<LookupLink>();
  #tables: OpenTables;
  #issuers: ReadonlyMap<string, TokenCheck>;
  #config: Config;

  constructor(setting: RoleSetting, { files, hashing, http, signatures }: LookupWorld) {
    this.#setting = setting;
    this.#config = setting.config;
    this.#files = files;
    this.#tables = this.#tablesOf(setting.config);
    this.#tokenPorts = { clock: setting.ports.clock, http };
    this.#issuers = tokenChecks(setting.config, setting.slice.tls, this.#tokenPorts);
    const { observe } = setting.observer;
    this.#passwords = new RemotePasswords(setting.ports.clock);
    // Of guesses it remembers over configurations.
    this.#authenticator = new Credentials(
      { clock: setting.ports.clock, hashing, observe, systemPasswords: this.#passwords },
      {
        table: (name) => this.#tables.credentials.get(name),
        oauth: (name) => this.#issuers.get(name),
      },
    );
    this.#staples = new Staples(
      {
        clock: setting.ports.clock,
        files: setting.ports.files,
        http,
        signatures,
        observe,
        folder: setting.slice.stapleFolder,
      },
      (staple) => this.#publish(staple),
    );
    this.#stapleFor(setting.config, setting.slice.tls);
    const { fault } = this.#tables;
    // At the start of the daemon the parent gives up for that; later the other tables must go on.
    if (fault !== undefined) setting.parent.send({ kind: "tables-fault", why: fault });
  }

  /** All tables are opened anew; one that cannot be read is a reason not to take them up. */
  async prepare({ config, tls }: NextConfig): Promise<Prepared | string> {
    const tables = this.#tablesOf(config);
    if (tables.fault !== undefined) {
      closeAll(tables);
      return tables.fault;
    }
    return {
      takeUp: () => {
        closeAll(this.#tables);
        this.#tables = tables;
        this.#takeUpTls(config, tls);
        return NONE_STRANDED;
      },
      abandon: () => closeAll(tables),
    };
  }

  joined(sibling: Joined): void {
    // Only who speaks with clients has passwords to ask about.
    if (sibling.to === "dispatcher") this.#dispatcherJoined(sibling.open(LOOKUP_SIDE));
    else if (sibling.to === "queue")
      serve(sibling.open(LOOKUP_SIDE), (question) =>
        question.kind === "table" ? this.#answer(question) : undefined,
      );
    else if (sibling.to === "auth") this.#passwords.linked(sibling.open(AUTH_CLIENT_SIDE));
    else sibling.refuse();
  }

  parentSays(message: ParentToChild): void {
    if (message.kind === "tls-renewed") this.#takeUpTls(this.#config, message.tls);
    if (message.kind !== "shutdown") return;
    this.#staples.stop();
    closeAll(this.#tables);
    this.#setting.parent.send({ kind: "stopped" });
    this.#setting.end();
  }

  #dispatcherJoined(link: LookupLink): void {
    serve(
      link,
      (question) => this.#answer(question),
      () => this.#dispatchers.delete(link),
    );
    this.#dispatchers.add(link);
    for (const staple of this.#staples.current) link.send({ kind: "staple", staple });
  }

  /** What was believed of tokens is asked again: another issuer may answer, or nobody. */
  #takeUpTls(config: Config, tls: TlsMaterial): void {
    this.#issuers = tokenChecks(config, tls, this.#tokenPorts);
    this.#stapleFor(config, tls);
  }

  #stapleFor(config: Config, { identities }: TlsMaterial): void {
    this.#config = config;
    this.#staples.takeUp(staplings(config, identities));
  }

  #publish(staple: Staple): void {
    for (const link of this.#dispatchers) link.send({ kind: "staple", staple });
  }

  #tablesOf(config: Config): OpenTables {
    const { observe } = this.#setting.observer;
    const files = new Map<string, WatchedTable>();
    const faults: string[] = [];
    for (const { name, source } of config.tables.values()) {
      if (source.kind !== "db") continue;
      const table = new WatchedTable(name, this.#files.table(source.path), observe);
      const fault = table.check();
      if (fault !== undefined) faults.push(fault);
      files.set(name, table);
    }
    const fault = faults.length === 0 ? undefined : bounded(faults.join("; "));
    const backendOf = ({ name }: Table): TableBackend | undefined => files.get(name)?.backend;
    return { files, credentials: credentialsTables(config, backendOf), fault };
  }

  #answer(question: LookupQuestion): LookupAnswer | Promise<LookupAnswer> {
    switch (question.kind) {
      case "table":
        return this.#answerTable(question);
      case "auth":
        return this.#answerAuth(question);
      default:
        return unreachable(question);
    }
  }

  #answerTable({ request, table, keys }: TableQuestion): LookupAnswer {
    const { files, credentials } = this.#tables;
    const known = files.get(table);
    // A sibling has another configuration, for as long as a reload takes.
    if (known === undefined)
      return { kind: "unavailable", request, why: `no table "${table}" is known here` };
    const answer = known.answer(request, keys);
    // Rules may ask whether a user is there; what he shows of himself is asked otherwise.
    return answer.kind === "found" && credentials.has(table) ? { ...answer, value: "" } : answer;
  }

  async #answerAuth({ request, attempt }: AuthQuestion): Promise<LookupAnswer> {
    return { kind: "auth", request, answer: await this.#authenticator.ask(attempt) };
  }
}

function closeAll({ files }: OpenTables): void {
  for (const table of files.values()) table.close();
}

/**
 * Answers the questions of one sibling, as fast as it takes the answers: those about
 * tables in their order. One that it may not ask (undefined) ends it.
 */
function serve(
  channel: LookupLink,
  answer: (question: LookupQuestion) => LookupAnswer | Promise<LookupAnswer> | undefined,
  closed: () => void = () => undefined,
): void {
  const waiting: LookupQuestion[] = [];
  let isOpen = true;
  const work = (): void => {
    while (!channel.congested) {
      const question = waiting.shift();
      if (question === undefined) return;
      const answered = answer(question);
      if (answered === undefined) channel.destroy();
      else if (answered instanceof Promise) void later(answered);
      else channel.send(answered);
    }
  };
  const later = async (answered: Promise<LookupAnswer>): Promise<void> => {
    const message = await answered;
    if (isOpen) channel.send(message);
  };
  channel.start({
    message(question) {
      // A sibling asks no more than that before it has answers.
      if (waiting.length >= MAX_LOOKUPS_UNDER_WAY) channel.destroy();
      else waiting.push(question);
      work();
    },
    drained: work,
    closed: () => {
      isOpen = false;
      waiting.length = 0;
      closed();
    },
  });
}

/** A table whose troubles are told to the log when they begin and when they end, not at each question. */
class WatchedTable {
  readonly #name: string;
  readonly #file: TableFile;
  readonly #observe: Observe;
  /** What was last wrong with it; "" when it was fine. */
  #trouble = "";

  constructor(name: string, file: TableFile, observe: Observe) {
    this.#name = name;
    this.#file = file;
    this.#observe = observe;
  }

  /** Why it cannot be read now, in one line, for the parent to tell. */
  check(): string | undefined {
    const fault = this.#file.fault();
    this.#trouble = fault === undefined ? "" : this.#why(fault);
    return fault && this.#trouble;
  }

  answer(request: number, keys: readonly string[]): LookupAnswer {
    const answer = this.#file.lookupAny(keys);
    if (answer.kind === "unavailable") return this.#unavailable(request, this.#why(answer.cause));
    if (answer.kind === "found" && Buffer.byteLength(answer.value.value) > MAX_STORED_VALUE_BYTES) {
      const why = `table ${this.#name}: the value of a key has more than ${MAX_STORED_VALUE_BYTES} bytes`;
      return this.#unavailable(request, why);
    }
    this.#tell("");
    if (answer.kind === "absent") return { kind: "absent", request };
    return { kind: "found", request, ...answer.value };
  }

  /** For look-ups within this process. */
  readonly backend: TableBackend = {
    lookupAny: async (_, keys): Promise<TableAnswer> => {
      const answer = this.answer(0, keys);
      if (answer.kind === "found") return { kind: "found", value: answer.value, entry: answer.key };
      if (answer.kind === "unavailable")
        return { kind: "unavailable", cause: new Error(answer.why) };
      return ABSENT;
    },
  };

  close(): void {
    this.#file.close();
  }

  #unavailable(request: number, why: string): LookupAnswer {
    this.#tell(why);
    return { kind: "unavailable", request, why };
  }

  #tell(trouble: string): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    if (trouble === "") this.#observe({ kind: "notice", text: `table ${this.#name} can be read` });
    else this.#observe({ kind: "warning", text: trouble });
  }

  #why(cause: Error): string {
    const isForbidden = "code" in cause && cause.code === "EACCES";
    const hint = isForbidden ? " (started by root, lookup reads it as the user _smtpl)" : "";
    return bounded(`table ${this.#name}: ${cause.message}${hint}`);
  }
}

/** A frame has room for it: UTF-8 has three bytes at most for a UTF-16 unit. */
function bounded(reason: string): string {
  return reason.slice(0, MAX_LOOKUP_REASON_BYTES / 3);
}
