/**
 * `smtpctl explain -f`, as a person sees it. `NAME.conf` is the configuration, `NAME.args`
 * the command line (words apart by blanks, `''` for an empty one), `NAME.txt` what comes
 * of it, or `NAME.json` where the arguments say `--json`.
 *
 * `/etc/mail/…` is the folder files/, `~/.forward` of USER is forward/USER. Users and DNS
 * are below. `UPDATE_GOLDENS=1` rewrites the goldens; review the diff as code.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { decode, encode } from "#base/codec.ts";
import { ABSENT, found } from "#base/lookup.ts";
import type { Users } from "#base/ports/users.ts";
import { formatComplaint } from "#model/config/complaint.ts";
import type { BuildContext } from "#model/config/config-source.ts";
import { parseConfig } from "#model/config/parse-config.ts";
import type { ExplainFault, Explanation } from "#model/explanation.ts";
import type { ForwardFiles } from "#model/forward-file.ts";
import { explainAnswerCodec } from "#model/ipc/explain-link.ts";
import { explain } from "#engine/explain/explain.ts";
import { createRouting } from "#policy/ruleset/routing.ts";
import { type ExplainTools, runExplain } from "#programs/smtpctl-explain.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimRandom } from "#world/sim/random.ts";
import type { TlsaRecord } from "#base/ports/resolver.ts";
import { SimResolver } from "#world/sim/resolver.ts";

const FOLDER = import.meta.dirname;
const UPDATE = process.env["UPDATE_GOLDENS"] === "1";

const UIDS: ReadonlyMap<string, number> = new Map([
  ["root", 0],
  ["alice", 1000],
  ["bob", 1001],
  ["carol", 1002],
  ["dave", 1003],
  ["erin", 1004],
  ["frank", 1005],
  ["vmail", 2000],
  ["_smtpx", 991],
]);

const users: Users = {
  async lookup(name) {
    if (name === "ghost") return { kind: "unavailable", cause: new Error("getent: no answer") };
    const uid = UIDS.get(name);
    if (uid === undefined) return ABSENT;
    const home = uid === 0 ? "/root" : `/home/${name}`;
    return found({ name, uid, gid: uid, home });
  },
};

const forwardFiles: ForwardFiles = {
  read(_action, user) {
    if (user === "dave") return { kind: "unavailable", why: "no agent answers" };
    if (user === "erin") return { kind: "refused", why: "it is a symbolic link" };
    const path = join(FOLDER, "forward", user);
    return existsSync(path) ? { kind: "found", text: readFileSync(path, "utf8") } : ABSENT;
  },
};

function tlsa(usage: number): TlsaRecord {
  return { usage, selector: 1, matching: 1, data: Buffer.alloc(32, usage) };
}

function dns(): SimResolver {
  return new SimResolver({
    mx: {
      "example.net": [
        { preference: 20, exchange: "mx2.example.net" },
        { preference: 10, exchange: "mx1.example.net" },
      ],
      "null.example": [{ preference: 0, exchange: "" }],
      "signed.example": [
        { preference: 10, exchange: "mx1.signed.example" },
        { preference: 20, exchange: "mx2.signed.example" },
        { preference: 30, exchange: "mx3.signed.example" },
        { preference: 40, exchange: "mx4.signed.example" },
      ],
    },
    addresses: {
      "mx1.example.net": ["192.0.2.101", "2001:db8::101"],
      "alone.example": ["192.0.2.103"],
      "smart.example.net": ["192.0.2.104"],
      "mx1.signed.example": ["192.0.2.111"],
      "mx2.signed.example": ["192.0.2.112"],
      "mx3.signed.example": ["192.0.2.113"],
      "mx4.signed.example": ["192.0.2.114"],
    },
    pointers: { "192.0.2.9": ["mail.example.net"] },
    tlsa: {
      "_25._tcp.mx1.signed.example": [tlsa(3), tlsa(2)],
      "_25._tcp.mx2.signed.example": [tlsa(1)],
    },
    signed: ["signed.example", "*.signed.example"],
    unavailable: ["down.example", "_25._tcp.mx3.signed.example"],
  });
}

const CONTEXT: BuildContext = {
  serverName: "mx.example.org",
  interfaces: new Map([
    ["lo", ["127.0.0.1"]],
    ["eth0", ["192.0.2.25"]],
  ]),
  enqueueSocketPath: "/run/postrider/enqueue.sock",
  macros: new Map(),
};

function readFile(path: string): ReturnType<ExplainTools["readMessage"]> {
  return Promise.resolve(readFileSync(join(FOLDER, path)));
}

const TOOLS: ExplainTools = {
  ask: () => assert.fail("no daemon is to be asked"),
  readMessage: readFile,
  async judge(question, { file, macros, compat }, complain) {
    const { config, complaints } = parseConfig(
      {
        file,
        read(path) {
          const local = join(FOLDER, path.replace(/^\/etc\/mail\//u, "files/"));
          if (existsSync(local)) return readFileSync(local, "utf8");
          return { kind: "files-fault", code: "ENOENT", message: "no such file" };
        },
      },
      { ...CONTEXT, macros, compat },
    );
    for (const complaint of complaints.filter(({ severity }) => severity === "error"))
      complain(formatComplaint(complaint));
    if (config === undefined) return { kind: "explain-fault", why: `${file} has errors` };
    const clock = new SimClock();
    const answer = await explain(question, {
      config,
      routing: createRouting(config, { users, forwardFiles }),
      clock,
      random: new SimRandom(1),
      users,
      resolver: question.dns ? dns() : undefined,
      hasRoom: () => true,
    });
    assertTravels(answer);
    return answer;
  },
};

/** The same comes of it at the other end of a channel. */
function assertTravels(answer: Explanation | ExplainFault): void {
  const decoded = decode(explainAnswerCodec, encode(explainAnswerCodec, answer));
  assert.deepEqual(decoded, { kind: "decoded", value: answer });
}

