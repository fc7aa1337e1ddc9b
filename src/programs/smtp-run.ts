/**
 * smtp(1): what it does, apart from where its network and its input come from.
 *
 * Prints one line for each recipient, `RECIPIENT: COMMAND: REPLY`, on the standard
 * output (OpenSMTPD: standard error), and exits with 1 also when a recipient was
 * refused (OpenSMTPD: 0), so that a script can tell. A refused RCPT does not stop the
 * others.
 *
 * Source: smtp(1); report of January 2021 (UNIX-domain sockets).
 */
import { type Endpoint, formatEndpoint } from "#base/endpoint.ts";
import { parseIpAddress } from "#base/ip-address.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Network } from "#base/ports/network.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import type { ClientTimeouts } from "#engine/client/client-timeouts.ts";
import { openClient } from "#engine/client/open-client.ts";
import type { SmtpClient } from "#engine/client/smtp-client.ts";
import { parseSmtpArguments, SMTP_USAGE, type SmtpArguments } from "./smtp-arguments.ts";
import { type InputMessage, MAX_INPUT_BYTES, readMessage } from "./smtp-message.ts";
import { type Security, securityOf, type SecurityWorld } from "./smtp-security.ts";
import { parseSmtpServer, type SmtpServer } from "./smtp-server.ts";
import {
  type ClientFault,
  formatVerdict,
  type Verdict,
} from "#protocols/smtp/client-session-verdict.ts";

export interface SmtpWorld extends SecurityWorld {
  readonly network: Network;
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly hostname: string;
  readonly loginName: () => string;
  readonly input: AsyncIterable<Uint8Array>;
  readonly print: (line: string) => void;
  readonly complain: (line: string) => void;
}

/** Each wait for the server. Source: OpenSMTPD's smtpc.c. */
const IO_TIMEOUT_MS = 100_000;
const TIMEOUTS: ClientTimeouts = {
  connectMs: IO_TIMEOUT_MS,
  handshakeMs: IO_TIMEOUT_MS,
  greetingMs: IO_TIMEOUT_MS,
  commandMs: IO_TIMEOUT_MS,
  dataMs: IO_TIMEOUT_MS,
  blockMs: IO_TIMEOUT_MS,
  endMs: IO_TIMEOUT_MS,
  courtesyMs: IO_TIMEOUT_MS,
};

/** `words`: the arguments after the program's name. Returns the exit code. */
export async function runSmtp(world: SmtpWorld, words: readonly string[]): Promise<number> {
  const parsed = parseSmtpArguments(words);
  if (parsed.kind === "help") {
    world.print(SMTP_USAGE);
    return 0;
  }
  if (parsed.kind === "wrong") {
    world.complain(`smtp: ${parsed.message}`);
    world.complain(SMTP_USAGE);
    return 1;
  }
  const server = parseSmtpServer(parsed.server);
  if (server.kind === "wrong") return fail(world, server.message);
  if (!parsed.isDryRun && parsed.recipients.length === 0) return fail(world, "no recipient");
  const security = securityOf(world, parsed, server);
  if (typeof security === "string") return fail(world, security);
  let message: InputMessage | undefined;
  if (!parsed.isDryRun) {
    message = await readMessage(world.input);
    if (message === undefined)
      return fail(world, `message is larger than ${MAX_INPUT_BYTES} bytes`);
  }
  const endpoints = await lookUp(world.resolver, server.endpoint);
  if (typeof endpoints === "string") return fail(world, endpoints);
  return tryEach(world, parsed, { server, message, endpoints, security });
}

/** The addresses to try, or what went wrong. */
async function lookUp(
  resolver: Resolver,
  endpoint: Endpoint,
): Promise<readonly Endpoint[] | string> {
  if (endpoint.kind === "unix") return [endpoint];
  const { host, port } = endpoint;
  if (parseIpAddress(host) !== undefined) return [endpoint];
  const answer = await resolver.addresses(host);
  if (answer.kind === "found")
    return answer.value.map((address) => ({ ...endpoint, host: address, port }));
  return answer.kind === "absent"
    ? `${host}: host not found`
    : `${host}: temporary failure in look-up`;
}

interface Errand {
  readonly server: SmtpServer;
  readonly security: Security;
  readonly endpoints: readonly Endpoint[];
  /** Undefined in a dry run. */
  readonly message: InputMessage | undefined;
}

/** Until one server takes, or refuses, the message. */
async function tryEach(world: SmtpWorld, parsed: SmtpArguments, errand: Errand): Promise<number> {
  for (const endpoint of errand.endpoints) {
    const note = (line: string): void => {
      if (parsed.isVerbose) world.complain(line);
    };
    note(`trying ${formatEndpoint(endpoint)}`);
    const opened = await openClient(world, endpoint, {
      dialect: errand.server.dialect,
      helo: parsed.helo ?? world.hostname,
      timeouts: TIMEOUTS,
      ...errand.security,
      secured: ({ version, cipher, peer }) =>
        note(`TLS ${version} ${cipher}, certificate ${peer?.fingerprint ?? "none"}`),
      trace: note,
    });
    if (opened.kind === "failed") {
      world.complain(`smtp: ${formatFailure(opened.verdict)}`);
      continue;
    }
    const { client } = opened;
    const outcome =
      errand.message === undefined ? 0 : await sendOver(world, parsed, client, errand.message);
    await client.quit();
    if (outcome !== "not-started") return outcome;
  }
  return fail(world, "no more host");
}

/** The exit code, unless another server may be tried. */
async function sendOver(
  world: SmtpWorld,
  parsed: SmtpArguments,
  client: SmtpClient,
  { text, is8bit }: InputMessage,
): Promise<number | "not-started"> {
  const forwardPaths = parsed.recipients;
  const reversePath = parsed.from ?? world.loginName();
  const mail = { reversePath, forwardPaths, textBytes: text.bytes, is8bit };
  const outcome = await client.send(mail, text);
  if (outcome.kind === "not-started") {
    world.complain(`smtp: ${formatFailure(outcome.verdict)}`);
    return "not-started";
  }
  for (const [index, verdict] of outcome.verdicts.entries()) {
    world.print(`${forwardPaths[index]}: ${formatStatus(verdict)}`);
  }
  return outcome.verdicts.every(({ kind }) => kind === "accepted") ? 0 : 1;
}

/** `EOM: 250 2.0.0 …` */
function formatStatus(verdict: Verdict): string {
  if (verdict.kind === "accepted" || verdict.kind === "refused") {
    return `${verdict.stage}: ${formatVerdict(verdict)}`;
  }
  return formatFailure(verdict);
}

const FAULT_WORDS: Readonly<Record<ClientFault["kind"], string>> = {
  network: "connection error",
  outrun: "connection error",
  closed: "connection error",
  timeout: "connection error",
  protocol: "protocol error",
  text: "internal error",
  busy: "internal error",
  refusals: "rejected by server",
  loop: "connection error",
  "no-tls": "missing feature",
  tls: "connection error",
  resumption: "connection error",
  auth: "missing feature",
  chunks: "missing feature",
};

function formatFailure(verdict: Verdict): string {
  if (verdict.kind === "undecided") {
    return `${FAULT_WORDS[verdict.fault.kind]}: ${formatVerdict(verdict)}`;
  }
  return `${verdict.kind === "unsendable" ? "missing feature" : "rejected by server"}: ${formatVerdict(verdict)}`;
}

function fail(world: SmtpWorld, message: string): number {
  world.complain(`smtp: ${message}`);
  return 1;
}
