import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { configOf } from "#test/support/config-of.ts";
import type { QueueKeys } from "#model/config/queue-key-text.ts";
import type { Reading } from "#processes/reloads.ts";
import { tellingKeyChanges } from "./key-changes.ts";

const OLD = "0123456789abcdef0123456789abcdef";
const NEW = "fedcba9876543210fedcba9876543210";
const FOLDER = mkdtempSync(join(tmpdir(), "key-changes-"));
const FILE = join(FOLDER, "keys");
after(() => rmSync(FOLDER, { recursive: true }));

const GONE = "; one that is in use is gone from it, which it may need then";
const ANEW = "smtpd takes up other keys of 'queue encryption' when it starts anew";

const CASES: readonly {
  readonly what: string;
  readonly line: string;
  readonly inFile?: string;
  readonly inUse: QueueKeys;
  readonly said: readonly string[];
}[] = [
  { what: "the same key", line: `queue encryption ${OLD}`, inUse: [OLD], said: [] },
  { what: "no key, as before", line: "queue compression", inUse: [], said: [] },
  { what: "another key", line: `queue encryption ${NEW}`, inUse: [OLD], said: [ANEW + GONE] },
  { what: "no key any more", line: "queue compression", inUse: [OLD], said: [ANEW + GONE] },
  { what: "a key for the first time", line: `queue encryption ${NEW}`, inUse: [], said: [ANEW] },
  {
    what: "a new key above the old one",
    line: `queue encryption file "${FILE}"`,
    inFile: `${NEW}\n${OLD}\n`,
    inUse: [OLD],
    said: [ANEW],
  },
  {
    what: "the same file",
    line: `queue encryption file "${FILE}"`,
    inFile: `# of 2026\nnone\n${OLD}\n`,
    inUse: [undefined, OLD],
    said: [],
  },
  {
    what: "a file that no daemon would start with",
    line: `queue encryption file "${FILE}"`,
    inFile: "short\n",
    inUse: [OLD],
    said: [
      `smtpd would not start: queue encryption: ${FILE}: line 1: a queue key has 32 characters`,
    ],
  },
  { what: "a key that is asked for", line: "queue encryption stdin", inUse: [OLD], said: [] },
];

for (const { what, line, inFile, inUse, said } of CASES) {
  test(`a reload with ${what}: ${said.length === 0 ? "nothing to say" : "a warning"}`, async () => {
    if (inFile !== undefined) writeFileSync(FILE, inFile, { mode: 0o600 });
    const config = configOf(line, "listen on socket", "match from any for any reject");
    const read = async (): Promise<Reading> => ({ config, complaints: [] });
    const reader = tellingKeyChanges({ whole: read, table: read }, inUse, "smtpd.conf");
    const { complaints } = await reader.whole();
    assert.deepEqual(
      complaints.map(({ message, severity }) => [severity, message]),
      said.map((message) => ["warning", message]),
    );
    for (const key of [OLD, NEW]) assert.equal(JSON.stringify(complaints).includes(key), false);
    assert.deepEqual((await reader.table("t", config)).complaints, []);
  });
}
