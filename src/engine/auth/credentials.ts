/**
 * Answers what sessions ask of the credentials in tables, and of those of the system's
 * users, which another process checks: whether a password, a proof or a
 * certificate is a user's, and with which salt he proves. Whether a token is, its issuer says.
 *
 * A user that is not there, or has no secret of the kind that is asked for, is treated as
 * one that is: another user of the table is checked in his place and the result thrown
 * away; the salt is made up, the same each time. Who is there cannot be told from the
 * answer, nor from the time that it takes.
 */
import { createHmac } from "node:crypto";
import type { Lookup } from "#base/lookup.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { PasswordHashing } from "#base/ports/password-hashing.ts";
import type { SystemPasswords } from "#base/ports/system-passwords.ts";
import { unreachable } from "#base/unreachable.ts";
import { MAX_USER_BYTES } from "#protocols/sasl/sasl-text.ts";
import type { SaslAnswer, SaslQuestion } from "#protocols/sasl/sasl-step.ts";
import {
  checkScramProof,
  MIN_SCRAM_ITERATIONS,
  scramVerifier,
  type ScramVerifier,
} from "#protocols/sasl/scram-verifier.ts";
import type { AuthAttempt, Authenticator, AuthSource } from "#model/authentication.ts";
import type { Observe } from "#model/events.ts";
import { parseSecret, type Secret, takesPassword } from "#model/secret.ts";
import { parseCredentials } from "#model/table-values.ts";
import type { TableLookup } from "#policy/tables/answers.ts";
import { GuessLimits } from "./guess-limits.ts";
import { SecretCheck } from "./secret-check.ts";
import type { TokenCheck } from "./token-check.ts";

export interface CredentialsPorts {
  readonly clock: Clock;
  readonly hashing: PasswordHashing;
  readonly observe: Observe;
  readonly systemPasswords: SystemPasswords;
}

/** A table of credentials. */
export interface CredentialsTable {
  readonly name: string;
  /** The entry of a user. */
  readonly lookup: TableLookup;
  /** All of them, where they are in memory: one is checked in place of a user that is not there. */
  readonly entries: readonly (readonly [user: string, value: string])[];
}

/** Those of the configuration in use, by their names. */
export interface CredentialsSources {
  table(name: string): CredentialsTable | undefined;
  oauth(name: string): TokenCheck | undefined;
}

/** The user, if there is one, and whom to check in his place. */
interface Choice {
  readonly account: Account | undefined;
  readonly decoy: Secret;
  /** Octets that depend on table and user alone, and that nobody else can compute. */
  readonly madeUp: Buffer;
}

interface Account {
  /** As the table writes it. */
  readonly user: string;
  readonly secret: Secret;
}

const MADE_UP_SALT_BYTES = 16;
/** For tables of which no secret is known yet. */
const FALLBACK: Secret = {
  kind: "crypt",
  hash: `$6$postrider$${"0".repeat(86)}`,
};
/** Entries that are looked at for one whose password can be checked. */
const MAX_DECOYS_TRIED = 100;
const NO_SIGNATURE: Uint8Array = new Uint8Array();
const REFUSED: SaslAnswer = Object.freeze({ kind: "refused" });
const UNAVAILABLE: SaslAnswer = Object.freeze({ kind: "unavailable" });

export class Credentials implements Authenticator {
  readonly #ports: CredentialsPorts;
  readonly #sources: CredentialsSources;
  readonly #check: SecretCheck;
  readonly #limits: GuessLimits;
  /** By table: the last secret that was found in it, for those that are not in memory. */
  readonly #lastFound = new Map<string, Secret>();

  constructor(ports: CredentialsPorts, sources: CredentialsSources) {
    this.#ports = ports;
    this.#sources = sources;
    this.#check = new SecretCheck(ports.hashing);
    this.#limits = new GuessLimits(ports.clock);
  }

