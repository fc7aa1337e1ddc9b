/**
 * What a relay's TLS handshake costs its own process, with a session that is taken up again and
 * without: CPU milliseconds for each, in turns, so that a noisy machine is noisy for both.
 *
 *   bin/node bench/client-handshakes.ts [COUNT]
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import type { TlsClient } from "#base/ports/tls.ts";
import { tlsOffer } from "#policy/tls/offer.ts";
import { wrapSocket } from "#world/node/connection.ts";
import { nodeTls } from "#world/node/tls/tls.ts";
import { certify } from "#test/support/certificates.ts";

const ROUNDS = 3;
const DEFAULT_COUNT = 300;
const NAME = "mx.example.org";
const NONE = { ciphers: undefined, curves: undefined, protocols: undefined };
const KEYS = ["ecdsa", "rsa"] as const;

/** In a process of its own: its CPU is not the client's. */
function serve(cert: string, key: string): void {
  const server = tls.createServer({ cert, key }, (socket) => {
    socket.on("error", () => undefined);
    socket.write("220 hello\r\n");
  });
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as net.AddressInfo).port));
}

async function handshake(
  end: TlsClient,
  port: number,
  resumeAs: string | undefined,
): Promise<boolean> {
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  await once(socket, "connect");
  const secured = await end.connect(wrapSocket(socket), {
    serverName: NAME,
    timeoutMs: 5000,
    resumeAs,
  });
  if (secured.kind === "tls-fault") throw new Error(secured.message);
  secured.approve();
  const { promise, resolve } = Promise.withResolvers<void>();
  secured.connection.start({
    data: () => secured.connection.destroy(),
    end: () => undefined,
    drain: () => undefined,
    closed: () => resolve(),
  });
  await promise;
  return secured.facts.resumed;
}

async function cpuMs(count: number, run: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  for (let n = 0; n < count; n++) await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / count;
}

async function compare(key: (typeof KEYS)[number], count: number): Promise<void> {
  const authority = certify({ subject: "Authority", isAuthority: true });
  const made = certify({ subject: NAME, dns: [NAME], issuer: authority, key });
  const child = fork(import.meta.filename, [], {
    env: { ...process.env, CERT: made.certificate, KEY: made.key },
  });
  const [port] = (await once(child, "message")) as [number];
  const end = nodeTls().client({
    offer: tlsOffer(NONE, NONE, "none"),
    authorities: { pem: authority.certificate },
    identity: undefined,
  });
  if ("kind" in end) throw new Error(end.message);
  for (let round = 0; round < ROUNDS; round++) {
    const whole = await cpuMs(count, () => handshake(end, port, undefined));
    await handshake(end, port, "bench");
    const resumed = await cpuMs(count, async () => {
      if (!(await handshake(end, port, "bench"))) throw new Error("not taken up again");
    });
    const saved = Math.round((1 - resumed / whole) * 100);
    console.log(
      `${key}: whole ${whole.toFixed(3)} ms, taken up again ${resumed.toFixed(3)} ms, ${saved}% less`,
    );
  }
  child.kill();
}

const { CERT, KEY } = process.env;
if (CERT !== undefined && KEY !== undefined) serve(CERT, KEY);
else for (const key of KEYS) await compare(key, Number(process.argv[2] ?? DEFAULT_COUNT));
