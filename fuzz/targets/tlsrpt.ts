/** Records of TLS-RPT: endpoints that are safe to send to, or none; never thrown at. */
import assert from "node:assert/strict";
import {
  formatEndpointUri,
  MAX_ENDPOINT_LENGTH,
  MAX_REPORT_ENDPOINTS,
  parseTlsrptRecord,
} from "#protocols/tlsrpt/tlsrpt-record.ts";
import type { FuzzTarget } from "#fuzz/target.ts";

export const tlsrpt: FuzzTarget = {
  name: "tlsrpt",
  words: [
    "v=TLSRPTv1;",
    " rua=",
    "mailto:",
    "https://",
    "%0a",
    "%",
    ":443",
    "@",
    ",",
    ";",
    "?",
    "!",
  ],
  seeds: () => [
    "v=TLSRPTv1; rua=mailto:a@b.example,https://c.example/v1?x=1;",
    "v=TLSRPTv1;rua=mailto:%61@b.example?subject=x; y=z",
  ],
  run: (input) => {
    const endpoints = parseTlsrptRecord([input.toString("latin1")]);
    assert.ok(endpoints.length <= MAX_REPORT_ENDPOINTS, "more endpoints than there may be");
    for (const endpoint of endpoints) {
      const uri = formatEndpointUri(endpoint);
      assert.match(uri, /^[!-~]+$/u);
      assert.ok(uri.length <= MAX_ENDPOINT_LENGTH + 1, "an endpoint is longer than it may be");
      if (endpoint.kind === "https") assert.equal(new URL(endpoint.url).port, "");
    }
  },
};
