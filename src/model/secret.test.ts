import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSecret, takesPassword } from "./secret.ts";

const BCRYPT = "$2b$08$LhvWTRp9TqSl/yAR1LfgMuTrzfZ/3BbIKPOtOMNEFrmdzRcj/pS6y";
const ARGON2 =
  "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQxMjM0NTY$RdescudvJCsgt3ub+b1dWRWJTmaaJObG0ixTZlZ4hIo";
const SCRAM =
  "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

test("hashes of the kinds that are taken are known by their form", () => {
  for (const hash of [
    BCRYPT,
    BCRYPT.replace("$2b$", "$2y$"),
    `$6$abcdefgh$${"a".repeat(86)}`,
    `$6$rounds=10000$abcdefgh$${"a".repeat(86)}`,
    `$5$abcdefgh$${"a".repeat(43)}`,
    `$y$j9T$F5Jx5fExrKuPp53xLKQ..1$${"a".repeat(43)}`,
  ]) {
    assert.deepEqual(parseSecret(hash), { kind: "crypt", hash });
  }
  const argon2 = parseSecret(ARGON2);
  assert.ok(argon2.kind === "argon2id");
  assert.deepEqual(argon2.cost, { memoryKib: 65536, passes: 3, lanes: 4 });
  assert.equal(parseSecret(SCRAM).kind, "scram");
  const hex = "AB".repeat(32);
  const certificate = { kind: "certificate", fingerprint: `SHA256:${hex.toLowerCase()}` };
  assert.deepEqual(parseSecret(`CERT-SHA256$${hex}`), certificate);
});

test("what is not taken is told why, without being shown", () => {
  for (const [text, why] of [
    ["secret", "its password is not hashed (smtpctl encrypt makes a hash)"],
    ["$1$abcdefgh$hashhashhashhashhashha", "its hash is damaged, or of a kind that is not taken"],
    [BCRYPT.slice(0, -1), "its hash is damaged, or of a kind that is not taken"],
    [BCRYPT.replace("$08$", "$31$"), "its bcrypt hash costs too much"],
    [`$6$rounds=99999999$ab$${"a".repeat(86)}`, "its hash has too many rounds"],
    [ARGON2.replace("m=65536", "m=9999999"), "its argon2id hash costs too much"],
    [ARGON2.replace("m=65536", "m=8"), "its argon2id hash is damaged"],
    [ARGON2.replace("p=4", "p=0"), "its argon2id hash is damaged"],
    [SCRAM.replace("4096", "1"), "its SCRAM verifier is damaged"],
    ["CERT-SHA256$abcd", "its certificate is no SHA-256 in hex"],
    ["*", "it is locked"],
    ["!$6$x", "it is locked"],
  ] as const) {
    const secret = parseSecret(text);
    assert.deepEqual(secret, { kind: "unusable", why }, text);
    assert.equal(takesPassword(secret), false);
  }
});
