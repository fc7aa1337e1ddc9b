import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseAddressList } from "./address-list.ts";
import { formatDisplayName } from "./display-name.ts";

const CASES: readonly (readonly [name: string, formatted: string])[] = [
  ["", ""],
  ["Ann Smith", "Ann Smith"],
  ["  Ann   Smith ", "Ann Smith"],
  ["Smith, Ann", '"Smith, Ann"'],
  ['Ann "A" Smith', '"Ann \\"A\\" Smith"'],
  ["J. Smith", '"J. Smith"'],
  ["=?utf-8?Q?x?=", '"=?utf-8?Q?x?="'],
  ["N\nX-Evil: 1", '"N X-Evil: 1"'],
  ["\r\n\0", ""],
  ["Zoë", "=?utf-8?B?Wm/Dqw==?="],
  ["é".repeat(23), `=?utf-8?B?${"w6nDqcOp".repeat(7)}w6k=?=\r\n =?utf-8?B?w6k=?=`],
];

for (const [name, formatted] of CASES) {
  test(`display name ${JSON.stringify(name)} is ${JSON.stringify(formatted)}`, () => {
    assert.equal(formatDisplayName(name), formatted);
  });
}

test("display name of any text leaves the address behind it the only one", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (name) => {
      const text = `${formatDisplayName(name)} <a@b>`;
      assert.doesNotMatch(text, /\r\n(?! )|(?<!\r)\n|\r(?!\n)|[^\r\n -~]/);
      const list = parseAddressList(text);
      assert.deepEqual(
        list?.mailboxes.map(({ start, end }) => text.slice(start, end)),
        ["a@b"],
      );
    }),
  );
});
