import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Table } from "#model/config/table.ts";
import type { TableService } from "#model/table-service.ts";
import type { LocalLookup } from "./answers.ts";
import { MAX_KEY_LENGTH } from "./key-forms.ts";
import { compileTable } from "./table-lookup.ts";

type Entries = Readonly<Record<string, string>> | readonly string[];

function table(entries: Entries, source: Table["source"] = { kind: "inline" }): Table {
  const pairs = Array.isArray(entries)
    ? entries.map((key: string) => [key, ""] as const)
    : Object.entries(entries as Readonly<Record<string, string>>);
  return {
    at: { file: "test", line: 1, column: 1 },
    name: "t",
    source,
    shape: "mapping",
    entries: new Map(pairs),
  };
}

/** A table in memory answers at once. */
function compile(of: Table, service: TableService): LocalLookup {
  const lookup = compileTable(of, service, { delimiter: "+" });
  return (key) => {
    const answer = lookup(key);
    assert.ok(!(answer instanceof Promise), "a promise from a table in memory");
    return answer;
  };
}

/** The values that `keys` give, with blanks between; "-" for absent. */
function answers(service: TableService, entries: Entries, keys: readonly string[]): string {
  const lookup = compile(table(entries), service);
  const values = keys.map((key) => {
    const answer = lookup(key);
    return answer.kind === "found" ? answer.value : "-";
  });
  return values.join(" ");
}

/** The entries that `keys` match, as they are written; "-" for none. */
function matched(
  service: TableService,
  entries: readonly string[],
  keys: readonly string[],
): readonly string[] {
  const lookup = compile(table(entries), service);
  return keys.map((key) => {
    const answer = lookup(key);
    return answer.kind === "found" ? answer.entry : "-";
  });
}

const EXACT_SERVICES: readonly TableService[] = [
  "string",
  "alias",
  "credentials",
  "userinfo",
  "relayhost",
  "mailaddrmap",
];

for (const service of EXACT_SERVICES)
  test(`${service} table matches the whole key in any case`, () => {
    assert.equal(
      answers(service, { "A b": "1", "*": "2" }, ["a B", "*", "a", "constructor"]),
      "1 2 - -",
    );
  });

test("value and entry are given as they are written", () => {
  const lookup = compile(table({ Postmaster: "Ann,Bob" }), "alias");
  assert.deepEqual(lookup("postmaster"), {
    kind: "found",
    value: "Ann,Bob",
    entry: "Postmaster",
  });
});

test("of two keys that differ in case alone the later counts", () => {
  assert.equal(answers("alias", { Ann: "1", ann: "2", bob: "3", BOB: "4" }, ["ANN", "bob"]), "2 4");
});

test("domain table matches a name in any case", () => {
  assert.equal(answers("domain", { "a.example": "1" }, ["A.Example", "b.a.example", ""]), "1 - -");
});

test("domain wildcard matches at any depth, but not the name itself", () => {
  assert.equal(
    answers("domain", { "*.example.org": "1" }, [
      "a.example.org",
      "a.b.c.example.org",
      "example.org",
      ".example.org",
      "xexample.org",
    ]),
    "1 1 - 1 -",
  );
});

test("domain star alone matches every name but the empty one", () => {
  assert.equal(answers("domain", { "*": "1" }, ["a", "a.b", "*", ""]), "1 1 1 -");
});

test("domain wildcard may stand anywhere, more than once", () => {
  assert.equal(
    answers("domain", { "mx*.example.*": "1" }, [
      "mx.example.org",
      "mx12.example.co.uk",
      "mx.example",
      "amx.example.org",
    ]),
    "1 1 - -",
  );
});

test("domain table prefers the name, then the longest suffix, then what is more than a star", () => {
  const entries = {
    "*": "any",
    "*.b.c": "short",
    "*.a.b.c": "long",
    "x.a.b.c": "exact",
    "y*": "y",
  };
  assert.equal(
    answers("domain", entries, ["x.a.b.c", "z.a.b.c", "z.b.c", "yz"]),
    "exact long short y",
  );
});

