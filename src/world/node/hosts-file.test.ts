import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { openHostsFile, parseHosts } from "./hosts-file.ts";

test("a hosts file has a line for each address, with names and comments", () => {
  const names = parseHosts(
    [
      "# static table",
      "127.0.0.1\tlocalhost",
      "::1 localhost ip6-localhost # both",
      "192.0.2.1  MX.Example mx",
      "not-an-address name",
      "192.0.2.2 mx.example",
      "",
    ].join("\n"),
  );
  assert.deepEqual(Object.fromEntries(names), {
    localhost: ["127.0.0.1", "::1"],
    "ip6-localhost": ["::1"],
    "mx.example": ["192.0.2.1", "192.0.2.2"],
    mx: ["192.0.2.1"],
  });
});

test("a hosts file is asked without case, and knows localhost even when it is missing", async (t) => {
  const folder = await mkdtemp(`${tmpdir()}/postrider-hosts-`);
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(`${folder}/hosts`, "192.0.2.1 mx.example\n");
  const hosts = openHostsFile(`${folder}/hosts`);
  assert.deepEqual(hosts.addresses("MX.example."), ["192.0.2.1"]);
  assert.equal(hosts.addresses("other.example"), undefined);
  const missing = openHostsFile(`${folder}/none`);
  assert.deepEqual(missing.addresses("localhost"), ["127.0.0.1", "::1"]);
  assert.equal(missing.addresses("mx.example"), undefined);
});
