import assert from "node:assert/strict";
import { test } from "node:test";
import { NO_TLS_MATERIAL } from "#model/tls-material.ts";
import { configOf } from "#test/support/config-of.ts";
import { CurrentConfig } from "./current-config.ts";
import { lookupNeeds } from "./lookup-needs.ts";

const ISSUER = 'oauth corp introspect "https://id.example.org/" scope "smtp"';
const BOX = ['action "box" maildir', 'match for local action "box"'];
const RULE = 'match for any action "out"';

const CASES: readonly (readonly [
  what: string,
  lines: readonly string[],
  needs: readonly [isWanted: boolean, network: boolean, folder: string | undefined],
])[] = [
  ["nothing", BOX, [false, false, undefined]],
  [
    "a database",
    ["table a db:/a.db", 'action "box" maildir alias <a>', 'match for local action "box"'],
    [true, false, undefined],
  ],
  [
    "credentials of a relay",
    ['action "out" relay host smtps://me@hub.example.org auth { me = "u:p" }', RULE],
    [true, false, undefined],
  ],
  [
    "an issuer of tokens",
    [ISSUER, 'listen on socket "/a.sock" auth oauth corp', ...BOX],
    [true, true, undefined],
  ],
  [
    "TLS reports",
    ['mta tls-report from "t@a.example"', 'action "out" relay', RULE],
    [true, true, "/fetched"],
  ],
  ["policies of MTA-STS", ["mta sts", 'action "out" relay', RULE], [true, true, "/fetched"]],
];

for (const [what, lines, needs] of CASES) {
  test(`${what}: lookup is started if that takes it, with the rights that it takes and no others`, () => {
    const current = new CurrentConfig(configOf(...lines), 1);
    const { isWanted, reach } = lookupNeeds(current, NO_TLS_MATERIAL, "/fetched");
    assert.deepEqual([isWanted, reach.network, reach.stapleFolder], needs);
  });
}
