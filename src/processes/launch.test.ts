import assert from "node:assert/strict";
import { test } from "node:test";
import { linesWithFewDescriptors } from "#test/support/few-descriptors.ts";

test("a child that there is no descriptor for has ended before it began, and the next one starts", async () => {
  const lines = await linesWithFewDescriptors(`
    const { processLauncher } = await import(${JSON.stringify(import.meta.resolve("./launch.ts"))});
    const launch = processLauncher({ kind: "descriptor", fd: 2 });
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
