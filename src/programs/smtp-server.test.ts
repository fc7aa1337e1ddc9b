import assert from "node:assert/strict";
import { test } from "node:test";
import { formatEndpoint } from "#base/endpoint.ts";
import { parseSmtpServer } from "./smtp-server.ts";

const CASES: readonly (readonly [text: string, meaning: string])[] = [
  ["localhost", "smtp may localhost:25"],
  ["localhost:2525", "smtp may localhost:2525"],
  ["[::1]:2525", "smtp may [::1]:2525"],
  ["[::1]", "smtp may [::1]:25"],
  ["::1", "smtp may [::1]:25"],
  ["smtp://mx.example", "smtp may mx.example:25"],
  ["smtp+notls://mx.example:", "smtp none mx.example:25"],
  ["smtp+tls://mx.example", "smtp must mx.example:25"],
  ["smtps://mx.example", "smtp at-once mx.example:465"],
  ["lmtp://127.0.0.1:24", "lmtp may 127.0.0.1:24"],
  ["lmtp+tls://h", "lmtp must h:25"],
  ["lmtp+notls://h", "lmtp none h:25"],
  ["smtps://us@er:pa:ss@mx.example:1", "smtp at-once mx.example:1 us@er pa:ss"],
  ["/tmp/smtpd.sock", "smtp none unix:/tmp/smtpd.sock"],
  ["unix:/tmp/a:b@c", "smtp none unix:/tmp/a:b@c"],
  ["lmtp:/run/lmtp", "lmtp none unix:/run/lmtp"],
  ["foo://x", "invalid url scheme foo"],
  ["smtp://user@x", "invalid credentials"],
  ["mx:0", "invalid port: 0"],
  ["mx:65536", "invalid port: 65536"],
  ["mx:http", "invalid server: mx:http"],
  ["", "invalid server: "],
  ["unix:relative", "invalid server: unix:relative"],
];

for (const [text, meaning] of CASES) {
  test(`smtp -s '${text}' means '${meaning}'`, () => {
    const server = parseSmtpServer(text);
    if (server.kind === "wrong") return assert.equal(server.message, meaning);
    const { user, password } = server.credentials ?? { user: "", password: "" };
    const words = [server.dialect, server.tls, formatEndpoint(server.endpoint), user, password];
    assert.equal(words.filter(Boolean).join(" "), meaning);
  });
}
