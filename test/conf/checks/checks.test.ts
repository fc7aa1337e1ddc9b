/**
 * What `smtpd -n` finds in configurations whose every line is right.
 *
 * Beside `NAME.conf` stands `NAME.told`, what is told of it; `right-NAME.conf` has none.
 * Comments of a case make the machine that it is checked on:
 *
 *   # as UID                      who checks (root)
 *   # today YYYY-MM-DD            (2027-01-01)
 *   # user NAME UID GID           besides root, alice and vmail
 *   # group NAME GID
 *   # file PATH MODE [UID]        a folder or socket is written the same way
 *
 * `/etc/mail/NAME` and `/etc/ssl/NAME` are the files of files/ (the keys were made for
 * these tests), root's and of mode 0644 or, if they end in .key, 0600, unless a line
 * says otherwise. `UPDATE_GOLDENS=1` rewrites the goldens; review the diff as code.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ABSENT, found } from "#base/lookup.ts";
import { FilesError, type FileStat } from "#base/ports/files.ts";
import { formatComplaint } from "#model/config/complaint.ts";
import type { Config } from "#model/config/config.ts";
import type { ReadFile } from "#model/config/config-source.ts";
import { parseConfig } from "#model/config/parse-config.ts";
import { checkConfig } from "#policy/check/check-config.ts";
import { findingComplaints } from "#policy/check/finding.ts";
import { checkRegex, checkRegexTable } from "#policy/tables/regex.ts";
import { checkOutside } from "#programs/check-outside.ts";
import type { Surroundings } from "#programs/surroundings.ts";

const FOLDER = import.meta.dirname;
const UPDATE = process.env["UPDATE_GOLDENS"] === "1";
const OWN_ADDRESSES = ["127.0.0.1", "::1", "192.0.2.25", "2001:db8::25"];

const cases = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".conf"))
  .map((file) => file.slice(0, -".conf".length))
  .toSorted();

for (const name of cases)
  test(`check of ${name} tells what its golden says`, async () => {
    const text = readFileSync(join(FOLDER, `${name}.conf`), "utf8");
    const told = await check(text);
    const golden = join(FOLDER, `${name}.told`);
    if (UPDATE && told === "") rmSync(golden, { force: true });
    if (UPDATE && told !== "") writeFileSync(golden, told);
    assert.equal(told, existsSync(golden) ? readFileSync(golden, "utf8") : "");
    assert.equal(told === "", name.startsWith("right-"));
  });

async function check(text: string): Promise<string> {
  const world = worldOf(text);
  const config = configOf(text, world.read);
  const paths = { folders: ["/run/postrider"], files: ["smtpd.conf"] };
  const findings = [
    ...(await checkConfig(config, world.accounts.users, world.read)),
    ...(await checkOutside(config, world, paths)),
  ];
  const complaints = findingComplaints(findings, "smtpd.conf", world.read);
  return complaints.map((complaint) => `${formatComplaint(complaint)}\n`).join("");
}

function configOf(text: string, read: ReadFile): Config {
  const { config, complaints } = parseConfig(
    { file: "smtpd.conf", read },
    {
      serverName: "mx.example.org",
      interfaces: new Map([
        ["lo", OWN_ADDRESSES.slice(0, 2)],
        ["eth0", OWN_ADDRESSES.slice(2)],
      ]),
      egress: ["eth0"],
      enqueueSocketPath: "/run/postrider/enqueue.sock",
      macros: new Map(),
      checkRegex,
      checkRegexTable,
    },
  );
  assert.ok(config, complaints.map(formatComplaint).join("\n") || text);
  return config;
}

function worldOf(text: string): Surroundings {
  const lines = (word: string): readonly (readonly string[])[] =>
    [...text.matchAll(new RegExp(`^# ${word} (.*)$`, "gmu"))].map(([, rest = ""]) =>
      rest.split(" "),
    );
  const users = new Map([
    ["root", [0, 0]],
    ["alice", [1000, 1000]],
    ["vmail", [5000, 5000]],
    ...lines("user").map(([name = "", ...ids]) => [name, ids.map(Number)] as const),
  ]);
  const groups = new Map(lines("group").map(([name = "", gid]) => [name, Number(gid)]));
  const stats = new Map<string, FileStat>();
  for (const kind of ["file", "folder", "socket", "other"] as const)
    for (const [path = "", mode = "0", uid = "0"] of lines(kind))
      stats.set(path, statOf(kind, Number.parseInt(mode, 8), Number(uid)));
  const uid = Number(lines("as")[0]?.[0] ?? 0);
  const read: ReadFile = (path) => {
    if (path === "smtpd.conf") return text;
    const stat = stats.get(path);
    const isHidden = stat !== undefined && uid !== 0 && stat.uid !== uid && (stat.mode & 4) === 0;
    if (isHidden) return { kind: "files-fault", code: "EACCES", message: "permission denied" };
    const local = localFile(path);
    if (existsSync(local)) return readFileSync(local, "utf8");
    return { kind: "files-fault", code: "ENOENT", message: `no such file: ${path}` };
  };
  return {
    accounts: {
      users: {
        lookup: async (name) => {
          const [id, gid] = users.get(name) ?? [];
          if (id === undefined || gid === undefined) return ABSENT;
          return found({ name, uid: id, gid, home: `/home/${name}` });
        },
      },
      group: async (name) => {
        const gid = groups.get(name);
        return gid === undefined ? ABSENT : found(gid);
      },
    },
    files: {
      statTarget: async (path) => {
        const stat = stats.get(path);
        if (stat !== undefined) return stat;
        if (existsSync(localFile(path)))
          return statOf("file", path.endsWith(".key") ? 0o600 : 0o644, 0);
        throw new FilesError("ENOENT", `no such file: ${path}`);
      },
    },
    read,
    ownAddresses: OWN_ADDRESSES,
    uid,
    nowMs: Date.parse(lines("today")[0]?.[0] ?? "2027-01-01"),
  };
}

function localFile(path: string): string {
  return join(FOLDER, "files", path.replace(/^\/etc\/(?:mail|ssl)\//u, ""));
}

function statOf(kind: FileStat["kind"], mode: number, uid: number): FileStat {
  return { kind, mode, uid, bytes: 100, links: 1, modifiedAtMs: 0 };
}
