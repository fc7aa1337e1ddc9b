/**
 * HTTP questions through node:http: one connection each, bounded in time and bytes.
 *
 * No redirection is followed: whoever answers in the clear must not send us to ask
 * somebody inside our own network.
 */
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { Http, HttpAnswer } from "#base/ports/http.ts";

/** Of the answer's header: eight times what responders send. */
const MAX_HEADER_BYTES = 8192;

export function nodeHttp(): Http {
  return {
    post: (question) => {
      const { url, body, type, authorization, authorities, timeoutMs, maxBytes } = question;
      const { promise, resolve } = Promise.withResolvers<HttpAnswer>();
      const request = url.toLowerCase().startsWith("https:") ? requestHttps : requestHttp;
      const asked = request(url, {
        method: "POST",
        agent: false,
        maxHeaderSize: MAX_HEADER_BYTES,
        ...(authorities === undefined ? {} : { ca: authorities }),
        headers: {
          "content-type": type,
          "content-length": body.length,
          ...(authorization === undefined ? {} : { authorization }),
        },
      });
      const settle = (answer: HttpAnswer): void => {
        clearTimeout(timer);
        asked.destroy();
        resolve(answer);
      };
      const fail = (why: string): void => settle({ kind: "fault", why });
      const timer = setTimeout(() => fail("no answer in time"), timeoutMs);
      asked.on("error", (error) => fail(faultText(error)));
      asked.on("response", (answer) => {
        if (answer.statusCode !== 200) {
          fail(`answers ${answer.statusCode ?? "nothing"}`);
          return;
        }
        const chunks: Buffer[] = [];
        let length = 0;
        answer.on("data", (chunk: Buffer) => {
          length += chunk.length;
          if (length > maxBytes) fail(`answers more than ${maxBytes} bytes`);
          else chunks.push(chunk);
        });
        answer.on("error", (error) => fail(faultText(error)));
        answer.on("end", () => settle({ kind: "answer", body: Buffer.concat(chunks) }));
      });
      asked.end(body);
      return promise;
    },
  };
}

/** Node's parser puts no bytes of the peer in its messages, only its own words. */
function faultText(error: Error): string {
  // Of several addresses that were tried it says nothing.
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return error.message === "" ? code : error.message;
}
