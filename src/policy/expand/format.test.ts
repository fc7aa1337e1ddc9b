import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { type Format, FORMAT_TOKENS, parseFormat } from "#model/config/format.ts";
import { expandCommand, expandFormat, type FormatValues } from "./format.ts";

const VALUES: FormatValues = {
  sender: "Ann@client.example",
  rcpt: "bob+tag@example.org",
  dest: "Bob@mail.example.org",
  username: "bob",
  directory: "/home/bob",
  subAddressDelimiter: "+",
};

function format(source: string, use?: "command" | "wrapper"): Format {
  const parsed = parseFormat(source, use);
  if ("reason" in parsed) throw new TypeError(parsed.reason);
  return parsed;
}

function expand(source: string, values: Partial<FormatValues> = {}): string {
  const expanded = expandFormat(format(source), { ...VALUES, ...values });
  return typeof expanded === "string" ? expanded : `fault: ${expanded.reason}`;
}

const TOKENS: readonly (readonly [source: string, expected: string])[] = [
  ["%{sender}|%{sender.user}|%{sender.domain}", "Ann@client.example|Ann|client.example"],
  ["%{rcpt}|%{rcpt.user}|%{rcpt.domain}", "bob+tag@example.org|bob+tag|example.org"],
  ["%{dest}|%{dest.user}|%{dest.domain}", "Bob@mail.example.org|Bob|mail.example.org"],
  ["%{user.username}|%{mbox.from}", "bob|Ann@client.example"],
  ["%{user.directory}/Maildir", "/home/bob/Maildir"],
  ["~/Maildir", "/home/bob/Maildir"],
  ["~", "/home/bob"],
  ["100%%/%x", "100%/%x"],
  ["%{SENDER:Lowercase}", "ann@client.example"],
  ["%{sender:uppercase|lowercase}", "ann@client.example"],
  ["%{rcpt:strip}|%{rcpt.user:strip}", "bob@example.org|bob"],
  ["%{rcpt.user:strip|uppercase[0]}", "B"],
  // The manual's own examples of ranges.
  ["%{rcpt.domain[0]}|%{rcpt.domain[1]}", "e|x"],
  ["%{rcpt.domain[8:]}|%{rcpt.domain[-3:]}", "org|org"],
  ["%{rcpt.domain[0:6]}|%{rcpt.domain[0:-4]}", "example|example"],
  ["%{rcpt.domain[0:-1]}|%{rcpt.domain[:-1]}", "example.or|example.or"],
  ["%{rcpt.domain[-1]}|%{rcpt.domain[-11]}", "g|e"],
  ["%{rcpt.domain[10]}|%{rcpt.domain[8:99]}", "g|org"],
  ["%{rcpt.domain[11]}", "fault: %{rcpt.domain} is too short for its range"],
  ["%{rcpt.domain[-12:]}", "fault: %{rcpt.domain} is too short for its range"],
  ["%{rcpt.domain[8:-8]}", "fault: %{rcpt.domain} is too short for its range"],
  ["%{rcpt.domain:uppercase[0:2]}|%{rcpt.domain[0:2]:uppercase}", "EXA|EXA"],
  ["%{user.directory[1:4]}", "home"],
];

for (const [source, expected] of TOKENS) {
  test(`format '${source}' becomes '${expected}'`, () => {
    assert.equal(expand(source), expected);
  });
}

test("null sender is empty, and MAILER-DAEMON in an mbox", () => {
  assert.equal(
    expand("a%{sender}b%{sender.user}c%{mbox.from}", { sender: "" }),
    "abcMAILER-DAEMON",
  );
});

test("value loses what a shell or a path would take for its own", () => {
  assert.equal(expand("x/%{dest.user}", { dest: "!#$%&'*?`{|}~/\0\n@d" }), "x/::::::::::::::::");
});

const ESCAPES: readonly (readonly [user: string, expected: string])[] = [
  ["../../etc/passwd", "/mail/:.:..:etc:passwd/new"],
  ["..", "/mail/:./new"],
  [".", "/mail/:/new"],
  [".hidden", "/mail/:hidden/new"],
  ["/", "/mail/:/new"],
  ["a/b", "/mail/a:b/new"],
  ["a\0b", "/mail/a:b/new"],
  ["%{sender}", "/mail/::sender:/new"],
  ["", "fault: a part of the path comes out as ''"],
  ["x".repeat(129), "fault: %{rcpt.user} is too long"],
];

