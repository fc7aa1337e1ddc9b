import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeChildren } from "#world/node/children.ts";

test("a child that there is no descriptor for has ended before it began, and the next one starts", async () => {
  // In a process of its own: a limit can be made less, and not more.
  const script = `
    const { closeSync, openSync } = await import("node:fs");
    const { processLauncher } = await import(${JSON.stringify(import.meta.resolve("./launch.ts"))});
    const launch = processLauncher({ kind: "descriptor", fd: 2 });
    const request = { role: "control", account: undefined, home: "/", listenerFds: [] };
    const owner = { message: () => undefined, closed: () => undefined };
    const taken = [];
    try { for (;;) taken.push(openSync("/dev/null")); } catch {}
    const first = launch(request);
    first.link.start(owner);
    first.link.send({ kind: "shutdown" });
    first.kill("SIGKILL");
    console.log(first.pid, await first.exited);
    taken.forEach((fd) => closeSync(fd));
    const second = launch(request);
    second.link.start(owner);
    console.log(typeof second.pid);
    second.kill("SIGKILL");
    console.log(await second.exited);`;
  const node = [process.execPath, "--input-type=module", "-e", script] as const;
  const result = await nodeChildren().run({
    command: ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh", ...node],
    timeoutMs: 30_000,
    maxOutputBytes: 65_536,
  });
  assert.equal(result.kind, "exited");
  const lines = Buffer.from(result.stdout).toString().split("\n");
  assert.match(lines[0] ?? "", /^undefined could not be started: spawn .* EMFILE$/u);
  assert.deepEqual(lines.slice(1), ["number", "ended by SIGKILL", ""]);
});
