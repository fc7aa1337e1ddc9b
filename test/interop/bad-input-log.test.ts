/** LOG-02: whoever reads the real daemon's log may be stuck or gone; mail flows all the same. */
import { test } from "node:test";
import { processesOf } from "./daemon-processes.ts";
import { unlessStartable } from "./daemon.ts";
import { until } from "./greeting.ts";
import { PipedDaemon, sendsMails } from "./piped-daemon.ts";
import { Scratch } from "./scratch.ts";

/** Each makes three log lines and more: a pipe takes 64 KiB. */
const MAILS = 300;

const skip = await unlessStartable();

for (const how of ["stuck", "gone"] as const) {
  test(`a reader of the log that is ${how} stops neither mail nor restarts nor the end`, {
    skip,
  }, async () => {
    await using scratch = new Scratch();
    const daemon = await PipedDaemon.start(scratch);
    const { child, port } = daemon;
    if (how === "stuck") child.stderr?.pause();
    else child.stderr?.destroy();
    await sendsMails(port, MAILS);
    await daemon.delivered(MAILS);
    // The parent has something to say, too.
    const dispatcherOf = (): number | undefined =>
      processesOf(child.pid ?? 0).find(({ role }) => role === "dispatcher")?.pid;
    const first = dispatcherOf();
    process.kill(first ?? 0, "SIGKILL");
    await until(() => dispatcherOf() !== undefined && dispatcherOf() !== first, "another one");
    await sendsMails(port, 1);
    await daemon.stop();
  });
}
