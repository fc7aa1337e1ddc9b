/** The small forms of smtpd.conf(5): times, sizes, formats, hosts, table files. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { SETTINGS } from "./defaults.ts";
import { formatDelay, parseDelay } from "./delay.ts";
import { nearestWord } from "./did-you-mean.ts";
import { parseFormat } from "./format.ts";
import { formatRelayHost, parseLmtpDestination, parseRelayUrl } from "./relay-url.ts";
import { formatSize, parseSize } from "./size.ts";
import { parseTableFile } from "./table-file.ts";

test("time is a whole number and one unit", () => {
  assert.deepEqual(
    ["1s", "90s", "2m", "3h", "4d"].map(parseDelay),
    [1000, 90_000, 120_000, 10_800_000, 345_600_000],
  );
  for (const text of ["", "4", "d", "0s", "-1d", "1.5h", "1d12h", "4D", "1 d", "9007199254740993d"])
    assert.equal(parseDelay(text), undefined, text);
});

test("time reads back as it was printed", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000_000 }), (seconds) => {
      assert.equal(parseDelay(formatDelay(seconds * 1000)), seconds * 1000);
    }),
  );
});

test("size is a number with a unit of 1024", () => {
  assert.deepEqual(
    ["0", "7", "7B", "1K", "1.5k", "35M", "2G"].map(parseSize),
    [0, 7, 7, 1024, 1536, 36_700_160, 2_147_483_648],
  );
  for (const text of ["", "K", "-1", "1X", "1 K", ".5M", "1.M", "9E"])
    assert.equal(parseSize(text), undefined, text);
});

test("size reads back as it was printed", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (bytes) => {
      assert.equal(parseSize(formatSize(bytes)), bytes);
    }),
  );
});

test("defaults lie within their bounds", () => {
  for (const setting of Object.values(SETTINGS)) {
    const { min, max } = setting;
    assert.ok(setting.default >= min && setting.default <= max, setting.directive);
  }
});

test("format is its parts in order, with the home in front", () => {
  assert.deepEqual(parseFormat("~/M/%{RCPT.User}%%%{dest}50%"), {
    source: "~/M/%{RCPT.User}%%%{dest}50%",
    parts: [
      { kind: "home" },
      { kind: "literal", text: "/M/" },
      { kind: "token", token: "rcpt.user" },
      { kind: "literal", text: "%" },
      { kind: "token", token: "dest" },
      { kind: "literal", text: "50%" },
    ],
  });
});

/** The kinds of the parts of `source`, or why it has none. */
function kinds(source: string): unknown {
  const format = parseFormat(source);
  return "parts" in format ? format.parts.map(({ kind }) => kind) : format.reason;
}

test("tilde is the home only at the start, alone or before a slash", () => {
  assert.deepEqual(kinds("~"), ["home"]);
  assert.deepEqual(kinds("~x/y"), ["literal"]);
  assert.deepEqual(kinds("/a/~/b"), ["literal"]);
});

const HOSTS: readonly (readonly [url: string, printed: string])[] = [
  ["mx.example.org", "smtp://mx.example.org:25"],
  ["mx_1.example.org:26", "smtp://mx_1.example.org:26"],
  ["smtp://mx.example.org", "smtp://mx.example.org:25"],
  ["SMTP://mx.example.org", "smtp://mx.example.org:25"],
  ["smtp+notls://mx.example.org:587", "smtp://mx.example.org:587"],
  ["[192.0.2.1]", "smtp://192.0.2.1:25"],
  ["[IPv6:2001:db8::1]:26", "smtp://[2001:db8::1]:26"],
  ["lmtp://[::1]:24", "lmtp://[::1]:24"],
  ["unix:/run/Smtp.sock", "unix:/run/Smtp.sock"],
  ["lmtp:/run/lmtp.sock", "lmtp:/run/lmtp.sock"],
];

for (const [url, printed] of HOSTS) {
  test(`relay host '${url}' is ${printed}`, () => {
    const host = parseRelayUrl(url);
    assert.ok("protocol" in host, JSON.stringify(host));
    assert.equal(formatRelayHost(host), printed);
    assert.deepEqual(parseRelayUrl(printed), host);
  });
}

test("LMTP destination is a socket or a host with its port", () => {
  assert.deepEqual(parseLmtpDestination("/run/l"), { kind: "unix", path: "/run/l" });
  assert.deepEqual(parseLmtpDestination("unix:/run/l"), { kind: "unix", path: "/run/l" });
  assert.deepEqual(parseLmtpDestination("[::1]:24"), { kind: "tcp", host: "::1", port: 24 });
});

test("table file of keys is a list of whole lines", () => {
  assert.deepEqual(parseTableFile(" # no\n\n a.example \n\tb.example and more\n"), {
    kind: "table",
    shape: "list",
    entries: [
      { key: "a.example", value: "", line: 3 },
      { key: "b.example and more", value: "", line: 4 },
    ],
  });
});

test("table file of keys and values is a mapping, split at the first blank or colon", () => {
  const result = parseTableFile("root: admin\na\tb c\n[::1]:x\nlist :include:/etc/list\n[x y\n");
  assert.deepEqual(
    result.kind === "table" && result.entries.map(({ key, value }) => [key, value]),
    [
      ["root", "admin"],
      ["a", "b c"],
      ["[::1]", "x"],
      ["list", ":include:/etc/list"],
      ["[x", "y"],
    ],
  );
});

test("table file is a list if its first comment says so, and not if a later one does", () => {
  const marked = parseTableFile("# @list\n2001:db8::1\n");
  assert.equal(marked.kind === "table" && marked.entries[0]?.key, "2001:db8::1");
  const late = parseTableFile("a b\n# @list\nc d\n");
  assert.equal(late.kind === "table" && late.shape, "mapping");
});

test("table file that turns from mapping to list is refused, with its line", () => {
  const fault = { kind: "table-fault", line: 3, reason: "invalid map entry" };
  assert.deepEqual(parseTableFile("a b\n\nc\n"), fault);
});

test("table file without lines counts as an empty mapping", () => {
  assert.deepEqual(parseTableFile("# nothing\n"), { kind: "table", shape: "mapping", entries: [] });
});

test("nearest word is one slip away, two if it is long, and none otherwise", () => {
  const words = ["tag", "port", "hostname"];
  const near = ["tga", "prt", "hostnmae", "hostnaem", "xyz", "tables", ""];
  assert.deepEqual(
    near.map((word) => nearestWord(word, words)),
    ["tag", "port", "hostname", "hostname", "", "", ""],
  );
});
