/**
 * One query to one server of the DNS: by datagram, and by TCP where the answer was cut.
 *
 * Each datagram leaves from a port of its own, which the system chooses at random, with a
 * number of its own (RFC 5452 §9.2); the socket takes datagrams of the server's address
 * alone. What comes and is no answer to this question is passed over until the time is up.
 *
 * Source: RFC 1035 §4.2; RFC 7766 (TCP).
 */
import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";
import {
  type DnsQuestion,
  type DnsResponse,
  encodeQuery,
  parseResponse,
  type QueryOptions,
} from "./dns-message.ts";

export interface DnsServer {
  readonly address: string;
  readonly port: number;
}

/** Given back where nothing usable came. */
export type DnsSilence = { readonly kind: "silent"; readonly why: string };

export type Exchanged = Exclude<DnsResponse, { readonly kind: "foreign" }> | DnsSilence;

export interface ExchangeTerms extends Omit<QueryOptions, "id" | "edns"> {
  readonly timeoutMs: number;
}

/** Never rejects. */
export async function exchange(
  server: DnsServer,
  question: DnsQuestion,
  terms: ExchangeTerms,
): Promise<Exchanged> {
  const first = await askByDatagram(server, question, { ...terms, edns: true });
  // RFC 6891 §7: a server of old answers so.
  const isOld = first.kind === "failure" && first.rcode === "FORMERR";
  const answer = isOld ? await askByDatagram(server, question, { ...terms, edns: false }) : first;
  if (answer.kind !== "truncated") return answer;
  return askByStream(server, question, { ...terms, edns: !isOld });
}

interface AskTerms extends ExchangeTerms {
  readonly edns: boolean;
}

const MAX_ID = 0x1_0000;
const LENGTH_BYTES = 2;

function askByDatagram(
  server: DnsServer,
  question: DnsQuestion,
  terms: AskTerms,
): Promise<Exchanged> {
  const { promise, resolve } = Promise.withResolvers<Exchanged>();
  const id = randomInt(MAX_ID);
  const socket = createSocket(isIPv6(server.address) ? "udp6" : "udp4");
  const settle = (answer: Exchanged): void => {
    clearTimeout(timer);
    socket.removeAllListeners("message");
    socket.on("error", () => undefined);
    if (isOpen) socket.close();
    isOpen = false;
    resolve(answer);
  };
  let isOpen = true;
  const timer = setTimeout(() => settle(silent("no answer in time")), terms.timeoutMs);
  socket.on("error", (error) => settle(silent(wordOf(error))));
  socket.on("message", (bytes) => {
    const response = parseResponse(bytes, question, id);
    if (response.kind !== "foreign") settle(response);
  });
  // Without a route it is called with an error, which its declared type leaves out (tried with
  // Node 26.10), and "error" is not emitted then.
  const send = (error?: NodeJS.ErrnoException | null): void => {
    if (error) settle(silent(wordOf(error)));
    else if (isOpen) socket.send(encodeQuery(question, { ...terms, id }));
  };
  socket.connect(server.port, server.address, send);
  return promise;
}

function askByStream(
  server: DnsServer,
  question: DnsQuestion,
  terms: AskTerms,
): Promise<Exchanged> {
  const { promise, resolve } = Promise.withResolvers<Exchanged>();
  const id = randomInt(MAX_ID);
  const socket = connect({ host: server.address, port: server.port });
  const settle = (answer: Exchanged): void => {
    clearTimeout(timer);
    socket.destroy();
    resolve(answer);
  };
  const timer = setTimeout(() => settle(silent("no answer in time")), terms.timeoutMs);
  let received: Buffer = Buffer.alloc(0);
  socket.on("error", (error) => settle(silent(wordOf(error))));
  socket.on("close", () => settle(silent("connection closed without an answer")));
  socket.on("data", (chunk: Buffer) => {
    // Two octets say how much comes, 64 KiB at most: what is more is of no answer of ours.
    received = Buffer.concat([received, chunk]);
    if (received.length < LENGTH_BYTES) return;
    const end = LENGTH_BYTES + received.readUInt16BE(0);
    if (received.length < end) return;
    const response = parseResponse(received.subarray(LENGTH_BYTES, end), question, id);
    // Nobody else speaks on this connection.
    const isAnswer = response.kind !== "foreign" && response.kind !== "truncated";
    settle(isAnswer ? response : { kind: "malformed", why: "an answer to another question" });
  });
  const query = encodeQuery(question, { ...terms, id });
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt16BE(query.length, 0);
  socket.write(Buffer.concat([length, query]));
  return promise;
}

function silent(why: string): DnsSilence {
  return { kind: "silent", why };
}

function wordOf(error: NodeJS.ErrnoException): string {
  return error.code ?? error.message;
}
