import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { COMMANDS, PARAMETERS } from "./smtpctl-commands.ts";

const MANUAL = join(import.meta.dirname, "..", "..", "man", "smtpctl.8");

test("smtpctl(8) describes the commands that are built, and no others", () => {
  const described = readFileSync(MANUAL, "utf8")
    .split("\n")
    .filter((line) => line.startsWith(".It Ic "))
    .map((line) => line.slice(".It Ic ".length).replace(/ (?:Op|Ar) .*/, ""));
  const built = COMMANDS.filter(({ ask }) => ask !== undefined).map(({ words }) =>
    words.filter((word) => word !== "all" && !PARAMETERS.has(word)).join(" "),
  );
  assert.deepEqual(new Set(described), new Set(built));
});
