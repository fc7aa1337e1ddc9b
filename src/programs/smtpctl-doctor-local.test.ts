import assert from "node:assert/strict";
import { test } from "node:test";
import { formatEndpoint } from "#base/endpoint.ts";
import type { Network } from "#base/ports/network.ts";
import { runLocalDoctor } from "./smtpctl-doctor-local.ts";
import { statePaths } from "./state-paths.ts";

test("without DNS the host of --connect is one of the hosts file, or an address", async () => {
  const connected: string[] = [];
  const network: Pick<Network, "connect"> = {
    async connect(endpoint) {
      connected.push(formatEndpoint(endpoint));
      return { kind: "network-fault", code: "ECONNREFUSED", message: "nobody is there" };
    },
  };
  let prints = "";
  for (const host of ["192.0.2.25", "localhost", "mx.nowhere.example"])
    await runLocalDoctor(
      ["--no-dns", "--connect", host, "-f", "/nowhere/smtpd.conf"],
      { ...network, listen: () => assert.fail("nobody listens") },
      () => statePaths("/nowhere", 0),
      {
        print: (text) => (prints += String(text)),
        complain: () => undefined,
        drained: () => undefined,
        isTerminal: false,
      },
    );
  const outward = connected.filter((endpoint) => endpoint.endsWith(":25"));
  assert.match(outward.join(" "), /^192\.0\.2\.25:25 (?:127\.0\.0\.1|\[::1\]):25$/u);
  assert.match(prints, /^unknown port-25-out mx\.nowhere\.example: .*no name server to ask$/mu);
});
