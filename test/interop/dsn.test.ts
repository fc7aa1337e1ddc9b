/**
 * Reports as parsers read them that are not ours: mailparser, and the `email` of
 * Debian's Python. What they look like to a person is in test/cases/dsn.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { simpleParser } from "mailparser";
import { EXAMPLES } from "#test/cases/dsn/reports.ts";
import { run, unlessInstalled } from "./peer-program.ts";

const PYTHON = "/usr/bin/python3";

/** Reads each file named, and says what Python found in it as a line of JSON. */
const SCRIPT = `
import email, email.policy, json, sys
for name in sys.argv[1:]:
    with open(name, "rb") as file:
        message = email.message_from_binary_file(file, policy=email.policy.SMTP)
    parts = list(message.iter_parts())
    text, status = parts[0], parts[1]
    groups = status.get_payload()
    if status.get_content_type() == "message/delivery-status":
        groups = [dict(group.items()) for group in groups if group.keys()]
    else:
        # Python splits message/delivery-status alone.
        raw = groups[0].as_bytes().decode()
        groups = [dict(line.split(": ", 1) for line in group.replace("\\r\\n ", " ").split("\\r\\n"))
                  for group in raw.strip().split("\\r\\n\\r\\n")]
    print(json.dumps({
        "defects": [str(d) for part in message.walk() for d in part.defects],
        "types": [part.get_content_type() for part in parts],
        "report": message["content-type"].params.get("report-type"),
        "text": text.get_content(),
        "groups": groups,
    }))
`;

interface Found {
  readonly defects: readonly string[];
  readonly types: readonly string[];
  readonly report: string;
  readonly text: string;
  readonly groups: readonly Readonly<Record<string, string>>[];
}

const NAMES = Object.keys(EXAMPLES);

function pathOf(name: string): string {
  return new URL(`../cases/dsn/${name}.eml`, import.meta.url).pathname;
}

async function foundByPython(): Promise<ReadonlyMap<string, Found>> {
  const { code, output } = await run([PYTHON, "-c", SCRIPT, ...NAMES.map(pathOf)]);
  assert.equal(code, 0, output);
  const lines = output.trim().split("\n");
  return new Map(NAMES.map((name, at) => [name, JSON.parse(lines[at] ?? "null") as Found]));
}

test("Python reads of each report what was meant", { skip: unlessInstalled(PYTHON) }, async (t) => {
  const found = await foundByPython();
  for (const [name, { report }] of Object.entries(EXAMPLES)) {
    await t.test(name, () => {
      const { defects, types, groups, ...read } = found.get(name) ?? assert.fail("not read");
      const global = report.form === "utf8" ? "global-" : "";
      assert.deepEqual(defects, []);
      assert.equal(read.report, `${global}delivery-status`);
      assert.deepEqual(types.slice(0, 2), ["text/plain", `message/${global}delivery-status`]);
      assert.equal(types.length, 3);
      const [whole, ...recipients] = groups;
      assert.equal(whole?.["Reporting-MTA"], "dns; mail.example.com");
      assert.deepEqual(
        recipients.map((each) => [each["Action"], each["Status"]]),
        report.recipients.map(({ status }) => [report.action, status]),
      );
      for (const { recipient } of report.recipients) {
        assert.ok(read.text.includes(`<${recipient}>`), read.text);
      }
    });
  }
});

test("Python reads the names that the sender gave", { skip: unlessInstalled(PYTHON) }, async () => {
  const found = await foundByPython();
  const [whole, first] = found.get("failed-several")?.groups ?? [];
  assert.equal(whole?.["Original-Envelope-Id"], "QQ=314");
  assert.equal(first?.["Original-Recipient"], "rfc822; Bob+1@example.org");
  assert.equal(
    first?.["Diagnostic-Code"],
    "smtp; 550 5.1.1 <bob@example.org>: Recipient address rejected: User unknown",
  );
  const global = found.get("utf8-back-to-utf8")?.groups[1];
  assert.equal(global?.["Final-Recipient"], "utf-8; jørgen@bøde.example");
  const ascii = found.get("utf8-back-to-ascii")?.groups[1];
  assert.equal(ascii?.["Final-Recipient"], "utf-8; j\\x{F8}rgen@b\\x{F8}de.example");
});

for (const [name, { report, message }] of Object.entries(EXAMPLES)) {
  test(`mailparser reads of ${name} what a person is to read`, async () => {
    const mail = await simpleParser(readFileSync(pathOf(name)), { keepDeliveryStatus: true });
    assert.equal(mail.subject, `Delivery status notification: ${report.action}`);
    assert.equal(mail.headers.get("auto-submitted"), "auto-replied");
    assert.equal(mail.inReplyTo ?? "", report.originalId);
    for (const { recipient } of report.recipients) {
      assert.ok(mail.text?.includes(`<${recipient}>`), mail.text ?? "no text");
    }
    const status = mail.attachments.find(({ contentType }) =>
      contentType.endsWith("delivery-status"),
    );
    assert.match(status?.content.toString() ?? "", /^(?:Original-Envelope-Id|Reporting-MTA): /);
    if (message === undefined) return;
    const whole = mail.attachments.find(({ contentType }) => contentType === "message/rfc822");
    assert.equal(whole?.content.toString().trimEnd(), message.trimEnd());
  });
}
