/**
 * The process `lookup`: asks the tables that are not in memory, for the processes that
 * decide about recipients, checks the passwords of clients, for the dispatchers, keeps what
 * relays show of themselves to their hosts, the responses of OCSP that certificates are shown
 * with, and the policies of MTA-STS that domains have; and counts TLS sessions for reports to
 * those domains, which it sends.
 *
 * Runs as: `_smtpl`, when the configuration has such a table, a listener or a relay with `auth`,
 * a certificate that is stapled, `mta sts` or `mta tls-report`, under Node's permission model: it
 * reads files; it starts no program, and has the network only while a responder or an issuer of
 * tokens is to be asked, a policy to be fetched or a report to be sent; for responses, policies
 * and what reports will say it may write, in a folder of its own. SQLite and the addon for
 * crypt(3) are outside the model (its user holds them there).
 * Holds: the files of `db:` tables, those that its own copy of the configuration names; the
 * hashes of passwords, and what we show to issuers of tokens, which nobody is told; who has
 * guessed at them lately. Talks to: the parent, the dispatchers, the queue (for bounces, and to
 * have reports sent), `auth`; issuers, responders, hosts of policies and of reports. When it dies,
 * look-ups are unavailable, recipients get a 451 and clients a 454, and relays that need it defer,
 * until it is started again.
 */
import type { HostReach, Http } from "#base/ports/http.ts";
import type { PasswordHashing } from "#base/ports/password-hashing.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import type { Signatures } from "#base/ports/signatures.ts";
import type { TableFiles } from "#base/ports/table-files.ts";
import type { Config } from "#model/config/config.ts";
import type { ParentToChild } from "#model/ipc/parent-link.ts";
import type { Staple } from "#model/staple.ts";
import { NONE_STRANDED } from "#model/stranded.ts";
import type { TlsMaterial } from "#model/tls-material.ts";
import { Credentials } from "#engine/auth/credentials.ts";
import type { TokenCheck, TokenPorts } from "#engine/auth/token-check.ts";
import { unfetchedPolicy } from "#engine/relay/tls-findings.ts";
import { Staples } from "#engine/staples/staples.ts";
import { StsCache } from "#engine/sts/sts-cache.ts";
import { StsPolicies } from "#engine/sts/sts-policies.ts";
import { ReportDays } from "#engine/tls-reports/report-days.ts";
import type { Reporter } from "#engine/tls-reports/report-sending.ts";
import { ReportStore } from "#engine/tls-reports/report-store.ts";
import { staplings } from "#policy/tls/staple-plan.ts";
import { answerLookups, type LookupLink } from "./answer-lookups.ts";
import { forParent, LookupAnswers } from "./lookup-answers.ts";
import { tokenChecks } from "./lookup-issuers.ts";
import { closeTables, type OpenTables, openTables } from "./open-tables.ts";
import { RemotePasswords } from "./remote-passwords.ts";
import { ReportCourier } from "./report-courier.ts";
import type { Joined, NextConfig, Prepared, RoleSetting, RunningRole, StartRole } from "./role.ts";
import { AUTH_CLIENT_SIDE, LOOKUP_SIDE } from "./shapes.ts";

/** What lookup has of this machine, or of a simulated one. */
export interface LookupWorld {
  readonly files: TableFiles;
  readonly hashing: PasswordHashing;
  /** To servers that the configuration or a certificate of ours names, found as any program of this machine finds them. */
  readonly http: Http;
  /** To servers that strangers name. */
  readonly strangersHttp: (resolver: Resolver, reach: HostReach) => Http;
  readonly signatures: Signatures;
}

export function lookupRole(world: LookupWorld): StartRole {
  return async (setting) => new Lookup(setting, world);
}

class Lookup implements RunningRole {
  readonly #setting: RoleSetting;
  readonly #files: TableFiles;
  readonly #passwords: RemotePasswords;
  readonly #tokenPorts: TokenPorts;
  readonly #answers: LookupAnswers;
  readonly #staples: Staples;
  readonly #sts: StsPolicies;
  readonly #reports: ReportDays;
  readonly #courier: ReportCourier;
  /** They show certificates, and are told with which responses. */
  readonly #dispatchers = new Set<LookupLink>();
  #tables: OpenTables;
  #issuers: ReadonlyMap<string, TokenCheck>;
  #config: Config;