for (const file of readdirSync(FOLDER).filter((name) => name.endsWith(".args"))) {
  const name = file.slice(0, -".args".length);
  test(`explanation ${name} is what its golden says`, async () => {
    const line = readFileSync(join(FOLDER, file), "utf8").trim();
    const words = line.split(/\s+/u).map((word) => (word === "''" ? "" : word));
    const conf = existsSync(join(FOLDER, `${name}.conf`)) ? `${name}.conf` : "usual.conf";
    let printed = "";
    const print = (text: string | Uint8Array): void => {
      printed += text.toString();
    };
    const status = await runExplain(["-f", conf, ...words], TOOLS, {
      print,
      complain: print,
      drained: () => undefined,
      isTerminal: true,
    });
    const isJson = words.includes("--json");
    assert.ok(!isJson || printed.startsWith("{"), printed);
    const golden = join(FOLDER, `${name}.${isJson ? "json" : "txt"}`);
    const actual = isJson
      ? `${JSON.stringify(JSON.parse(printed), undefined, 2)}\n`
      : `$ smtpctl explain -f ${conf} ${line}\n${printed}exit ${status}\n`;
    if (UPDATE) writeFileSync(golden, actual);
    assert.equal(actual, existsSync(golden) ? readFileSync(golden, "utf8") : "");
  });
}

/** The names of the fields of `value` and of all that is in it. */
function fieldNames(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(fieldNames);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, each]) => [name, ...fieldNames(each)]);
}

test("smtpctl(8) has each field of the JSON form", () => {
  const page = readFileSync(join(FOLDER, "../../man/smtpctl.8.md"), "utf8");
  const texts = ["as-json.json", "relay-as-json.json"].map((name) =>
    readFileSync(join(FOLDER, name), "utf8"),
  );
  const names = new Set(texts.flatMap((text) => fieldNames(JSON.parse(text))));
  assert.ok(names.size > 30, String(names.size));
  const words = new Set(page.match(/[A-Za-z]+/gu));
  assert.deepEqual(
    [...names].filter((name) => !words.has(name)),
    [],
  );
});

test("there are twenty-five explanations or more", () => {
  const cases = readdirSync(FOLDER).filter((name) => name.endsWith(".args"));
  assert.ok(cases.length >= 25, String(cases.length));
});
