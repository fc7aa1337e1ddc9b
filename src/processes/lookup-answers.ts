/**
 * The answers of the process `lookup`: to whom it tells what of the tables, passwords and policies
 * that it has.
 *
 * Promises: what a user shows of himself is told to nobody, nor is a table of users listed; what a
 * relay shows goes to those who ask for its label, of a table that is for that. The parent gets
 * no more than its frames hold.
 */
import { unreachable } from "#base/unreachable.ts";
import type {
  AuthQuestion,
  CredentialsQuestion,
  FetchQuestion,
  LookupAnswer,
  LookupQuestion,
  StsQuestion,
  TableQuestion,
} from "#model/ipc/lookup-link.ts";
import { parseCredentials } from "#model/table-values.ts";
import type { StsPolicy } from "#protocols/sts/sts-policy.ts";
import type { Credentials } from "#engine/auth/credentials.ts";
import type { OpenTables } from "./open-tables.ts";
import { bounded } from "./watched-table.ts";

/** What there is to answer from. */
export interface LookupSources {
  /** Those of the configuration that it goes by now. */
  readonly tables: () => OpenTables;
  readonly authenticator: Pick<Credentials, "ask">;
  /** Undefined: the domain has none, or nobody wants to know. */
  readonly stsPolicyOf: (domain: string) => Promise<StsPolicy | undefined>;
}

export class LookupAnswers {
  readonly #sources: LookupSources;

  constructor(sources: LookupSources) {
    this.#sources = sources;
  }

  /** Whatever a dispatcher may ask. */
  of(question: LookupQuestion): LookupAnswer | Promise<LookupAnswer> {
    switch (question.kind) {
      case "table":
        return this.table(question);
      case "fetch":
        return this.#answerFetch(question);
      case "auth":
        return this.#answerAuth(question);
      case "relay-credentials":
        return this.#answerCredentials(question);
      case "sts":
        return this.#answerSts(question);
      default:
        return unreachable(question);
    }
  }

  table({ request, table, keys }: TableQuestion): LookupAnswer {
    const { files, credentials, relays } = this.#sources.tables();
    const known = files.get(table);
    // A sibling has another configuration, for as long as a reload takes.
    if (known === undefined)
      return { kind: "unavailable", request, why: `no table "${table}" is known here` };
    const answer = known.answer(request, keys);
    // Rules may ask whether a user is there; what he shows of himself is asked otherwise.
    const isSecret = credentials.has(table) || relays.has(table);
    return answer.kind === "found" && isSecret ? { ...answer, value: "" } : answer;
  }

  #answerFetch({ request, table }: FetchQuestion): LookupAnswer {
    const { files, fetched, credentials, relays } = this.#sources.tables();
    const known = fetched.has(table) ? files.get(table) : undefined;
    // Names of users are told to nobody, whatever else a table is for.
    if (known === undefined || credentials.has(table) || relays.has(table))
      return { kind: "unavailable", request, why: `table ${table} is not for relays to go by` };
    return known.fetch(request);
  }

  async #answerCredentials(question: CredentialsQuestion): Promise<LookupAnswer> {
    const { request, table, label } = question;
    const lookup = this.#sources.tables().relays.get(table);
    const unavailable = (why: string): LookupAnswer => ({ kind: "unavailable", request, why });
    if (lookup === undefined) return unavailable(`table ${table} is not for auth of a relay`);
    const answer = await lookup(label);
    if (answer.kind === "absent") return { kind: "absent", request };
    if (answer.kind === "unavailable") return unavailable(bounded(answer.cause.message));
    const found = parseCredentials(label, answer.value);
    if (found === undefined) return unavailable(`table ${table}: '${label}' has no credentials`);
    const { user, secret: password } = found;
    return { kind: "relay-credentials", request, credentials: { user, password } };
  }

  async #answerSts({ request, domain }: StsQuestion): Promise<LookupAnswer> {
    const policy = await this.#sources.stsPolicyOf(domain);
    return policy === undefined ? { kind: "absent", request } : { kind: "sts", request, policy };
  }

  async #answerAuth({ request, attempt }: AuthQuestion): Promise<LookupAnswer> {
    return { kind: "auth", request, answer: await this.#sources.authenticator.ask(attempt) };
  }
}

/** Frames to the parent are small; accounts and lists with commands are smaller. */
const MAX_PARENT_VALUE_BYTES: number = 256 * 1024;

export function forParent(answer: LookupAnswer): LookupAnswer {
  if (answer.kind !== "found" || Buffer.byteLength(answer.value) <= MAX_PARENT_VALUE_BYTES)
    return answer;
  const why = `the value of a key has more than ${MAX_PARENT_VALUE_BYTES} bytes`;
  return { kind: "unavailable", request: answer.request, why };
}
