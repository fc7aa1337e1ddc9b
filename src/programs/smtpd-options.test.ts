import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSmtpdOptions, SMTPD_USAGE, type SmtpdOptions } from "./smtpd-options.ts";

const NONE = { stateFolder: undefined };

function optionsOf(words: string, stateFolder?: string): SmtpdOptions {
  const args = words === "" ? [] : words.split(" ");
  const parsed = parseSmtpdOptions(args, { stateFolder });
  assert.equal(parsed.kind, "options", words);
  return parsed.options;
}

test("without options it is a daemon with the system's configuration", () => {
  assert.deepEqual(optionsOf(""), {
    mode: "daemon",
    checkOnly: false,
    print: false,
    verbose: false,
    file: "/etc/mail/smtpd.conf",
    macros: new Map(),
    compat: "none",
    paused: [],
    stateFolder: undefined,
    ignored: [],
  });
});

test("-d stays at the terminal, -F in the foreground; -d goes before -F", () => {
  const modes = ["-d", "-F", "-F -d", "-dF"].map((words) => optionsOf(words).mode);
  assert.deepEqual(modes, ["terminal", "foreground", "terminal", "terminal"]);
});

test("-n, -v and -f say what they say in OpenSMTPD", () => {
  const options = optionsOf("-nvv -f /tmp/my.conf");
  assert.deepEqual(
    [options.checkOnly, options.verbose, options.file],
    [true, true, "/tmp/my.conf"],
  );
});

test("-P names what starts paused, each time once", () => {
  assert.deepEqual(optionsOf("-P mta -P smtp").paused, ["mta", "smtp"]);
});

test("-D sets a macro; the last = divides, and the last definition wins", () => {
  const { macros } = optionsOf("-D a=1 -D b= -D a=2");
  assert.deepEqual(
    [...macros],
    [
      ["a", "2"],
      ["b", ""],
    ],
  );
});

test("--compat says how the file is meant, --print shows with -n what it means", () => {
  assert.equal(optionsOf("--compat opensmtpd").compat, "opensmtpd");
  assert.equal(optionsOf("--compat none").compat, "none");
  assert.equal(optionsOf("-n --print").print, true);
});

test("--state goes before the environment", () => {
  assert.equal(optionsOf("--state /a", "/b").stateFolder, "/a");
  assert.equal(optionsOf("", "/b").stateFolder, "/b");
});

test("options of OpenSMTPD that change nothing are taken and named", () => {
  assert.deepEqual(optionsOf("-B mode=on -T all").ignored, ["-B mode=on", "-T all"]);
});

for (const words of [
  "-x",
  "--nonsense",
  "word",
  "-f",
  "-D a",
  "-D =1",
  "-P queue",
  "-P mta,smtp",
  "--compat sendmail",
  "--print",
  "--print -d",
]) {
  test(`"${words}" is refused with a reason`, () => {
    const parsed = parseSmtpdOptions(words.split(" "), NONE);
    assert.equal(parsed.kind, "wrong");
    assert.match(parsed.why, /\S/u);
    assert.doesNotMatch(parsed.why, /\n/u, "in one line");
  });
}

test("-h asks for help, whatever else is there", () => {
  assert.equal(parseSmtpdOptions(["-d", "-h"], NONE).kind, "help");
  assert.match(SMTPD_USAGE, /^usage: smtpd /u);
});
