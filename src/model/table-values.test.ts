import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCredentials, parseUserinfo } from "./table-values.ts";

test("userinfo is uid, gid and home", () => {
  assert.deepEqual(parseUserinfo("1000:100:/home/a:b"), { uid: 1000, gid: 100, home: "/home/a:b" });
  for (const value of ["", "1000:100", "1000:100:", "1000:100:home", "a:1:/", "-1:1:/", "1:1 :/"])
    assert.equal(parseUserinfo(value), undefined, value);
  assert.equal(parseUserinfo("4294967295:1:/"), undefined);
  assert.equal(parseUserinfo("1:99999999999:/"), undefined);
});

test("credentials name their user, or take the key's", () => {
  assert.deepEqual(parseCredentials("k", "ann:se:cret"), { user: "ann", secret: "se:cret" });
  assert.deepEqual(parseCredentials("ann", "$2b$08$x"), { user: "ann", secret: "$2b$08$x" });
  const verifier = "SCRAM-SHA-256$4096:c2FsdA==$a2V5:a2V5";
  assert.deepEqual(parseCredentials("ann", verifier), { user: "ann", secret: verifier });
  assert.deepEqual(parseCredentials("k", `ann:${verifier}`), { user: "ann", secret: verifier });
  for (const value of ["", "ab", ":secret", "ann:"])
    assert.equal(parseCredentials("k", value), undefined, value);
});