for (const [user, expected] of ESCAPES) {
  test(`recipient '${user.slice(0, 20)}' cannot leave its part of the path`, () => {
    assert.equal(expand("/mail/%{rcpt.user}/new", { rcpt: `${user}@example.org` }), expected);
  });
}

test("dots of the format itself do not make up a way out with an empty value", () => {
  assert.match(expand("/m/.%{sender.user}/x", { sender: "" }), /^fault/u);
  assert.match(expand("/m/.%{sender.user}.", { sender: "" }), /^fault/u);
  assert.equal(expand("/m/../x/.%{rcpt.user}"), "/m/../x/.bob+tag");
});

test("empty value stays empty in any range", () => {
  assert.equal(expand("a%{sender[0:3]}%{sender.user[-1]}", { sender: "" }), "a");
});

test("range counts characters, and may bring no dot to the front", () => {
  assert.equal(expand("/%{user.username[1]}/x", { username: "a\u{1F4EE}b" }), "/\u{1F4EE}/x");
  assert.equal(expand("/%{user.username[1:]}/x", { username: "a../.." }), "/:.:../x");
});

test("raw gives back what a shell would take, and neither slash nor leading dot", () => {
  const dest = "..!#$%&'*?`{|}~/\0@d";
  assert.equal(expand("x/%{dest.user:raw}", { dest }), "x/:.!#$%&'*?`{|}~::");
  assert.match(expand("x/.%{dest.user:raw}/y", { dest: "@d" }), /^fault/u);
});

/** What a command says of each value, with and without `raw`. */
const COMMAND_VALUES: readonly (readonly [user: string, expected: string])[] = [
  ["bob+tag", "bob+tag"],
  ["$(id)", "::id:"],
  ["`id`", ":id:"],
  ["a;b&c|d<e>f\ng", "a:b:c:d:e:f:g"],
  ["'\"\\", ":::"],
  ["a b\tc", "a:b:c"],
  ["-rf", ":rf"],
  ["../x", ":.:x"],
  ["~root", ":root"],
  ["*?[a]{b}!#^", ":::a::b::::"],
];

for (const [user, expected] of COMMAND_VALUES) {
  test(`recipient ${JSON.stringify(user)} is plain text to a shell, even where it is raw`, () => {
    const values = { ...VALUES, rcpt: `${user}@example.org` };
    const command = format("x %{rcpt.user} '%{rcpt.user:raw}'", "command");
    assert.equal(expandCommand(command, values), `x ${expected} '${expected}'`);
  });
}

test("wrapped command is taken as it is", () => {
  const wrapper = format("nice sh -c '%{mda}' # %{user.username}", "wrapper");
  const values = { ...VALUES, mda: 'exec "/bin/x" $HOME' };
  assert.equal(expandCommand(wrapper, values), "nice sh -c 'exec \"/bin/x\" $HOME' # bob");
});

test("result has a limit", () => {
  assert.equal(expand(`/${"x".repeat(1021)}%{user.username}`), "fault: the result is too long");
});

test("values add no segment and name none '.' or '..', whatever they are", () => {
  const part = fc.oneof(
    fc
      .constantFrom(...FORMAT_TOKENS.filter((token) => token !== "user.directory"))
      .map((token) => `%{${token}}`),
    fc.constantFrom("%{rcpt:raw}", "%{dest:strip[1:]}", "%{sender[-2:]:raw|uppercase}"),
    fc.constantFrom("a", ".", "..", "x.y"),
  );
  const segment = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(""));
  const value = fc.string({
    unit: fc.constantFrom("a", ".", "/", "\0", "@", "%", "\\"),
    maxLength: 6,
  });
  fc.assert(
    fc.property(fc.array(segment), value, value, value, (segments, sender, rcpt, username) => {
      const parsed = format(`/${segments.join("/")}`);
      const expanded = expandFormat(parsed, { ...VALUES, sender, rcpt, dest: rcpt, username });
      if (typeof expanded !== "string") return;
      const pieces = expanded.slice(1).split("/");
      assert.equal(pieces.length, Math.max(segments.length, 1));
      for (const [index, piece] of pieces.entries())
        if (segments[index]?.includes("%") === true) assert.ok(!/^\.{0,2}$/u.test(piece), expanded);
    }),
  );
});
