import assert from "node:assert/strict";
import { test } from "node:test";
import { SimResolver } from "#world/sim/resolver.ts";
import { runSpfWalk, SPF_WALK_USAGE } from "./smtpctl-spf.ts";
import { runVersion } from "./smtpctl-version.ts";
import type { Output } from "./smtpctl-printer.ts";

class Said implements Output {
  prints = "";
  complains = "";
  readonly isTerminal = false;
  print(text: string | Uint8Array): void {
    this.prints += String(text);
  }
  complain(text: string): void {
    this.complains += text;
  }
  drained(): undefined {}
}

async function* linesOf(...lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}

const resolver = new SimResolver({
  texts: {
    "a.example": ["v=spf1 ip4:192.0.2.0/24 include:b.example -all"],
    "b.example": ["v=spf1 ip6:2001:db8::1 ip4:192.0.2.0/24 ptr ~all"],
    "bad.example": ["v=spf1 \u001b"],
  },
});

test("networks come one on a line, each once, and what cannot be followed on standard error", async () => {
  const said = new Said();
  const lines = linesOf("a.example", "", "# none", " b.example ", "none.example", "bad.example");
  assert.equal(await runSpfWalk([], { resolver, lines }, said), 1);
  assert.equal(said.prints, "192.0.2.0/24\n2001:db8::1\n");
  assert.deepEqual(said.complains.split("\n"), [
    "a.example: ptr of b.example names no addresses",
    "b.example: ptr of b.example names no addresses",
    "none.example: it has no SPF record",
    "bad.example: it cannot be read at '\\033'",
    "",
  ]);
});

test("--json tells which domain a network is of; words are refused", async () => {
  const said = new Said();
  assert.equal(await runSpfWalk(["--json"], { resolver, lines: linesOf("a.example") }, said), 0);
  assert.equal(said.prints.split("\n")[0], '{"domain":"a.example","network":"192.0.2.0/24"}');
  const wrong = new Said();
  assert.equal(await runSpfWalk(["a.example"], { resolver, lines: linesOf() }, wrong), 2);
  assert.equal(wrong.complains, `smtpctl: Unexpected argument 'a.example'\n${SPF_WALK_USAGE}`);
});

test("the version is that of the release and of what runs it", () => {
  const said = new Said();
  const runtime = { node: "26.1.0", openssl: "3.5.0" };
  assert.equal(runVersion([], runtime, said), 0);
  assert.match(said.prints, /^Postrider \d+\.\d+\.\d+, Node\.js 26\.1\.0, OpenSSL 3\.5\.0\n$/u);
  const json = new Said();
  assert.equal(runVersion(["--json"], runtime, json), 0);
  assert.equal((JSON.parse(json.prints) as { node: string }).node, "26.1.0");
  const wrong = new Said();
  assert.equal(runVersion(["x"], runtime, wrong), 2);
});
