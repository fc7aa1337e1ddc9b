import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSecret } from "#model/secret.ts";
import { SecretCheck } from "#engine/auth/secret-check.ts";
import { nodePasswordHashing } from "#world/node/password-hashing.ts";
import { nodeRandom } from "#world/node/random.ts";
import { runEncrypt } from "./smtpctl-encrypt.ts";

interface Ran {
  readonly code: number;
  readonly printed: string;
  readonly complained: string;
}

async function encrypt(args: readonly string[], input: readonly string[] = []): Promise<Ran> {
  let printed = "";
  let complained = "";
  const lines = (async function* () {
    yield* input;
  })();
  const code = await runEncrypt(
    args,
    { hashing: nodePasswordHashing(), random: nodeRandom(), lines },
    {
      print: (text) => void (printed += String(text)),
      drained: () => undefined,
      complain: (text) => void (complained += text),
      isTerminal: false,
    },
  );
  return { code, printed, complained };
}

const check = new SecretCheck(nodePasswordHashing());

test("smtpctl encrypt makes hashes that a table takes, another each time", async () => {
  for (const args of [["sésame"], ["--scram", "sésame"]]) {
    const { code, printed, complained } = await encrypt(args);
    assert.deepEqual({ code, complained }, { code: 0, complained: "" });
    const secret = parseSecret(printed.trimEnd());
    assert.equal(secret.kind, args.length === 1 ? "argon2id" : "scram");
    assert.deepEqual(await check.isPassword(secret, "sésame"), { kind: "found", value: true });
    assert.deepEqual(await check.isPassword(secret, "sesame"), { kind: "found", value: false });
    assert.notEqual((await encrypt(args)).printed, printed);
  }
});

test("without an argument each line of the input is a password", async () => {
  const { printed } = await encrypt(["--scram"], ["one", "two"]);
  const secrets = printed.trimEnd().split("\n").map(parseSecret);
  assert.equal(secrets.length, 2);
  for (const [at, password] of ["one", "two"].entries()) {
    const secret = secrets[at];
    assert.ok(secret !== undefined);
    assert.deepEqual(await check.isPassword(secret, password), { kind: "found", value: true });
  }
});

test("what cannot be a password, and what is no option, is said", async () => {
  assert.equal((await encrypt(["a\nb"])).complained, "smtpctl: no user could send this password\n");
  assert.equal((await encrypt([""])).code, 1);
  assert.equal((await encrypt(["--scram", "\u0007"])).code, 1);
  assert.match(
    (await encrypt(["a", "b"])).complained,
    /^smtpctl: one password at a time\nusage: /u,
  );
  assert.match((await encrypt(["--md5"])).complained, /^smtpctl: Unknown option '--md5'/u);
});
