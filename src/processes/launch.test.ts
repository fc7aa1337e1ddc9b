import assert from "node:assert/strict";
import { test } from "node:test";
import { linesWithFewDescriptors } from "#test/support/few-descriptors.ts";

test("a child that there is no descriptor for has ended before it began, and the next one starts", async () => {
  const lines = await linesWithFewDescriptors(`
    const { processLauncher } = await import(${JSON.stringify(import.meta.resolve("./launch.ts"))});
    const launch = processLauncher({ log: { kind: "descriptor", fd: 2 }, confinement: {} });
    const request = { role: "control", account: undefined, home: "/", listenerFds: [] };
    const owner = { message: () => undefined, closed: () => undefined };
    const free = takeAll();
    const first = launch(request);
    first.link.start(owner);
    first.link.send({ kind: "shutdown" });
    first.kill("SIGKILL");
    console.log(first.pid, await first.exited);
    free();
    const second = launch(request);
    second.link.start(owner);
    console.log(typeof second.pid);
    second.kill("SIGKILL");
    console.log(await second.exited);`);
  assert.match(lines[0] ?? "", /^undefined could not be started: spawn .* EMFILE$/u);
  assert.deepEqual(lines.slice(1), ["number", "ended by SIGKILL"]);
});

test("an agent has no descriptor of the log: what it says goes by way of us, under its name", async () => {
  const lines = await linesWithFewDescriptors(`
    const { processLauncher } = await import(${JSON.stringify(import.meta.resolve("./launch.ts"))});
    const { readlinkSync } = await import("node:fs");
    const launch = processLauncher({ log: { kind: "descriptor", fd: 1 }, confinement: {} });
    const owner = { message: () => undefined, closed: () => undefined };
    const request = { account: undefined, home: "/", listenerFds: [] };
    const log = readlinkSync("/proc/self/fd/1");
    for (const role of [{ role: "control" }, { role: "agent", speaker: "ann" }]) {
      const child = launch({ ...request, ...role });
      child.link.start(owner);
      const outputs = [1, 2].map((fd) => readlinkSync("/proc/" + child.pid + "/fd/" + fd));
      console.log(role.role, outputs.map((output) => output === log).join());
      child.kill("SIGKILL");
      await child.exited;
    }`);
  assert.deepEqual(lines, ["control true,true", "agent false,false"]);
});
