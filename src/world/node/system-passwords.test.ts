import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { crypt } from "./crypt.ts";
import { checkShadow } from "./system-passwords.ts";

const folder = mkdtempSync(join(tmpdir(), "postrider-shadow-"));
after(() => rmSync(folder, { recursive: true }));

test("a shadow file's users have their passwords, unless they are locked or over", async () => {
  const made = await crypt("right", "$6$rounds=1000$saltsalt$");
  assert.ok(made.kind === "found");
  const hash = made.value;
  const path = join(folder, "shadow");
  writeFileSync(
    path,
    [
      `ann:${hash}:20000:0:99999:7:::`,
      `old:${hash}:20000:0:99999:7::19000:`,
      `later:${hash}:20000:0:99999:7::99999:`,
      `locked:!${hash}:20000:0:99999:7:::`,
      "none:*:20000:0:99999:7:::",
      "open::20000:0:99999:7:::",
      "",
    ].join("\n"),
  );
  for (const [user, password, verdict] of [
    ["ann", "right", "accepted"],
    ["ann", "wrong", "refused"],
    ["later", "right", "accepted"],
    ["old", "right", "refused"],
    ["locked", "right", "refused"],
    ["none", "right", "refused"],
    ["open", "right", "refused"],
    ["nobody", "right", "refused"],
    ["an", "right", "refused"],
    ["ann:x", "right", "refused"],
  ] as const) {
    assert.equal(await checkShadow(path, user, password), verdict, `${user} ${password}`);
  }
  assert.equal(await checkShadow(join(folder, "none"), "ann", "right"), "unavailable");
});
