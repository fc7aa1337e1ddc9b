/**
 * The SMTP server alone: one process with our engine, as a dispatcher runs it, before a
 * queue in memory that has no bound and keeps a message until it has it whole.
 *
 *   bin/node bench/ram-queue.ts [--messages 100] [--bytes N] [--sessions 10] [--tls]
 *     [--repetitions 5]
 *
 * Messages come by bench/tls-load.c, or by smtp-source where that cannot be built; ten of
 * each session first, or one of large ones, which are not counted. `--serve` makes it the
 * server, which says its port.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";
import type { TlsServer } from "#base/ports/tls.ts";
import { SmtpServer } from "#engine/server/smtp-server.ts";
import type { ListenerTls } from "#model/config/listener.ts";
import type { Intake } from "#model/intake.ts";
import { tlsOffer } from "#policy/tls/offer.ts";
import { ROLES } from "#processes/roles.ts";
import { listenerAt } from "#test/support/listeners.ts";
import { certify } from "#test/support/certificates.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeNetwork } from "#world/node/network.ts";
import { nodeRandom } from "#world/node/random.ts";
import { nodeResolver } from "#world/node/dns/resolver.ts";
import { nodeTls } from "#world/node/tls/tls.ts";
import { loaderFor, runLoad } from "./load.ts";
import { cpuSeconds } from "./process-tree.ts";
import { median } from "./report.ts";
import { SCENARIOS, type Scenario } from "./scenarios.ts";

const CHECKOUT = new URL("..", import.meta.url).pathname;
const LARGE = SCENARIOS.find(({ name }) => name === "large");
const DEFAULT_SETTINGS = { ciphers: undefined, curves: undefined, protocols: undefined };
const MOST = Number.MAX_SAFE_INTEGER;

const { values } = parseArgs({
  options: {
    messages: { type: "string", default: String(LARGE?.messages) },
    bytes: { type: "string", default: String(LARGE?.messageBytes) },
    sessions: { type: "string", default: String(LARGE?.sessions) },
    repetitions: { type: "string", default: "5" },
    tls: { type: "boolean", default: false },
    serve: { type: "boolean", default: false },
  },
});

/** Keeps what is on its way; what is there whole is gone, as if it were delivered at once. */
const RAM: Intake = {
  hasRoom: () => true,
  open() {
    const text: Uint8Array[] = [];
    return {
      msgid: "00000001",
      write: (bytes) => text.push(bytes) > 0,
      drained: () => Promise.resolve(),
      commit: () => Promise.resolve({ kind: "accepted" }),
      abort: () => undefined,
    };
  },
};

async function serve(): Promise<void> {
  const tls: ListenerTls = values.tls
    ? {
        mode: "starttls",
        verify: false,
        fingerprints: undefined,
        pkis: [],
        ca: undefined,
        settings: DEFAULT_SETTINGS,
      }
    : { mode: "none" };
  const endpoint = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
  const listener = listenerAt(endpoint, { tls });
  const end = tlsEnd();
  const server = new SmtpServer(
    { clock: nodeClock(), random: nodeRandom(), resolver: nodeResolver() },
    { maxMessageBytes: MOST, maxRecipients: 100, maxMailsPerSession: MOST },
    {
      routing: { resolve: () => ({ kind: "accepted", envelopes: [] }) },
      intake: RAM,
      observe: () => {},
      tlsOf: () => end,
    },
  );
  const listening = await nodeNetwork().listen(endpoint, (connection) =>
    server.accept(connection, listener),
  );
  if ("kind" in listening) throw new Error(`Cannot listen: ${listening.message}`);
  if (listening.endpoint.kind === "tcp") console.log(listening.endpoint.port);
}

function tlsEnd(): TlsServer {
  const { certificate, key } = certify({ subject: "mx.example", dns: ["mx.example"] });
  const end = nodeTls().server({
    offer: tlsOffer(DEFAULT_SETTINGS, DEFAULT_SETTINGS, "none"),
    identities: [{ name: "mx", certificate, key }],
    clients: undefined,
    tickets: { key: new Uint8Array(48), context: "bench" },
  });
  if ("kind" in end) throw new Error(`Cannot speak TLS: ${end.message}`);
  return end;
}

interface Run {
  readonly messagesPerSecond: number;
  readonly cpuSecondsPer1000: number;
}

async function measureRun(scenario: Scenario): Promise<Run> {
  const args = process.argv.slice(2);
  const flags = ROLES.dispatcher.nodeFlags(CHECKOUT);
  const server = spawn(process.execPath, [...flags, import.meta.filename, "--serve", ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [said] = (await once(server.stdout, "data")) as [Buffer];
    const port = Number(said.toString());
    const pid = server.pid ?? 0;
    const { messages, sessions } = scenario;
    await send({ ...scenario, messages: Math.min(messages, 10 * sessions) }, port);
    const cpuBefore = cpuSeconds(pid);
    const startedMs = performance.now();
    await send(scenario, port);
    const seconds = (performance.now() - startedMs) / 1000;
    return {
      messagesPerSecond: messages / seconds,
      cpuSecondsPer1000: ((cpuSeconds(pid) - cpuBefore) * 1000) / messages,
    };
  } finally {
    server.kill();
  }
}

/** By tls-load also in the clear: smtp-source takes more of the machine for large messages. */
async function send(scenario: Scenario, port: number): Promise<void> {
  await runLoad(scenario, port, loaderFor(scenario, "tls-load"));
}

async function main(): Promise<void> {
  if (LARGE === undefined) throw new TypeError("Cannot measure: there is no such scenario");
  const scenario: Scenario = {
    ...LARGE,
    messages: Number(values.messages),
    messageBytes: Number(values.bytes),
    sessions: Number(values.sessions),
    tls: values.tls,
  };
  const runs: Run[] = [];
  for (let number = 0; number < Number(values.repetitions); number++) {
    runs.push(await measureRun(scenario));
  }
  const rate = median(runs.map(({ messagesPerSecond }) => messagesPerSecond)) ?? 0;
  const cpu = median(runs.map(({ cpuSecondsPer1000 }) => cpuSecondsPer1000)) ?? 0;
  const megabytes = (rate * scenario.messageBytes) / 1e6;
  console.log(
    `${rate.toFixed(0)} messages/s, ${megabytes.toFixed(0)} MB/s, ${cpu.toFixed(3)} CPU s per 1000`,
  );
}

await (values.serve ? serve() : main());
