/**
 * Plays a message that does not exist to the server's own session, over a connection
 * that leads nowhere: so every reply is the one that a client would get. The session
 * asks the real ruleset; what it would write down or give to the queue goes nowhere.
 */
import type { Peer } from "#base/endpoint.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Random } from "#base/ports/random.ts";
import { EMPTY_DNS, foundUnsigned, type Resolver } from "#base/ports/resolver.ts";
import type { TlsFacts } from "#base/ports/tls.ts";
import type { ReceivedReply } from "#protocols/smtp/reply-parser.ts";
import type { SenderRules } from "#model/authentication.ts";
import type { Listener } from "#model/config/listener.ts";
import type { Exchange, ExplainedReply, ExplainQuestion } from "#model/explanation.ts";
import type { Intake } from "#model/intake.ts";
import type { Reason } from "#model/reason.ts";
import type { PlannedEnvelope, RecipientQuery, Resolution, Routing } from "#model/resolution.ts";
import { DEFAULT_LIMITS } from "#engine/server/limits.ts";
import { NO_PRESSURE } from "#engine/server/pressure.ts";
import { ReverseNames } from "#engine/server/reverse-names.ts";
import type { ServerSettings, Service } from "#engine/server/service.ts";
import { serveSession } from "#engine/server/session-driver.ts";
import { SourceRates } from "#engine/server/source-rates.ts";
import { RehearsedConnection } from "./rehearsed-connection.ts";
import { newStepRoom, StepCollector } from "./step-collector.ts";

export interface RehearsalSetting {
  readonly clock: Clock;
  readonly random: Random;
  readonly routing: Routing;
  readonly senders: SenderRules | undefined;
  readonly settings: ServerSettings;
  readonly listener: Listener;
  /** The client's address. */
  readonly remote: Peer;
  readonly helo: string;
  /** The client's reverse name; undefined if it has none. */
  readonly reverseName: string | undefined;
  /** Whether the queue would take a message of this size now. */
  readonly hasRoom: (bytes: number) => boolean;
}

export interface RehearsedRecipient {
  readonly forwardPath: string;
  readonly reply: ExplainedReply;
  readonly steps: readonly Reason[];
  readonly stepsLeftOut: number;
  readonly envelopes: readonly PlannedEnvelope[];
}

export interface Rehearsed {
  readonly greeting: readonly Exchange[];
  /** Who the client counts as, or "". */
  readonly username: string;
  readonly recipients: readonly RehearsedRecipient[];
}

/** The server closed without a word; it never does so to a client that keeps to the rules. */
const NO_REPLY: ReceivedReply = { code: 421, lines: [""] };

export async function rehearse(
  setting: RehearsalSetting,
  question: ExplainQuestion,
): Promise<Rehearsed> {
  const connection = new RehearsedConnection(setting.remote, setting.listener.endpoint);
  const listening = new ListeningRouting(setting.routing, question);
  const ended = Promise.withResolvers<void>();
  const { remote, local } = connection;
  const serverName = setting.listener.hostname;
  const ends = { remote, local, peer: remote, serverName, speaksForOthers: false };
  const service = rehearsedService(setting, listening, question);
  serveSession({ connection, ends }, service, () => ended.resolve());
  const ask = async (command: string): Promise<ReceivedReply> => {
    connection.say(command);
    return (await connection.reply()) ?? NO_REPLY;
  };
  const greeting: Exchange[] = [];
  const recipients: RehearsedRecipient[] = [];
  let isOpen = isPositive((await connection.reply()) ?? NO_REPLY);
  for (const command of openingCommands(setting.helo, question)) {
    if (!isOpen) break;
    const reply = await ask(command);
    greeting.push({ command, reply: explainedReply(reply) });
    isOpen = isPositive(reply);
  }
  const room = newStepRoom();
  for (const forwardPath of isOpen ? question.forwardPaths : []) {
    const collector = new StepCollector(room);
    listening.hear(collector);
    const reply = explainedReply(await ask(`RCPT TO:<${forwardPath}>`));
    const envelopes = reply.code < 300 ? listening.envelopes : [];
    const { steps, leftOut: stepsLeftOut } = collector;
    recipients.push({ forwardPath, reply, steps, stepsLeftOut, envelopes });
  }
  connection.say("QUIT");
  connection.destroy();
  await ended.promise;
  return { greeting, recipients, username: listening.username };
}

