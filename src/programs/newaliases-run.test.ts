import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { parseConfig } from "#model/config/parse-config.ts";
import { readTable } from "#world/node/sqlite-table.ts";
import { configSource } from "./text-files.ts";
import { runNewaliases } from "./newaliases-run.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "newaliases-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Puts `text` in place of the file and gives its path. */
function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function config(...tables: readonly string[]): string {
  const lines = [
    "listen on 127.0.0.1",
    ...tables,
    'action "box" maildir "/mail/%{dest.user}" user nobody',
    'match from any for any action "box"',
  ];
  return file("smtpd.conf", `${lines.join("\n")}\n`);
}

async function newaliases(
  words: readonly string[],
  settings: { readonly uid?: number; readonly trouble?: string } = {},
) {
  const printed: string[] = [];
  const complaints: string[] = [];
  const updated: string[] = [];
  const code = await runNewaliases(words, {
    uid: settings.uid ?? 0,
    exists: () => false,
    parse: async (path) =>
      parseConfig(
        { file: path, read: configSource(path).read },
        {
          serverName: "mail.example.org",
          interfaces: new Map([["lo", ["127.0.0.1"]]]),
          enqueueSocketPath: "/run/enqueue.sock",
          macros: new Map(),
        },
      ),
    updateTable: async (name) => {
      updated.push(name);
      return settings.trouble;
    },
    print: (line) => printed.push(line),
    complain: (line) => complaints.push(line),
  });
  return { code, printed, complaints, updated };
}

const keys = (path: string): readonly string[] => Array.from(readTable(path), ({ key }) => key);

test("aliases in memory: the database is made, and the daemon reads the text again", async () => {
  const aliases = file("aliases", "root: ann\nann: ann@example.org\n");
  const ran = await newaliases(["-f", config(`table aliases file:${aliases}`)]);
  assert.deepEqual(ran, {
    code: 0,
    printed: [`${aliases}: 2 aliases`],
    complaints: [],
    updated: ["aliases"],
  });
  assert.deepEqual(keys(`${aliases}.db`), ["ann", "root"]);
});

test("aliases in a database that is not there yet: it is made, which is all", async () => {
  const aliases = file("aliases", "root: ann\n");
  const ran = await newaliases(["-f", config(`table aliases db:${aliases}.db`)]);
  assert.deepEqual(ran, {
    code: 0,
    printed: [`${aliases}: 1 aliases`],
    complaints: [],
    updated: [],
  });
});

test("a daemon that cannot read the text again is told, and is exit status 1", async () => {
  const aliases = file("aliases", "root: ann\n");
  const conf = config(`table aliases file:${aliases}`);
  const ran = await newaliases(["-f", conf], { trouble: "command failed" });
  assert.equal(ran.code, 1);
  assert.deepEqual(ran.complaints, [
    "newaliases: smtpd goes on with the old aliases: command failed",
  ]);
});

test("bad lines are named, and the daemon keeps what it has", async () => {
  const aliases = file("aliases", "root: ann\nben: @\n");
  const ran = await newaliases([
    "-f",
    config(`table other file:${aliases}`),
    `-OAliasFile=${aliases}`,
  ]);
  assert.deepEqual(ran, {
    code: 1,
    printed: [],
    complaints: [`newaliases: ${aliases}:2: invalid entry: not an address: '@'`],
    updated: [],
  });
});

test("a configuration with an error is not guessed at", async () => {
  const ran = await newaliases(["-f", file("smtpd.conf", "nonsense\n")]);
  assert.equal(ran.code, 1);
  assert.match(ran.complaints.join("\n"), /smtpd\.conf:1/u);
});

const USUAL = "/etc/mail/smtpd.conf";

test("before there is a configuration the aliases are made, and it is said that nobody reads them", async () => {
  const aliases = file("aliases", "root: ann\n");
  for (const words of [[`-OAliasFile=${aliases}`], ["-bi", "-O", `AliasFile=${aliases}`]])
    assert.deepEqual(await newaliases(words), {
      code: 0,
      printed: [`${aliases}: 1 aliases`],
      complaints: [`newaliases: warning: there is no ${USUAL}: nobody reads it`],
      updated: [],
    });
});

test("a configuration that is named and missing is a fault", async () => {
  const ran = await newaliases(["-f", join(folder, "none.conf")]);
  assert.equal(ran.code, 1);
  assert.match(ran.complaints.join("\n"), /none\.conf: cannot read: no such file/u);
});

test("aliases that the configuration does not use are made, and it is said", async () => {
  const aliases = file("aliases", "root: ann\n");
  const conf = config();
  const ran = await newaliases(["-f", conf, `-OAliasFile=${aliases}`]);
  assert.deepEqual(
    [ran.code, ran.complaints],
    [0, [`newaliases: warning: ${conf} has no table of this file: nobody reads it`]],
  );
});

test("aliases that are not there are said so in words", async () => {
  const aliases = join(folder, "none");
  const ran = await newaliases(["-f", config(), `-OAliasFile=${aliases}`]);
  assert.deepEqual(
    [ran.code, ran.complaints],
    [1, [`newaliases: cannot read ${aliases}: no such file or directory`]],
  );
});

test("only root changes the aliases", async () => {
  const ran = await newaliases([], { uid: 1000 });
  assert.deepEqual([ran.code, ran.complaints], [1, ["newaliases: need root privileges"]]);
});

test("words of sendmail's newaliases are taken", async () => {
  const aliases = file("aliases", "root: ann\n");
  const ran = await newaliases([
    "-bi",
    "-C",
    "/etc/sendmail.cf",
    "-f",
    config(),
    "-O",
    `AliasFile=${aliases}`,
  ]);
  assert.deepEqual([ran.code, ran.printed], [0, [`${aliases}: 1 aliases`]]);
});

test("what is no option is refused", async () => {
  for (const words of [["-z"], ["file"], ["-bd"]]) assert.equal((await newaliases(words)).code, 1);
});