test("domain pattern of many stars does not take long", () => {
  const lookup = compile(table([`${"*a".repeat(300)}b`]), "domain");
  assert.equal(lookup("a".repeat(MAX_KEY_LENGTH)).kind, "absent");
});

test("domain glob agrees with a regular expression", () => {
  const pattern = fc.string({
    unit: fc.constantFrom("a", "b", ".", "*"),
    minLength: 1,
    maxLength: 6,
  });
  const name = fc.string({ unit: fc.constantFrom("a", "b", "."), minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(pattern, name, (glob, text) => {
      const source = glob.replaceAll(".", "\\.").replaceAll("*", ".*");
      const expected = new RegExp(`^${source}$`, "u").test(text);
      assert.equal(compile(table([glob]), "domain")(text).kind === "found", expected);
    }),
  );
});

test("network table matches the longest prefix", () => {
  const entries = { "10.0.0.0/8": "8", "10.1.0.0/16": "16", "10.1.2.3": "32", "0.0.0.0/0": "0" };
  assert.equal(
    answers("netaddr", entries, ["10.1.2.3", "10.1.2.4", "10.2.0.0", "11.0.0.1"]),
    "32 16 8 0",
  );
});

test("network table keeps the families apart", () => {
  assert.equal(answers("netaddr", { "0.0.0.0/0": "4" }, ["::1", "1.2.3.4"]), "- 4");
  assert.equal(answers("netaddr", { "::/0": "6" }, ["::1", "1.2.3.4"]), "6 -");
});

test("network table knows an address in any spelling", () => {
  assert.equal(
    answers("netaddr", { "2001:db8::/32": "6", "[::1]": "l", "192.0.2.0/24": "4" }, [
      "2001:DB8:0::5",
      "[2001:db8::5]",
      "0:0::1",
      "::ffff:192.0.2.9",
      "fe80::1%eth0",
    ]),
    "6 6 l 4 -",
  );
});

test("network table takes 'local' and other words only as they are", () => {
  assert.equal(
    answers("netaddr", { local: "1", "::/0": "6" }, ["local", "LOCAL", "", "x"]),
    "1 1 - -",
  );
});

test("network table at the edges of prefixes", () => {
  const entries = { "128.0.0.0/1": "1", "255.255.255.254/31": "31", "fe80::/10": "10" };
  assert.equal(
    answers("netaddr", entries, ["128.0.0.0", "127.255.255.255", "255.255.255.255", "febf::1"]),
    "1 - 31 10",
  );
});

test("names by address are found in any spelling of the address", () => {
  const entries = { "[2001:db8::1]": "six", "192.0.2.1": "four" };
  for (const service of ["addrname", "source"] as const)
    assert.equal(
      answers(service, entries, ["2001:db8:0::1", "192.0.2.1", "192.0.2.2"]),
      "six four -",
    );
});

test("mail address may be named whole, by its user, by its domain, or not at all", () => {
  const entries = ["ann@a.example", "bob", "@b.example", "@*.c.example"];
  assert.deepEqual(
    matched("mailaddr", entries, [
      "ANN@A.example",
      "ann@d.example",
      "Bob@d.example",
      "x@B.example",
      "x@y.b.example",
      "x@y.c.example",
      "x@c.example",
      "@",
      "",
    ]),
    ["ann@a.example", "-", "bob", "@b.example", "-", "@*.c.example", "-", "-", "-"],
  );
});

test("entry @ matches every mail address, the null sender too", () => {
  assert.deepEqual(matched("mailaddr", ["@"], ["a@b.example", "@"]), ["@", "@"]);
  assert.deepEqual(matched("mailaddr", ["@*"], ["a@b.example", "@"]), ["@*", "-"]);
});

test("tag of a mail address counts only for an entry with one", () => {
  const entries = ["ann@a.example", "bob+x@a.example", "carl"];
  assert.deepEqual(
    matched("mailaddr", entries, [
      "ann+any@a.example",
      "bob@a.example",
      "bob+x@a.example",
      "bob+y@a.example",
      "carl+z@b.example",
      "+ann@a.example",
    ]),
    ["ann@a.example", "-", "bob+x@a.example", "-", "carl", "-"],
  );
});

test("mail address with a pattern for its domain", () => {
  const entries = ["ann@*.example", "@mx*.example", "bob+t@mx*.example", "*@a.example"];
  assert.deepEqual(
    matched("mailaddr", entries, [
      "ann+t@x.example",
      "ann@example",
      "eve@mx1.example",
      "bob+t@mx1.example",
      "eve@a.example",
      "*@a.example",
    ]),
    ["ann@*.example", "-", "@mx*.example", "@mx*.example", "-", "*@a.example"],
  );
});

test("mail address matches the entry that says most", () => {
  const entries = [
    "@",
    "@*",
    "@*.example",
    "@a.example",
    "ann",
    "ann+t",
    "ann@*.example",
    "ann@a.example",
    "ann+t@a.example",
  ];
  const found: string[] = [];
  for (let left = entries; left.length > 0; ) {
    const [entry = "-"] = matched("mailaddr", left, ["ann+t@a.example"]);
    found.push(entry);
    left = left.filter((other) => other !== entry);
  }
  assert.deepEqual(found, [
    "ann+t@a.example",
    "ann@a.example",
    "ann@*.example",
    "ann+t",
    "ann",
    "@a.example",
    "@*.example",
    "@*",
    "@",
  ]);
});

test("mail address agrees with the rule as OpenSMTPD states it", () => {
  const local = fc.constantFrom("", "a", "a+b", "b");
  const domain = fc.constantFrom("", "x", "y.x", "z.y.x");
  const place = fc.constantFrom("", "x", "y.x", "*.x", "*", "y*x");
  fc.assert(
    fc.property(local, place, local, domain, (user, pattern, sentUser, sentDomain) => {
      const entry = pattern === "" && user !== "" ? user : `${user}@${pattern}`;
      const expected =
        (user === "" || user === sentUser || user === sentUser.replace(/(?<=.)\+.*/u, "")) &&
        (pattern === "" ||
          (sentDomain !== "" &&
            new RegExp(`^${pattern.replaceAll(".", "\\.").replaceAll("*", ".*")}$`, "u").test(
              sentDomain,
            )));
      const found = matched("mailaddr", [entry], [`${sentUser}@${sentDomain}`]);
      assert.equal(found[0] !== "-", expected, entry);
    }),
  );
});

test("passwd table holds credentials and users", () => {
  const passwd = table(
    {
      ann: "$2b$08$x:1001:1001:Ann,,,:/home/ann:/bin/ksh:userdb_mail=x",
      bob: "$6$y",
      carl: ":1003:1003::/home/carl",
      dave: "{PLAIN}z::::::",
      eve: "*:1004:x::/home/eve",
    },
    { kind: "passwd", path: "/etc/passwd" },
  );
  const users = ["Ann", "bob", "carl", "dave", "eve", "none"];
  const values = (service: TableService) =>
    users.map((user) => {
      const answer = compile(passwd, service)(user);
      return answer.kind === "found" ? answer.value : "-";
    });
  assert.deepEqual(values("credentials"), [
    "ann:$2b$08$x",
    "bob:$6$y",
    "-",
    "dave:{PLAIN}z",
    "eve:*",
    "-",
  ]);
  assert.deepEqual(values("userinfo"), [
    "1001:1001:/home/ann",
    "-",
    "1003:1003:/home/carl",
    "-",
    "-",
    "-",
  ]);
});

test("key longer than a table can hold is absent", () => {
  assert.equal(answers("domain", { "*": "1" }, ["a".repeat(MAX_KEY_LENGTH + 1)]), "-");
});