  constructor(setting: RoleSetting, world: LookupWorld) {
    const { files, hashing, http, strangersHttp, signatures } = world;
    this.#setting = setting;
    this.#config = setting.config;
    this.#files = files;
    this.#tables = this.#tablesOf(setting.config);
    this.#tokenPorts = { clock: setting.ports.clock, http };
    this.#issuers = tokenChecks(setting.config, setting.slice.tls, this.#tokenPorts);
    const { observe } = setting.observer;
    this.#passwords = new RemotePasswords(setting.ports.clock);
    this.#courier = new ReportCourier(setting.ports.clock);
    // Of guesses it remembers over configurations.
    const authenticator = new Credentials(
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
    const { clock, resolver } = setting.ports;
    const cache = new StsCache(setting.ports.files, setting.slice.stapleFolder);
    this.#reports = new ReportDays({
      clock,
      resolver,
      http: strangersHttp(resolver, "public"),
      observe,
      random: setting.ports.random,
      store: new ReportStore(setting.ports.files, setting.slice.stapleFolder),
      post: (letter) => this.#courier.post(letter),
    });
    this.#reports.takeUp(reporterOf(setting.config));
    void this.#reports.load();
    this.#sts = new StsPolicies({
      clock,
      resolver,
      http: strangersHttp(resolver, "anywhere"),
      cache,
      observe,
      failed: (domain, type, why) =>
        this.#reports.count([{ ...unfetchedPolicy(domain, type, why), sessions: 1 }]),
    });
    void this.#sts.load();
    this.#answers = new LookupAnswers({
      tables: () => this.#tables,
      authenticator,
      stsPolicyOf: async (domain) => (this.#config.mtaSts ? this.#sts.policyOf(domain) : undefined),
    });
    this.#stapleFor(setting.config, setting.slice.tls);
    const { fault } = this.#tables;
    // At the start of the daemon the parent gives up for that; later the other tables must go on.
    if (fault !== undefined) setting.parent.send({ kind: "tables-fault", why: fault });
  }

  /** All tables are opened anew; one that cannot be read is a reason not to take them up. */
  async prepare({ config, tls }: NextConfig): Promise<Prepared | string> {
    const tables = this.#tablesOf(config);
    if (tables.fault !== undefined) {
      closeTables(tables);
      return tables.fault;
    }
    return {
      takeUp: () => {
        closeTables(this.#tables);
        this.#tables = tables;
        this.#takeUpTls(config, tls);
        this.#reports.takeUp(reporterOf(config));
        return NONE_STRANDED;
      },
      abandon: () => closeTables(tables),
    };
  }

  joined(sibling: Joined): void {
    // Only who speaks with clients has passwords to ask about.
    if (sibling.to === "dispatcher") this.#dispatcherJoined(sibling.open(LOOKUP_SIDE));
    else if (sibling.to === "queue") this.#queueJoined(sibling.open(LOOKUP_SIDE));
    else if (sibling.to === "auth") this.#passwords.linked(sibling.open(AUTH_CLIENT_SIDE));
    else sibling.refuse();
  }

  parentSays(message: ParentToChild): void {
    if (message.kind === "tls-renewed") this.#takeUpTls(this.#config, message.tls);
    if (message.kind === "table-wanted" && message.question.kind === "table") {
      const answer = this.#answers.table(message.question);
      this.#setting.parent.send({ kind: "table-answered", answer: forParent(answer) });
    }
    if (message.kind === "send-tls-reports") this.#reports.sendNow();
    if (message.kind === "shutdown") void this.#shutdown();
  }

  async #shutdown(): Promise<void> {
    this.#staples.stop();
    closeTables(this.#tables);
    await this.#reports.stop();
    this.#setting.parent.send({ kind: "stopped" });
    this.#setting.end();
  }

  #queueJoined(link: LookupLink): void {
    answerLookups(
      link,
      (question) => (question.kind === "table" ? this.#answers.of(question) : undefined),
      {
        told: (news) => {
          if (news.kind === "letter-ended") this.#courier.ended(news.number, news.outcome);
        },
        closed: () => this.#courier.lost(link),
      },
    );
    this.#courier.linked(link);
  }

  #dispatcherJoined(link: LookupLink): void {
    answerLookups(link, (question) => this.#answers.of(question), {
      told: (news) => {
        if (news.kind === "tls-sessions") this.#reports.count(news.sessions);
      },
      closed: () => this.#dispatchers.delete(link),
    });
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
    return openTables(config, this.#files, this.#setting.observer.observe);
  }
}

function reporterOf({ tlsReports, serverName }: Config): Reporter | undefined {
  if (tlsReports === undefined) return undefined;
  const { from: contact, organization = serverName } = tlsReports;
  return { serverName, contact, organization };
}