  async ask({ source, address, question }: AuthAttempt): Promise<SaslAnswer> {
    // Who leaves it to a token who he is has no bucket of that name.
    const user = question.user === "" ? address : question.user.toLowerCase();
    if ((await this.#limits.enter(user, address)) !== undefined) return UNAVAILABLE;
    try {
      const answer = await this.#askSource(source, question);
      if (answer.kind === "refused") this.#failed(user, address);
      else if (answer.kind === "accepted") this.#limits.succeeded(user, address);
      return answer;
    } finally {
      this.#limits.leave(user, address);
    }
  }

  #askSource(source: AuthSource, question: SaslQuestion): Promise<SaslAnswer> {
    switch (source.kind) {
      case "system":
        return this.#askSystem(question);
      case "table":
        return this.#askTable(source.name, question);
      case "oauth":
        return this.#askIssuer(source.name, question);
      default:
        return unreachable(source);
    }
  }

  /** Only tokens: an issuer knows no password of ours. */
  async #askIssuer(name: string, question: SaslQuestion): Promise<SaslAnswer> {
    if (question.kind !== "token") return REFUSED;
    const issuer = this.#sources.oauth(name);
    if (issuer === undefined) return this.#unavailable(`no oauth "${name}" is known here`);
    const found = await issuer.user(question.token);
    if (found.kind === "unavailable") return this.#unavailable(found.cause.message);
    if (found.kind === "absent") return REFUSED;
    const { value: user } = found;
    if (question.user === "" || isSameUser(question.user, user))
      return { kind: "accepted", user, signature: NO_SIGNATURE };
    const text = `authentication: a token of ${JSON.stringify(user)} was shown as that of ${JSON.stringify(question.user)}`;
    this.#ports.observe({ kind: "warning", text });
    return REFUSED;
  }

  /** Only passwords: nothing else is kept of the system's users. */
  async #askSystem(question: SaslQuestion): Promise<SaslAnswer> {
    if (question.kind !== "password") return REFUSED;
    const { user, password } = question;
    const verdict = await this.#ports.systemPasswords.check(user, password);
    if (verdict === "accepted") return { kind: "accepted", user, signature: NO_SIGNATURE };
    if (verdict === "refused") return REFUSED;
    return this.#unavailable("the passwords of the system's users cannot be checked now");
  }

  async #askTable(name: string, question: SaslQuestion): Promise<SaslAnswer> {
    const table = this.#sources.table(name);
    if (table === undefined) return this.#unavailable(`no table "${name}" is known here`);
    const account = await this.#account(table, question.user);
    if (account.kind === "unavailable")
      return this.#unavailable(`table ${table.name}: ${account.cause.message}`);
    const madeUp = madeUpFor(table, question.user.toLowerCase());
    return this.#answer(question, {
      account: account.kind === "found" ? account.value : undefined,
      decoy: this.#decoy(table, madeUp),
      madeUp,
    });
  }

  async #account(table: CredentialsTable, user: string): Promise<Lookup<Account>> {
    const answer = await table.lookup(user);
    if (answer.kind !== "found") return answer;
    const credentials = parseCredentials(answer.entry, answer.value);
    if (credentials === undefined)
      return { kind: "unavailable", cause: new Error(`the entry of ${user} is no credentials`) };
    if (Buffer.byteLength(credentials.user) > MAX_USER_BYTES)
      return { kind: "unavailable", cause: new Error(`the entry of ${user} has too long a name`) };
    const secret = parseSecret(credentials.secret);
    if (secret.kind === "unusable") {
      const text = `table ${table.name}: ${credentials.user} cannot authenticate: ${secret.why}`;
      this.#ports.observe({ kind: "warning", text });
    } else if (takesPassword(secret)) this.#lastFound.set(table.name, secret);
    return { kind: "found", value: { user: credentials.user, secret } };
  }

  async #answer(question: SaslQuestion, of: Choice): Promise<SaslAnswer> {
    switch (question.kind) {
      case "password":
        return this.#password(question.password, of);
      case "salt":
        return saltAnswer(of);
      case "proof":
        return proofAnswer(question, of);
      case "certificate":
        return certificateAnswer(question.fingerprints, of);
      case "token":
        return REFUSED;
      default:
        return unreachable(question);
    }
  }

  async #password(password: string, { account, decoy }: Choice): Promise<SaslAnswer> {
    const isReal = account !== undefined && takesPassword(account.secret);
    const checked = await this.#check.isPassword(isReal ? account.secret : decoy, password);
    if (checked.kind === "unavailable") return this.#unavailable(checked.cause.message);
    if (checked.kind === "absent" && isReal)
      return this.#unavailable(`the hash of ${account.user} is of a kind that crypt(3) lacks here`);
    return isReal && checked.kind === "found" && checked.value
      ? { kind: "accepted", user: account.user, signature: NO_SIGNATURE }
      : REFUSED;
  }

  #failed(user: string, address: string): void {
    const held = this.#limits.failed(user, address);
    if (held === undefined) return;
    const whose = held === "source" ? `from ${address}` : `of the user ${JSON.stringify(user)}`;
    const text = `authentication ${whose} failed too often and is put off`;
    this.#ports.observe({ kind: "warning", text });
  }

  /** A secret to check where there is none: for one user the same each time. */
  #decoy({ name, entries }: CredentialsTable, madeUp: Buffer): Secret {
    const first = Math.floor((entries.length * madeUp.readUInt32BE(MADE_UP_SALT_BYTES)) / 2 ** 32);
    for (let at = 0; at < Math.min(entries.length, MAX_DECOYS_TRIED); at++) {
      const [key = "", value = ""] = entries[(first + at) % entries.length] ?? [];
      const secret = parseSecret(parseCredentials(key, value)?.secret ?? "");
      if (takesPassword(secret)) return secret;
    }
    return this.#lastFound.get(name) ?? FALLBACK;
  }

  #unavailable(why: string): SaslAnswer {
    this.#ports.observe({ kind: "warning", text: `authentication: ${why}` });
    return UNAVAILABLE;
  }
}

