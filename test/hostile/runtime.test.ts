/** What the runtime makes dangerous, looked for in the sources and in what is sent. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { Scene } from "./scene.ts";

const SOURCES = fileURLToPath(new URL("../../src/", import.meta.url));

/** Of more than types. */
const IMPORT = /^import (?!type )[^;]*"node:child_process"/m;
/** The one function of node:child_process that takes a program and its words, and no shell. */
const SPAWN = /import \{\s*(?:type \w+,\s*)*spawn,?\s*\} from "node:child_process"/;

/** Runs what the configuration has for /bin/sh; nothing of a message is in it (MDA-01). */
const COMMANDS = "world/node/commands.ts";

test("NOD-09: no program is started through a shell, but for commands of the configuration", () => {
  const starting: string[] = [];
  for (const path of globSync("**/*.ts", { cwd: SOURCES })) {
    const text = readFileSync(SOURCES + path, "utf8");
    if (path.endsWith(".test.ts") || !IMPORT.test(text)) continue;
    starting.push(path);
    assert.match(text, SPAWN, path);
    assert.doesNotMatch(text, path === COMMANDS ? /shell:/ : /shell:|\/bin\/sh/, path);
  }
  assert.deepEqual(starting.toSorted(), [
    "processes/hand-in-launch.ts",
    "processes/launch.ts",
    "processes/system-log.ts",
    "programs/smtpd-main.ts",
    "world/node/children.ts",
    COMMANDS,
  ]);
});

test("NOD-10: memory that others used before is never sent and never stored", async () => {
  // What Node's pool hands out again without clearing it.
  for (let n = 0; n < 2000; n++) Buffer.allocUnsafe(1 + (n % 4096)).fill("SECRET");
  const scene = await Scene.start();
  const client = await scene.client();
  const reply = await scene.run(client.sendMessage(`A: b\r\n\r\n${"..x\r\n".repeat(2000)}`));
  assert.match(reply, /^250 /);
  await scene.world.clock.advance(100);
  const stored = scene.stored[0]?.text ?? "";
  assert.ok(stored.length > 8000, "it is stored");
  assert.ok(!stored.includes("SECRET"), "nothing of others is in it");
  assert.ok(!scene.log.join("").includes("SECRET"), "nor in the log");
});

test("NOD-03: the objects of the runtime are as they were after hostile names everywhere", async () => {
  const names = ["__proto__", "constructor", "toString", "hasOwnProperty"];
  const scene = await Scene.start();
  for (const name of names) {
    const client = await scene.client();
    await scene.run(client.before("banner"));
    await scene.run(
      client.write(
        `EHLO ${name}\r\nMAIL FROM:<${name}@${name}> ${name}=${name}\r\nMAIL FROM:<${name}@${name}>\r\n` +
          `RCPT TO:<${name}@example.test>\r\nDATA\r\n${name}: ${name}\r\n\r\nx\r\n.\r\n`,
      ),
    );
    await scene.run(client.pass(100));
    client.leave();
  }
  await scene.world.clock.advance(1000);
  assert.equal(scene.stored.length, names.length);
  assert.deepEqual(Object.keys({}), []);
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
});
