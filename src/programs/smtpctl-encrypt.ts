/**
 * `smtpctl encrypt`: the hash of a password, for a table of credentials: argon2id, or with
 * `--scram` a verifier, by which users can authenticate without sending the password.
 *
 * Without an argument each line of the standard input is one password. Nothing of a
 * daemon is asked, and everybody may.
 *
 * OpenSMTPD's makes what crypt(3) prefers. Source: RFC 9106 §4 and OWASP's advice for
 * servers (19 MiB, two passes); RFC 7677 §4 (iterations).
 */
import type { PasswordHashing } from "#base/ports/password-hashing.ts";
import type { Random } from "#base/ports/random.ts";
import type { Lookup } from "#base/lookup.ts";
import { passwordText, prepared } from "#protocols/sasl/sasl-text.ts";
import { formatScramVerifier, scramVerifier } from "#protocols/sasl/scram-verifier.ts";
import { printable } from "#engine/observe/visible-text.ts";
import { readOptions } from "./command-line.ts";
import type { Output } from "./smtpctl-printer.ts";

const EXIT_FAILED = 1;
const EXIT_WRONG = 2;
export const ENCRYPT_USAGE = "usage: smtpctl encrypt [--scram] [password]\n";

const SALT_BYTES = 16;
const ARGON2_BYTES = 32;
const ARGON2_COST = { memoryKib: 19_456, passes: 2, lanes: 1 } as const;
/** Some ten times the least: a client does this work once, we only for PLAIN. */
const SCRAM_ITERATIONS = 50_000;

export interface EncryptTools {
  readonly hashing: PasswordHashing;
  readonly random: Random;
  /** Of the standard input. */
  readonly lines: AsyncIterable<string>;
}

/** @param args those of the command. */
export async function runEncrypt(
  args: readonly string[],
  tools: EncryptTools,
  output: Output,
): Promise<number> {
  const parsed = parseArguments(args);
  if (typeof parsed === "string") {
    output.complain(`smtpctl: ${printable(parsed)}\n${ENCRYPT_USAGE}`);
    return EXIT_WRONG;
  }
  const passwords = parsed.password === undefined ? tools.lines : [parsed.password];
  for await (const password of passwords) {
    const hash = await hashOf(password, parsed.scram, tools);
    if (hash.kind !== "found") {
      const why = hash.kind === "absent" ? "no user could send this password" : hash.cause.message;
      output.complain(`smtpctl: ${printable(why)}\n`);
      return EXIT_FAILED;
    }
    output.print(`${hash.value}\n`);
  }
  return 0;
}

/** Absent: nobody could authenticate with it. */
async function hashOf(
  password: string,
  scram: boolean,
  { hashing, random }: EncryptTools,
): Promise<Lookup<string>> {
  if (passwordText(Buffer.from(password)) === undefined) return { kind: "absent" };
  const salt = Buffer.alloc(SALT_BYTES);
  random.fill(salt);
  if (!scram) {
    const made = await hashing.argon2id(password, salt, ARGON2_COST, ARGON2_BYTES);
    return made.kind === "found"
      ? { kind: "found", value: formatArgon2id(salt, made.value) }
      : made;
  }
  const text = prepared(password);
  if (text === undefined) return { kind: "absent" };
  const made = await hashing.pbkdf2(text, salt, SCRAM_ITERATIONS);
  if (made.kind !== "found") return made;
  const verifier = scramVerifier(made.value, salt, SCRAM_ITERATIONS);
  return { kind: "found", value: formatScramVerifier(verifier) };
}

/** The PHC string format. */
function formatArgon2id(salt: Uint8Array, hash: Uint8Array): string {
  const { memoryKib, passes, lanes } = ARGON2_COST;
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${lanes}$${unpadded(salt)}$${unpadded(hash)}`;
}

function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64").replaceAll("=", "");
}

function parseArguments(
  args: readonly string[],
): { readonly scram: boolean; readonly password: string | undefined } | string {
  const line = readOptions(args, {
    scram: { type: "boolean", default: false },
    state: { type: "string" },
  });
  if (line.kind === "wrong") return line.why;
  const [password, ...others] = line.words;
  return others.length > 0 ? "one password at a time" : { scram: line.values.scram, password };
}
