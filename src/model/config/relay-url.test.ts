import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatRelayHost, parseLmtpDestination, parseRelayUrl } from "./relay-url.ts";

const HOSTS: readonly (readonly [url: string, printed: string])[] = [
  ["mx.example.org", "smtp://mx.example.org:25"],
  ["mx_1.example.org:26", "smtp://mx_1.example.org:26"],
  ["smtp://mx.example.org", "smtp://mx.example.org:25"],
  ["SMTP://mx.example.org", "smtp://mx.example.org:25"],
  ["smtp+tls://mx.example.org", "smtp+tls://mx.example.org:25"],
  ["smtp+tls://label@mx.example.org:587", "smtp+tls://label@mx.example.org:587"],
  ["smtp+notls://mx.example.org:587", "smtp+notls://mx.example.org:587"],
  ["smtps://mx.example.org", "smtps://mx.example.org:465"],
  ["smtps://Me.too+1@[::1]", "smtps://Me.too+1@[::1]:465"],
  ["[192.0.2.1]", "smtp://192.0.2.1:25"],
  ["[IPv6:2001:db8::1]:26", "smtp://[2001:db8::1]:26"],
  ["lmtp://[::1]:24", "lmtp://[::1]:24"],
  ["unix:/run/Smtp.sock", "unix:/run/Smtp.sock"],
  ["lmtp:/run/lmtp.sock", "lmtp:/run/lmtp.sock"],
];

for (const [url, printed] of HOSTS) {
  test(`relay host '${url}' is ${printed}`, () => {
    const host = parseRelayUrl(url);
    assert.ok("protocol" in host, JSON.stringify(host));
    assert.equal(formatRelayHost(host), printed);
    assert.deepEqual(parseRelayUrl(printed), host);
  });
}

function tlsOf(url: string): string {
  const host = parseRelayUrl(url);
  return "tls" in host ? host.tls : host.reason;
}

test("scheme says how TLS is used", () => {
  assert.deepEqual(
    ["x", "smtp+tls://x", "smtp+notls://x", "smtps://x", "lmtp://x:1", "unix:/x"].map(tlsOf),
    ["opportunistic", "starttls", "never", "smtps", "never", "never"],
  );
});

const FAULTS: readonly (readonly [url: string, reason: string])[] = [
  ["", "invalid host: "],
  ["ftp://x", "unknown scheme: ftp://"],
  ["a b", "invalid host: a b"],
  ["x:0", "invalid port: 0"],
  ["x:65536", "invalid port: 65536"],
  ["[::g]", "invalid address: [::g]"],
  ["lmtp://x", "LMTP needs a port: x"],
  ["unix:x", "invalid host: unix:x"],
  [`unix:/${"x".repeat(107)}`, "the path of a socket is too long: at most 107 bytes"],
  ["x".repeat(300), "the name of a host is too long"],
  [`[fe80::1%${"x".repeat(300)}]:25`, "the name of a host is too long"],
  ["me@x", "credentials need encryption: 'me@' with smtp://"],
  ["smtp+notls://me@x", "credentials need encryption: 'me@' with smtp+notls://"],
  ["lmtp://me@x:1", "credentials need encryption: 'me@' with lmtp://"],
  ["smtps://@x", "invalid label: '@'"],
  ["smtps://a@b@x", "invalid host: b@x"],
];

for (const [url, reason] of FAULTS) {
  test(`relay host '${url.slice(0, 30)}' is refused`, () => {
    assert.deepEqual(parseRelayUrl(url), { kind: "relay-url-fault", reason });
  });
}

test("LMTP destination is a socket or a host with its port", () => {
  const unix = { kind: "endpoint", endpoint: { kind: "unix", path: "/run/l" } };
  assert.deepEqual(parseLmtpDestination("/run/l"), unix);
  assert.deepEqual(parseLmtpDestination("unix:/run/l"), unix);
  assert.deepEqual(parseLmtpDestination("lmtp:/run/l"), unix);
  const tcp = { kind: "endpoint", endpoint: { kind: "tcp", host: "::1", port: 24 } };
  assert.deepEqual(parseLmtpDestination("[::1]:24"), tcp);
  assert.deepEqual(parseLmtpDestination("lmtp://[::1]:24"), tcp);
  const named = { kind: "endpoint", endpoint: { kind: "tcp", host: "lmtp", port: 24 } };
  assert.deepEqual(parseLmtpDestination("lmtp:24"), named);
});

function kindOf(text: string): string {
  const destination = parseLmtpDestination(text);
  return "reason" in destination ? destination.reason : destination.kind;
}

test("LMTP destination with specifiers stays a format, if any values can make one of it", () => {
  for (const text of ["/run/%{rcpt.domain}", "%{rcpt.domain}:24", "unix:/run/%{user.username}"])
    assert.equal(kindOf(text), "format");
  assert.equal(kindOf("~/lmtp.sock"), "format");
  assert.equal(kindOf("run/%{rcpt.domain}"), "invalid LMTP destination: run/%{rcpt.domain}");
  assert.equal(kindOf("/run/%{nobody}"), "unknown format specifier: %{nobody}");
  assert.equal(kindOf("x"), "LMTP needs a port: x");
});

test("any text is a host that reads back as it is printed, or a fault", () => {
  const piece = fc.constantFrom(
    "smtp",
    "lmtp",
    "+tls",
    "s",
    "://",
    ":",
    "/",
    "@",
    "x",
    "[",
    "]",
    "25",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const host = parseRelayUrl(pieces.join(""));
      if ("reason" in host) return;
      assert.deepEqual(parseRelayUrl(formatRelayHost(host)), host);
    }),
  );
});
