import assert from "node:assert/strict";
import { test } from "node:test";
import { parsedText } from "#test/support/config-of.ts";
import { formatComplaint } from "./complaint.ts";

/** The included texts under aliases of `value`, and the complaints about them. */
function load(
  value: string,
  files: Readonly<Record<string, string>>,
): { readonly includes: Readonly<Record<string, string>>; readonly complaints: readonly string[] } {
  const lines = [
    "compat none",
    "listen on socket",
    `table aliases { "team" = "${value}" }`,
    "action a maildir alias <aliases>",
    "match for any action a",
  ];
  const { config, complaints } = parsedText(`${lines.join("\n")}\n`, { files });
  assert.ok(config, JSON.stringify(complaints));
  return {
    includes: Object.fromEntries(config.includes),
    complaints: complaints.map((each) => formatComplaint(each).split("\n")[0] ?? ""),
  };
}

test("files that aliases include are read, and those that they include, each once", () => {
  const files = {
    "/a": "bob\n:include:/b\n:include:/a\n",
    "/b": "carl, include:/a\n",
    "/c": "nobody wants this",
  };
  assert.deepEqual(load("ann, :include:/a, include:/b", files), {
    includes: { "/a": files["/a"], "/b": files["/b"] },
    complaints: [],
  });
});

test("file that cannot be read is a warning at the table, and is not there", () => {
  assert.deepEqual(load("include:/none", {}), {
    includes: {},
    complaints: ["smtpd.conf:3:7: warning: cannot read /none: no such file"],
  });
});

test("file that cannot be understood is a warning at its line, and is kept", () => {
  const { includes, complaints } = load("include:/a", { "/a": "bob\n  carl smith\n" });
  assert.deepEqual(Object.keys(includes), ["/a"]);
  assert.deepEqual(complaints, [
    "/a:2:3: warning: neither an address nor a user, a command, a file: 'carl smith'",
  ]);
});

test("files that include each other without end are as many as there may be", () => {
  const files = Object.fromEntries(
    Array.from({ length: 1_500 }, (_, at) => [`/${at}`, `include:/${at + 1}\n`]),
  );
  const { includes, complaints } = load("include:/0", files);
  assert.equal(Object.keys(includes).length, 1_000);
  assert.deepEqual(complaints, [
    "smtpd.conf:3:7: warning: more than 1000 included files: /1000 is not read",
  ]);
});

test("files that are too large together are not all kept", () => {
  const large = "#".repeat(20 * 1024 * 1024);
  const { includes, complaints } = load("include:/a, include:/b", { "/a": large, "/b": large });
  assert.deepEqual(Object.keys(includes), ["/a"]);
  assert.match(complaints.at(-1) ?? "", /included files are too large: \/b is not kept/u);
});
