/**
 * HTTP questions through node:http: one connection each, bounded in time and bytes.
 *
 * No redirection is followed: whoever answers in the clear must not send us to ask
 * somebody inside our own network.
 */
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps, type RequestOptions } from "node:https";
import { TLSSocket } from "node:tls";
import type { Http, HttpAnswer, HttpRequest } from "#base/ports/http.ts";

/** Of the answer's header: eight times what responders send. */
const MAX_HEADER_BYTES = 8192;

/** Where servers are reached, and who vouches for them; the machine's own if left out. */
export type NodeHttpSettings = Pick<RequestOptions, "ca" | "lookup" | "port">;

export function nodeHttp(settings: NodeHttpSettings = {}): Http {
  return {
    post: (question) => {
      const { body, type, authorization, authorities } = question;
      const headers = {
        "content-type": type,
        "content-length": body.length,
        ...(authorization === undefined ? {} : { authorization }),
      };
      const ca = authorities === undefined ? {} : { ca: authorities };
      const options = { ...settings, ...ca, method: "POST", headers };
      return ask(question, options, { body, type: undefined });
    },
    get: (request, type) => ask(request, { ...settings, method: "GET" }, { body: undefined, type }),
  };
}

/** What goes, and what must come. */
interface Contents {
  readonly body: Uint8Array | undefined;
  readonly type: string | undefined;
}

function ask(
  { url, timeoutMs, maxBytes }: HttpRequest,
  options: RequestOptions,
  { body, type }: Contents,
): Promise<HttpAnswer> {
  const { promise, resolve } = Promise.withResolvers<HttpAnswer>();
  // Some host names are no host of a URL: `a.123` would be an address of IPv4 (WHATWG URL, "ends in a number").
  if (!URL.canParse(url))
    return Promise.resolve({ kind: "unfit", why: "its name is none of the web" });
  const request = url.toLowerCase().startsWith("https:") ? requestHttps : requestHttp;
  const asked = request(url, { ...options, agent: false, maxHeaderSize: MAX_HEADER_BYTES });
  const settle = (answer: HttpAnswer): void => {
    clearTimeout(timer);
    asked.destroy();
    resolve(answer);
  };
  const fail = (why: string): void => settle({ kind: "fault", why });
  const refuse = (why: string): void => settle({ kind: "unfit", why });
  const timer = setTimeout(() => fail("no answer in time"), timeoutMs);
  asked.on("error", (error) => {
    const { socket } = asked;
    const isUntrusted = socket instanceof TLSSocket && isRefused(socket);
    settle({ kind: isUntrusted ? "untrusted" : "fault", why: faultText(error) });
  });
  asked.on("response", (answer) => {
    if (!isSuccess(answer.statusCode ?? 0, options.method)) {
      refuse(`answers ${answer.statusCode ?? "nothing"}`);
      return;
    }
    if (type !== undefined && typeOf(answer) !== type) {
      refuse(`answers something else than ${type}`);
      return;
    }
    const chunks: Buffer[] = [];
    let length = 0;
    answer.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxBytes) refuse(`answers more than ${maxBytes} bytes`);
      else chunks.push(chunk);
    });
    answer.on("error", (error) => fail(faultText(error)));
    answer.on("end", () => settle({ kind: "answer", body: Buffer.concat(chunks) }));
  });
  asked.end(body);
  return promise;
}

function isSuccess(status: number, method: string | undefined): boolean {
  return method === "POST" ? status >= 200 && status < 300 : status === 200;
}

/** Node says why with the socket, and has null in it before it knows. */
function isRefused({ authorizationError }: TLSSocket): boolean {
  const why: unknown = authorizationError;
  return why !== null && why !== undefined;
}

/** Without its parameters. */
function typeOf({ headers }: IncomingMessage): string {
  const [type = ""] = (headers["content-type"] ?? "").split(";");
  return type.trim().toLowerCase();
}

/** Node's parser puts no bytes of the peer in its messages, only its own words. */
function faultText(error: Error): string {
  // Of several addresses that were tried it says nothing.
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return error.message === "" ? code : error.message;
}