function openingCommands(helo: string, question: ExplainQuestion): string[] {
  const { reversePath, forwardPaths, sizeBytes } = question;
  const size = sizeBytes > 0 ? ` SIZE=${sizeBytes}` : "";
  // RFC 6531 §3.4: as a client does that has such an address.
  const isAscii = [reversePath, ...forwardPaths].every((path) => /^[ -~]*$/.test(path));
  return [`EHLO ${helo}`, `MAIL FROM:<${reversePath}>${size}${isAscii ? "" : " SMTPUTF8"}`];
}

/** Asks the real ruleset, as the client that the question describes, and listens in. */
class ListeningRouting implements Routing {
  readonly #routing: Routing;
  readonly #question: ExplainQuestion;
  #collector: StepCollector | undefined;
  /** Who the session takes the client for. */
  username: string;
  /** Of the last recipient. */
  envelopes: readonly PlannedEnvelope[] = [];

  constructor(routing: Routing, question: ExplainQuestion) {
    this.#routing = routing;
    this.#question = question;
    this.username = question.username;
  }

  get asksReverseName(): boolean {
    return this.#routing.asksReverseName ?? false;
  }

  hear(collector: StepCollector): void {
    this.#collector = collector;
    this.envelopes = [];
  }

  async resolve(query: RecipientQuery): Promise<Resolution> {
    const { tls } = this.#question;
    this.username = query.origin.username;
    const asked = { ...query, tls };
    const resolution = await this.#routing.resolve(asked, this.#collector?.tell);
    if (resolution.kind === "accepted") this.envelopes = resolution.envelopes;
    return resolution;
  }
}

function rehearsedService(
  setting: RehearsalSetting,
  routing: Routing,
  { username: assumedUser, tls }: ExplainQuestion,
): Service {
  const { clock, random, listener, senders, settings, reverseName, hasRoom } = setting;
  const intake: Intake = { hasRoom, open: () => undefined };
  return {
    clock,
    random,
    routing,
    ...(senders && { senders }),
    assumedUser,
    // A listener of `smtps` serves nobody in the clear.
    ...((tls || listener.tls.mode === "smtps") && { assumedTls: ASSUMED_TLS }),
    tls: undefined,
    intake,
    observe() {},
    listener,
    settings: {
      maxMessageBytes: settings.maxMessageBytes,
      maxRecipients: settings.maxRecipients,
      maxMailsPerSession: settings.maxMailsPerSession,
      limits: settings.limits ?? DEFAULT_LIMITS,
    },
    reverseNames: new ReverseNames(clock, knownNames(reverseName)),
    userMessages: new SourceRates(1, 1),
    pressure: NO_PRESSURE,
  };
}

/** Somebody's: rules ask whether there is TLS, not which. */
const ASSUMED_TLS: TlsFacts = {
  version: "TLSv1.3",
  cipher: "TLS_AES_256_GCM_SHA384",
  bits: 256,
  group: undefined,
  serverName: undefined,
  identity: "",
  resumed: false,
  peer: undefined,
  exporter: () => undefined,
};

/** DNS that knows the reverse name of the client and nothing else. */
function knownNames(name: string | undefined): Resolver {
  if (name === undefined) return EMPTY_DNS;
  return { ...EMPTY_DNS, pointer: async (address) => foundUnsigned([name], address) };
}

function isPositive({ code }: ReceivedReply): boolean {
  return code < 300;
}

const ENHANCED = /^([245]\.\d{1,3}\.\d{1,3}) /u;

function explainedReply({ code, lines }: ReceivedReply): ExplainedReply {
  const enhanced = ENHANCED.exec(lines[0] ?? "")?.[1] ?? "";
  return { code, enhanced, text: lines.map((line) => line.replace(ENHANCED, "")).join(" / ") };
}
