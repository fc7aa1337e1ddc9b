import assert from "node:assert/strict";
import { test } from "node:test";
import type { Children, RunRequest } from "#base/ports/children.ts";
import { tellServiceManager } from "./service-manager.ts";

/** Runs nothing, and remembers what it was to run. */
function recording(): { readonly children: Children; readonly commands: RunRequest["command"][] } {
  const commands: RunRequest["command"][] = [];
  return {
    commands,
    children: {
      run(request) {
        commands.push(request.command);
        return Promise.resolve({ kind: "not-started", cause: new Error("ENOENT") });
      },
    },
  };
}

test("a service manager is told at the socket that it named, and need not be there", async () => {
  const { children, commands } = recording();
  await tellServiceManager({ NOTIFY_SOCKET: "/run/systemd/notify" }, "ready", children);
  assert.deepEqual(commands, [
    ["env", "NOTIFY_SOCKET=/run/systemd/notify", "systemd-notify", "--ready"],
  ]);
});

test("without one nobody is told", async () => {
  const { children, commands } = recording();
  await tellServiceManager({}, "ready", children);
  await tellServiceManager({ NOTIFY_SOCKET: "" }, "ready", children);
  assert.deepEqual(commands, []);
});
