import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "#base/codec.ts";
import { found, type Lookup } from "#base/lookup.ts";
import type { User } from "#base/ports/users.ts";
import { parentToChildCodec } from "./parent-link.ts";

const ANN: User = { name: "ann", uid: 1001, gid: 1001, home: "/home/ann" };

test("each answer about a user crosses as it is, but for the cause of a failure", () => {
  const cause = new Error("/etc/passwd: EIO");
  const answers: readonly Lookup<User>[] = [
    found(ANN),
    { kind: "absent" },
    { kind: "unavailable", cause },
  ];
  const crossed = answers.map((answer) =>
    decode(parentToChildCodec, encode(parentToChildCodec, { kind: "user", request: 7, answer })),
  );
  assert.deepEqual(
    crossed,
    [found(ANN), { kind: "absent" }, { kind: "unavailable" }].map((answer) => ({
      kind: "decoded",
      value: { kind: "user", request: 7, answer },
    })),
  );
});
