import assert from "node:assert/strict";
import { test } from "node:test";
import type { RelayAction, RelayHostTls } from "#model/config/action.ts";
import { actionPolicy } from "./action-policy.ts";
import { policyKey } from "./transport-policy.ts";

const PINS = ["sha256:00"];

/** By action and host: what is asked of the connection. */
const CASES: readonly (readonly [
  action: RelayAction["tls"],
  host: RelayHostTls,
  is: string | undefined,
])[] = [
  ["opportunistic", "never", "clear"],
  ["opportunistic", "opportunistic", "opportunistic"],
  ["opportunistic", "starttls", "required name"],
  ["opportunistic", "smtps", "required name"],
  ["verified", "never", undefined],
  ["verified", "opportunistic", "required name"],
  ["verified", "starttls", "required name"],
  ["verified", "smtps", "required name"],
  ["unverified", "never", undefined],
  ["unverified", "opportunistic", "required none"],
  ["unverified", "starttls", "required none"],
  ["unverified", "smtps", "required none"],
];

for (const [tls, host, is] of CASES) {
  test(`relay action that is ${tls} asks ${is ?? "what cannot be"} of a host that is ${host}`, () => {
    const policy = actionPolicy({ tls }, host, undefined);
    assert.equal(policy && policyKey(policy), is);
  });
}

test("relay action with fingerprints is content with nothing else", () => {
  for (const host of ["opportunistic", "starttls", "smtps"] as const) {
    const policy = actionPolicy({ tls: "verified" }, host, PINS);
    assert.deepEqual(policy, {
      kind: "required",
      proof: { kind: "fingerprints", fingerprints: PINS },
    });
  }
});