/** As tables compare them: their case does not matter. */
function isSameUser(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/** RFC 5802 §5.1: for a user without a verifier the salt looks like any other. */
function saltAnswer({ account, decoy, madeUp }: Choice): SaslAnswer {
  const verifier = verifierOf(account?.secret);
  if (verifier !== undefined)
    return { kind: "salt", salt: verifier.salt, iterations: verifier.iterations };
  const { iterations = MIN_SCRAM_ITERATIONS, salt: its } = verifierOf(decoy) ?? {};
  const made = madeUp.subarray(0, its?.length ?? MADE_UP_SALT_BYTES);
  return { kind: "salt", salt: made, iterations };
}

function proofAnswer(
  { authMessage, proof }: SaslQuestion & { kind: "proof" },
  { account, decoy, madeUp }: Choice,
): SaslAnswer {
  const verifier = verifierOf(account?.secret);
  const inPlace = verifierOf(decoy) ?? scramVerifier(madeUp, madeUp, MIN_SCRAM_ITERATIONS);
  const signature = checkScramProof(verifier ?? inPlace, authMessage, proof);
  if (account === undefined || verifier === undefined || signature === undefined) return REFUSED;
  return { kind: "accepted", user: account.user, signature };
}

function certificateAnswer(fingerprints: readonly string[], { account }: Choice): SaslAnswer {
  if (account?.secret.kind !== "certificate") return REFUSED;
  if (!fingerprints.includes(account.secret.fingerprint)) return REFUSED;
  return { kind: "accepted", user: account.user, signature: NO_SIGNATURE };
}

function verifierOf(secret: Secret | undefined): ScramVerifier | undefined {
  return secret?.kind === "scram" ? secret.verifier : undefined;
}

/**
 * Keyed with the first secret of the table: who cannot read that cannot tell made-up salts,
 * and they are the same after a restart, in every process, as long as it stays.
 */
function madeUpFor({ name, entries }: CredentialsTable, user: string): Buffer {
  const key = entries[0]?.[1] ?? "";
  return createHmac("sha512", key).update(`${name}\0${user}`).digest();
}
