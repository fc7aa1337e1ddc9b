/**
 * The criteria of rules, each as a question: a fact of the query, or a key that a table
 * is asked for. ruleset.ts puts them in order.
 *
 * Internal mail (a bounce, or what an alias forwards) and that of a UNIX socket have no
 * address: their key is `local`, and they have no reverse name. `from socket` is false
 * for internal mail, which came over none; OpenSMTPD has crashed on that.
 *
 * Source: OpenSMTPD ruleset.c; smtpd.conf(5).
 */
import { unreachable } from "#base/unreachable.ts";
import { domainOf } from "#protocols/mail/address.ts";
import type { Config } from "#model/config/config.ts";
import type { Criterion, CriterionTest, ForTest, FromTest } from "#model/config/rule.ts";
import type { Table, TableMatch } from "#model/config/table.ts";
import { UNKNOWN_HOSTNAME } from "#model/envelope.ts";
import { fingerprintKey } from "#model/fingerprint.ts";
import type { TableService } from "#model/table-service.ts";
import type { TableLookup } from "#policy/tables/answers.ts";
import { foldKey } from "#policy/tables/key-index.ts";
import { compileTable } from "#policy/tables/table-lookup.ts";
import type { Tables } from "#policy/tables/tables.ts";
import { localTables } from "./local-tables.ts";

/** What rules look at. */
export interface RuleQuery {
  /** The listener's kind, or "internal", which has no address and no name. */
  readonly via: "socket" | "tcp" | "internal";
  /** The client's address in text form; looked at for "tcp" only, as is `hostname`. */
  readonly address: string;
  /** The client's reverse name, or UNKNOWN_HOSTNAME. */
  readonly hostname: string;
  readonly helo: string;
  readonly tag: string;
  /** The authenticated user, or "". */
  readonly username: string;
  readonly tls: boolean;
  /** Of the client's certificate and of its key; none if left out. */
  readonly fingerprints?: readonly string[];
  /** "" is the null reverse-path. */
  readonly reversePath: string;
  /** `user@domain`: of the node that is expanded, not of the recipient that it began with. */
  readonly destination: string;
}

/** The keys of a query, each made once for all rules. */
export interface Facts {
  readonly query: RuleQuery;
  /** Address of the client, or `local`. */
  readonly source: string;
  readonly destination: string;
  readonly domain: string;
  /** The null sender is "@". */
  readonly sender: string;
  readonly helo: string;
  readonly tag: string;
}

/** What a criterion comes down to, negation aside. */
export type Question =
  | { readonly kind: "fact"; readonly holds: (facts: Facts) => boolean }
  | {
      readonly kind: "table";
      /** Its name. */
      readonly table: string;
      readonly serviceOf: (key: string) => TableService;
      /** Undefined where there is nothing to look up: the criterion does not hold. */
      readonly keyOf: (facts: Facts) => string | undefined;
      readonly lookup: TableLookup;
    };

export function factsOf(query: RuleQuery): Facts {
  return {
    query,
    source: query.via === "tcp" ? foldKey(query.address) : "local",
    destination: foldKey(query.destination),
    domain: domainOf(query.destination),
    sender: query.reversePath === "" ? "@" : foldKey(query.reversePath),
    helo: foldKey(query.helo),
    tag: foldKey(query.tag),
  };
}

/** Makes questions of criteria, with the tables of one configuration. */
export class CriteriaCompiler {
  readonly #tables: Tables;
  readonly #delimiter: string;
  readonly #localhost: Question;
  readonly #localnames: Question;

  constructor(config: Config, tables: Tables) {
    this.#tables = tables;
    this.#delimiter = config.subAddressDelimiter;
    const local = localTables(config);
    this.#localhost = this.#builtin(local.addresses, "netaddr", ({ source }) => source);
    this.#localnames = this.#builtin(local.names, "domain", ({ domain }) => domain);
  }

  question(test: CriterionTest): Question {
    switch (test.kind) {
      case "from":
        return this.#from(test.from);
      case "for":
        return this.#for(test.to);
      case "tag":
        return this.#ask(test.match, "string", ({ tag }) => tag);
      case "helo":
        return this.#ask(test.match, "domain", ({ helo }) => helo);
      case "auth":
        return this.#auth(test.match);
      case "tls":
        if (test.match === undefined) return { kind: "fact", holds: ({ query }) => query.tls };
        return this.#ask(test.match, "fingerprint", ({ query }) =>
          fingerprintKey(query.fingerprints ?? []),
        );
      case "mail-from":
        return this.#ask(test.match, "mailaddr", ({ sender }) => sender);
      case "rcpt-to":
        return this.#ask(test.match, "mailaddr", ({ destination }) => destination);
      default:
        return unreachable(test);
    }
  }

  #from(from: FromTest): Question {
    switch (from.kind) {
      case "any":
        return { kind: "fact", holds: () => true };
      case "socket":
        return { kind: "fact", holds: ({ query }) => query.via === "socket" };
      case "local":
        return this.#localhost;
      case "src":
        return this.#ask(from.match, "netaddr", ({ source }) => source);
      case "rdns":
        if (from.match === undefined)
          return { kind: "fact", holds: (facts) => reverseName(facts) !== undefined };
        return this.#ask(from.match, "domain", reverseName);
      default:
        return unreachable(from);
    }
  }

  #for(to: ForTest): Question {
    switch (to.kind) {
      case "any":
        return { kind: "fact", holds: () => true };
      case "local":
        return this.#localnames;
      case "domain":
        return this.#ask(to.match, "domain", ({ domain }) => domain);
      default:
        return unreachable(to);
    }
  }

  /** A name with an "@" is compared as a mail address, so that `@domain` covers its users. */
  #auth(match: TableMatch | undefined): Question {
    if (match === undefined) return { kind: "fact", holds: (facts) => user(facts) !== undefined };
    if (match.regex) return this.#ask(match, "regex", user);
    const asAddress = this.#tables.lookup(match.table, "mailaddr");
    const asName = this.#tables.lookup(match.table, "string");
    return {
      kind: "table",
      table: match.table.name,
      serviceOf: (key) => (key.includes("@") ? "mailaddr" : "string"),
      keyOf: user,
      lookup: (key) => (key.includes("@") ? asAddress(key) : asName(key)),
    };
  }

  #ask(
    match: TableMatch,
    usual: TableService,
    keyOf: (facts: Facts) => string | undefined,
  ): Question {
    const service = match.regex ? "regex" : usual;
    const lookup = this.#tables.lookup(match.table, service);
    return { kind: "table", table: match.table.name, serviceOf: () => service, keyOf, lookup };
  }

  #builtin(table: Table, service: TableService, keyOf: (facts: Facts) => string): Question {
    const lookup = compileTable(table, service, { delimiter: this.#delimiter });
    return { kind: "table", table: table.name, serviceOf: () => service, keyOf, lookup };
  }
}

/** Whether the criterion is about the reverse name of the client, which takes time to learn. */
export function asksReverseName({ test }: Criterion): boolean {
  return test.kind === "from" && test.from.kind === "rdns";
}

/** Of a client on the network; undefined if it has none. */
function reverseName({ query }: Facts): string | undefined {
  const { hostname } = query;
  return query.via !== "tcp" || hostname === UNKNOWN_HOSTNAME ? undefined : foldKey(hostname);
}

/** Undefined if nobody logged in. */
function user({ query }: Facts): string | undefined {
  return query.username === "" ? undefined : foldKey(query.username);
}
