import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import type { HttpAnswer } from "#base/ports/http.ts";
import { certify } from "#test/support/certificates.ts";
import { nodeHttp } from "./http.ts";

const AS_NOBODY = { authorization: undefined, authorities: undefined };

async function asked(
  t: TestContext,
  listener: RequestListener,
  timeoutMs = 5000,
): Promise<HttpAnswer> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  t.after(() => server.close().closeAllConnections());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/ocsp`;
  return nodeHttp().post({
    url,
    body: Buffer.from("?"),
    type: "a/b",
    ...AS_NOBODY,
    timeoutMs,
    maxBytes: 100,
  });
}

test("HTTP question comes with its type and length, and its answer whole", async (t) => {
  const answer = await asked(t, (request, response) => {
    const { method, url, headers } = request;
    assert.deepEqual([method, url, headers["content-type"]], ["POST", "/ocsp", "a/b"]);
    request.pipe(response);
  });
  assert.deepEqual(answer, { kind: "answer", body: Buffer.from("?") });
});

const serverError: RequestListener = (_, response) => void response.writeHead(500).end();
const greeting: RequestListener = ({ socket }) => void socket.end("220 mx ESMTP\r\n");

for (const [name, listener, kind, why] of [
  ["that leads elsewhere", redirect, "unfit", /^answers 302$/u],
  ["of an error", serverError, "unfit", /^answers 500$/u],
  ["without end", flood, "unfit", /^answers more than 100 bytes$/u],
  ["that is cut off", cutOff, "fault", /aborted|hang up/u],
  ["that is no HTTP", greeting, "fault", /^Parse Error/u],
  ["with a long header", longHeader, "fault", /Header overflow/iu],
  ["that never comes", () => undefined, "fault", /^no answer in time$/u],
  ["that comes a byte at a time", drip, "fault", /^no answer in time$/u],
] as const)
  test(`HTTP answer ${name} is ${kind === "unfit" ? "unfit" : "a fault"}`, async (t) => {
    const answer = await asked(t, listener, 200);
    assert.equal(answer.kind, kind);
    assert.match("why" in answer ? answer.why : "an answer", why);
  });

test("HTTP question to a name that no URL can have is answered, and asks nobody", async () => {
  const request = { url: "https://mta-sts.a.123/x", timeoutMs: 5000, maxBytes: 100 };
  assert.deepEqual(await nodeHttp().get(request, "text/plain"), {
    kind: "unfit",
    why: "its name is none of the web",
  });
});

const take: RequestListener = (_, response) => void response.writeHead(204).end();

test("HTTP answer that something was taken is one, to what is posted alone", async (t) => {
  assert.deepEqual(await asked(t, take), { kind: "answer", body: Buffer.alloc(0) });
  const server = createServer(take).listen(0, "127.0.0.1");
  t.after(() => server.close().closeAllConnections());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const request = { url: `http://127.0.0.1:${port}/`, timeoutMs: 5000, maxBytes: 100 };
  assert.deepEqual(await nodeHttp().get(request, "text/plain"), {
    kind: "unfit",
    why: "answers 204",
  });
});

test("a certificate that will not do is told from a server that is not there", async (t) => {
  const { certificate: cert, key } = certify({ subject: "web", dns: ["localhost"] });
  const server = createSecureServer({ cert, key }, (_, response) => void response.end("x"));
  server.listen(0, "127.0.0.1");
  t.after(() => server.close().closeAllConnections());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const request = { url: `https://127.0.0.1:${port}/`, timeoutMs: 5000, maxBytes: 100 };
  const answer = await nodeHttp().get(request, "text/plain");
  assert.equal(answer.kind, "untrusted");
  const nobody = await nodeHttp().get({ ...request, url: "https://127.0.0.1:1/" }, "text/plain");
  assert.equal(nobody.kind, "fault");
});

test("nobody there is a fault", async () => {
  const question = {
    body: Buffer.alloc(0),
    type: "a/b",
    ...AS_NOBODY,
    timeoutMs: 5000,
    maxBytes: 100,
  };
  const answer = await nodeHttp().post({ ...question, url: "http://127.0.0.1:1/" });
  assert.match(answer.kind === "fault" ? answer.why : "an answer", /ECONNREFUSED/u);
});

for (const [type, is] of [
  ["text/plain", true],
  ["Text/Plain; charset=utf-8", true],
  ["text/html", false],
  ["", false],
] as const)
  test(`HTTP answer of type '${type}' is ${is ? "one" : "none"} of text/plain`, async (t) => {
    const server = createServer(({ method }, response) => {
      assert.equal(method, "GET");
      if (type !== "") response.setHeader("content-type", type);
      response.end("policy");
    }).listen(0, "127.0.0.1");
    t.after(() => server.close().closeAllConnections());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const request = { url: `http://127.0.0.1:${port}/`, timeoutMs: 5000, maxBytes: 100 };
    const { kind } = await nodeHttp().get(request, "text/plain");
    assert.equal(kind, is ? "answer" : "unfit");
  });

type Answering = Parameters<RequestListener>[1];

function redirect(_: unknown, response: Answering): void {
  response.writeHead(302, { location: "http://127.0.0.1:1/inside" }).end();
}

function flood(_: unknown, response: Answering): void {
  while (response.write(Buffer.alloc(64)));
}

function cutOff(_: unknown, response: Answering): void {
  response.writeHead(200, { "content-length": 50 });
  response.write("half", () => response.destroy());
}

function longHeader(_: unknown, response: Answering): void {
  response.writeHead(200, { a: "x".repeat(20_000) }).end();
}

function drip(_: unknown, response: Answering): void {
  const timer = setInterval(() => response.write("x"), 20);
  response.on("close", () => clearInterval(timer));
}
