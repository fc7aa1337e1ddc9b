import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { readManualPage } from "#test/support/manual-page.ts";
import { roffOf } from "./man.ts";

function roff(body: string): string {
  return roffOf(readManualPage(`# smtp.x(5)\n\n## NAME\n\n${body}\n`));
}

const HEAD = `.TH SMTP.X 5 "" Postrider "File Formats Manual"\n.nh\n.ad l\n.SH\nNAME\n`;

const CASES: readonly (readonly [what: string, markdown: string, roff: string])[] = [
  ["paragraph", "a `b` *c*\nd\n\ne", "a \\fBb\\fR \\fIc\\fR d\n.PP\ne\n"],
  ["name of another page", "see smtpd(8)", "see \\fBsmtpd\\fR(8)\n"],
  ["entry", "### `tag` *word*", ".SS\n\\fBtag\\fR \\fIword\\fR\n"],
  [
    "term and what is said of it",
    "- `-n`\\\n  Check.\n- b",
    ".TP\n\\fB\\-n\\fR\nCheck.\n.IP \\(bu 2\nb\n",
  ],
  ["text that looks like a request", ".SH it\n\n'x", "\\&.SH it\n.PP\n\\(aqx\n"],
  ["what roff would take for its own", '`\\n` ~ – "', "\\fB\\en\\fR \\(ti \\[u2013] \\(dq\n"],
  ["example", "```\n.a\n\tb\n```", ".RS 4\n.nf\n\\&.a\n        b\n.fi\n.RE\n"],
];

for (const [what, markdown, expected] of CASES) {
  test(`page for man(1) has ${what}`, () => {
    assert.equal(roff(markdown), HEAD + expected);
  });
}

test("page for man(1) fills what is wide in a table, and asks for tbl", () => {
  const wide = "a long text ".repeat(5).trim();
  assert.equal(
    roff(`| x | y |\n|---|---|\n| \`a\` | ${wide} |`),
    `'\\" t\n${HEAD}.TS\nnokeep;\nl lx.\n\\fIx\\fR\t\\fIy\\fR\n\\fBa\\fR\tT{\n${wide}\nT}\n.TE\n`,
  );
});

test("what a page may not have is a fault and not lost", () => {
  for (const markdown of ["> quote", "a **b**", "![i](x)", "<b>x</b>", "#### deep", "---"])
    assert.throws(() => roff(markdown), Error, markdown);
});

test("npm is told of each page: it links those that are named, and no folder", () => {
  const { man } = JSON.parse(readFileSync("package.json", "utf8")) as { man: readonly string[] };
  const pages = globSync("*.[1-8].md", { cwd: "man" }).map((file) => file.slice(0, -".md".length));
  const made = pages.map((page) => `lib/man/man${page.slice(-1)}/${page}`);
  assert.deepEqual(man.toSorted(), made.toSorted());
});

const hasGroff = spawnSync("groff", ["--version"]).status === 0;

test("groff shows each page without a warning", { skip: !hasGroff && "no groff" }, () => {
  for (const path of globSync("man/*.md")) {
    const input = roffOf(readManualPage(readFileSync(path, "utf8")));
    const { stderr, status } = spawnSync("groff", ["-man", "-t", "-ww", "-z", "-Tutf8"], { input });
    assert.equal(stderr.toString(), "", path);
    assert.equal(status, 0, path);
  }
});
