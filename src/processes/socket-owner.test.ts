/** Who owns a listener's socket, by the names of the configuration. */
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ABSENT, found, type Lookup } from "#base/lookup.ts";
import type { Config } from "#model/config/config.ts";
import { configOf } from "#test/support/config-of.ts";
import { bindSockets } from "./bound-sockets.ts";
import { type Accounts, socketOwner } from "./socket-owner.ts";

const UNAVAILABLE: Lookup<never> = { kind: "unavailable", cause: new Error("no directory") };

const ACCOUNTS: Accounts = {
  users: {
    lookup: async (name) => {
      if (name === "down") return UNAVAILABLE;
      return name === "app" ? found({ name, uid: 1234, gid: 1, home: "/" }) : ABSENT;
    },
  },
  group: async (name) => {
    if (name === "down") return UNAVAILABLE;
    return name === "web" ? found(33) : ABSENT;
  },
};

function configWith(listen: string): Config {
  return configOf(`compat none\n${listen}\naction a relay\nmatch for any action a\n`);
}

const cases: readonly (readonly [options: string, owner: unknown])[] = [
  ["", undefined],
  ["user app", { uid: 1234, gid: -1 }],
  ["group web", { uid: -1, gid: 33 }],
  ["user app group web", { uid: 1234, gid: 33 }],
  ["user nobody-here", /"user nobody-here does not exist"$/u],
  ["user app group none-here", /"group none-here does not exist"$/u],
  ["user down", /"cannot look up user down: no directory"$/u],
  ["group down", /"cannot look up group down: no directory"$/u],
];

for (const [options, expected] of cases) {
  test(`socket with '${options}' has the owner of these names, or none can be made`, async () => {
    const [listener] = configWith(`listen on socket "/run/x.sock" ${options}`).listeners;
    assert.ok(listener);
    const owner = await socketOwner(listener, ACCOUNTS);
    if (expected instanceof RegExp) assert.match(JSON.stringify(owner), expected);
    else assert.deepEqual(owner, expected);
  });
}

test("socket is bound with its mode and owner, and nothing stays where an owner is unknown", async () => {
  const folder = await mkdtemp(join(tmpdir(), "postrider-owner-"));
  try {
    const path = join(folder, "app.sock");
    const own: Accounts = {
      users: {
        lookup: async (name) => found({ name, uid: process.getuid?.() ?? 0, gid: 0, home: "/" }),
      },
      group: async () => found(process.getgid?.() ?? 0),
    };
    const config = configWith(`listen on socket "${path}" mode 0620 user app group web`);
    const bound = await bindSockets(config, join(folder, "control.sock"), own);
    assert.ok("close" in bound);
    const stat = statSync(path);
    assert.deepEqual([stat.mode & 0o777, stat.uid], [0o620, process.getuid?.()]);
    bound.close();
    const unknown = configWith(`listen on socket "${path}" user nobody-here`);
    const none = await bindSockets(unknown, join(folder, "control.sock"), ACCOUNTS);
    assert.ok("kind" in none && none.why.includes("user nobody-here does not exist"));
    assert.throws(() => statSync(join(folder, "control.sock")));
  } finally {
    await rm(folder, { recursive: true });
  }
});
