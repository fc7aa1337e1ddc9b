/** A server with a certificate, at a free port of this machine: STARTTLS, and a sink for mail. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { nodeNetwork } from "#world/node/network.ts";
import { nodeTls } from "#world/node/tls/tls.ts";
import type { Certified } from "#test/support/certificates.ts";
import { Sink } from "#test/support/sink.ts";
import { tlsServer } from "#test/support/tls-server.ts";

export interface TlsSink {
  readonly sink: Sink;
  readonly port: number;
}

/** Ends with the test. `"stripped"`: somebody on the way has taken STARTTLS out of what it offers. */
export async function tlsSink(
  t: TestContext,
  { certificate, key }: Pick<Certified, "certificate" | "key">,
  seen: "whole" | "stripped" = "whole",
): Promise<TlsSink> {
  const server = tlsServer(nodeTls(), { certificate, key });
  const extensions = seen === "stripped" ? [] : ["STARTTLS"];
  const sink = new Sink({ extensions, tls: { server, start: "starttls" } });
  const listening = await sink.listen(nodeNetwork(), { kind: "tcp", host: "127.0.0.1", port: 0 });
  assert.ok(listening.endpoint.kind === "tcp");
  t.after(() => {
    listening.close();
    sink.dropAll();
  });
  return { sink, port: listening.endpoint.port };
}
