import assert from "node:assert/strict";
import { test } from "node:test";
import { SimPasswordHashing } from "#world/sim/password-hashing.ts";
import { nodePasswordHashing } from "./password-hashing.ts";

const hashing = nodePasswordHashing();

test("crypt(3) makes the hashes that the system has", async () => {
  for (const hash of [
    // As OpenSSL makes them, which has code of its own for it.
    "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
    "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
  ]) {
    assert.deepEqual(await hashing.crypt("Hello world!", hash), { kind: "found", value: hash });
    const other = await hashing.crypt("Hello world?", hash);
    assert.ok(other.kind === "found" && other.value !== hash);
  }
  const bcrypt = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
  assert.deepEqual(await hashing.crypt("U*U", bcrypt), { kind: "found", value: bcrypt });
});

test("a setting that is none is absent", async () => {
  assert.deepEqual(await hashing.crypt("pw", "$nope$x"), { kind: "absent" });
  assert.deepEqual(await hashing.crypt("pw", "*"), { kind: "absent" });
});

test("many at once do not disturb each other", async () => {
  const passwords = Array.from({ length: 20 }, (_, n) => `password ${n}`);
  const alone: unknown[] = [];
  for (const each of passwords) alone.push(await hashing.crypt(each, "$6$rounds=1000$salt$"));
  const together = await Promise.all(
    passwords.map((each) => hashing.crypt(each, "$6$rounds=1000$salt$")),
  );
  assert.deepEqual(together, alone);
});

test("argon2id is that of RFC 9106; parameters that are none are unavailable", async () => {
  const made = await hashing.argon2id(
    "password",
    Buffer.from("somesalt"),
    { memoryKib: 64, passes: 2, lanes: 1 },
    24,
  );
  assert.ok(made.kind === "found");
  // The vector of the reference implementation's tests.
  const expected = "068d62b26455936aa6ebe60060b0a65870dbfa3ddf8d41f7";
  assert.equal(Buffer.from(made.value).toString("hex"), expected);
  const bad = { memoryKib: 1, passes: 1, lanes: 1 };
  const fault = await hashing.argon2id("password", Buffer.from("somesalt"), bad, 24);
  assert.equal(fault.kind, "unavailable");
});

test("PBKDF2 is that of SCRAM-SHA-256", async () => {
  const salt = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
  const made = await hashing.pbkdf2("pencil", salt, 4096);
  assert.deepEqual(await new SimPasswordHashing().pbkdf2("pencil", salt, 4096), {
    kind: "found",
    value: Uint8Array.from(made.kind === "found" ? made.value : []),
  });
  assert.ok(made.kind === "found");
  assert.equal(
    Buffer.from(made.value).toString("hex"),
    "c4a49510323ab4f952cac1fa99441939e78ea74d6be81ddf7096e87513dc615d",
  );
});
