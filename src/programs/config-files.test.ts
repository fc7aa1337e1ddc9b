import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Config } from "#model/config/config.ts";
import { ConfigFiles, type Read } from "./config-files.ts";

/** A configuration of files in a folder, which a test may write anew. */
class Folder {
  readonly #path: string;
  readonly files: ConfigFiles;

  constructor(t: TestContext) {
    this.#path = mkdtempSync(join(tmpdir(), "postrider-files-"));
    t.after(() => rmSync(this.#path, { recursive: true }));
    this.files = new ConfigFiles({
      file: this.path("smtpd.conf"),
      macros: new Map(),
      compat: "none",
      enqueueSocketPath: this.path("enqueue.sock"),
    });
    this.write("lists", "team: ann, include:/nowhere/at/all\n");
    this.write("domains", "a.example\n");
    this.writeRules();
  }

  path(name: string): string {
    return join(this.#path, name);
  }

  write(name: string, text: string): void {
    writeFileSync(this.path(name), text);
  }

  writeRules(...lines: readonly string[]): void {
    const rules = [
      "compat none",
      "table inline { a.example }",
      `table domains file:${this.path("domains")}`,
      `table lists file:${this.path("lists")}`,
      'action "box" maildir alias <lists>',
      'match from any for domain <domains> action "box"',
      'match from any for domain <inline> action "box"',
      ...lines,
    ];
    this.write("smtpd.conf", `${rules.join("\n")}\n`);
  }

  async whole(): Promise<Config> {
    const { config, complaints } = await this.files.whole();
    assert.ok(config !== undefined, JSON.stringify(complaints));
    return config;
  }
}

function keysOf({ config }: Read, name: string): readonly string[] | undefined {
  return config && [...(config.tables.get(name)?.entries.keys() ?? [])];
}

test("one table is read again, and everything else is as it was read before", async (t) => {
  const folder = new Folder(t);
  const config = await folder.whole();
  folder.write("domains", "b.example\n");
  folder.write("lists", "other: ben\n");
  folder.writeRules("nonsense");
  const read = await folder.files.table("domains", config);
  assert.deepEqual(keysOf(read, "domains"), ["b.example"]);
  assert.deepEqual(keysOf(read, "lists"), ["team"]);
  assert.equal(read.config?.rules.length, 2);
  assert.deepEqual(read.complaints, []);
});

test("it may be read again and again", async (t) => {
  const folder = new Folder(t);
  let config = await folder.whole();
  for (const domain of ["b.example", "c.example"]) {
    folder.write("domains", `${domain}\n`);
    const read = await folder.files.table("domains", config);
    assert.deepEqual(keysOf(read, "domains"), [domain]);
    assert.ok(read.config !== undefined);
    config = read.config;
  }
});

test("a configuration that was read and not taken up does not show through", async (t) => {
  const folder = new Folder(t);
  const inUse = await folder.whole();
  folder.writeRules('action "late" relay', 'match from any for any action "late"');
  await folder.whole();
  const read = await folder.files.table("domains", inUse);
  assert.equal(read.config?.rules.length, 2);
});

test("a mistake in its file is told; warnings about the rest are not told again", async (t) => {
  const folder = new Folder(t);
  const config = await folder.whole();
  folder.write("lists", "team: ann\nbroken\n");
  const { config: none, complaints } = await folder.files.table("lists", config);
  assert.equal(none, undefined);
  assert.deepEqual(
    complaints.map(({ at }) => [at.file, at.line]),
    [
      [folder.path("smtpd.conf"), 4],
      [folder.path("lists"), 2],
    ],
  );
});

const REFUSED: readonly (readonly [name: string, why: RegExp])[] = [
  ["none", /^no such table: none$/u],
  ["inline", /^table inline is in no file/u],
  ["localhost", /^table localhost is in no file/u],
];

for (const [name, why] of REFUSED) {
  test(`the table "${name}" cannot be read again`, async (t) => {
    const folder = new Folder(t);
    const { config, complaints } = await folder.files.table(name, await folder.whole());
    assert.equal(config, undefined);
    assert.match(complaints[0]?.message ?? "", why);
  });
}
