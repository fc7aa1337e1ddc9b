/**
 * The real daemon relays to servers that behave as badly as real ones do (test/support/far-side),
 * over real sockets: a few hundred messages in the first half minute of their trouble. Their
 * own times would be too long for a test, so an operator has all tried again and again.
 *
 * test/far-side plays the same, with every trouble there is, on virtual time.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { formatEndpoint } from "#base/endpoint.ts";
import { concerns } from "#test/far-side/recipient.ts";
import { groupsOf } from "#test/far-side/reports.ts";
import type { Copy, FarLog } from "#test/support/far-side/far-log.ts";
import { FarSide } from "#test/support/far-side/far-side.ts";
import { SimRandom } from "#world/sim/random.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeNetwork } from "#world/node/network.ts";
import { unlessStartable } from "./daemon.ts";
import { SITE_NAMES, sitePlans, tlsOf } from "./far-side-sites.ts";
import { until } from "./greeting.ts";
import { KillableDaemon } from "./killable-daemon.ts";
import { deliveredFiles } from "./mailboxes.ts";
import { MAIL_USER, Scratch } from "./scratch.ts";
import { SmtpSession } from "./smtp-session.ts";

const skip = await unlessStartable();

const SEED = Number(process.env["SEED"] ?? randomInt(2 ** 31));
const MESSAGES = 240;
const SESSIONS = 8;
/** How long mail is tried; what waits then must have a reason. */
const TRYING_MS = 25_000;
/** Of attempts that are under way, on a machine that is busy. */
const ENDED_WITHIN_MS = 90_000;

interface Letter {
  readonly reversePath: string;
  readonly forwardPaths: readonly string[];
}

/** What `smtpctl show queue` says of an envelope. */
interface Waiting {
  readonly sender: string;
  readonly recipient: string;
  readonly lastError: string;
  readonly reason: { readonly kind: string; readonly untilMs?: number };
}

test("the daemon loses and doubles nothing among servers of the real world, and says why it waits", {
  skip,
}, async (t) => {
  await using scratch = new Scratch();
  const random = new SimRandom(SEED);
  const far = new FarSide(sitePlans(), { clock: nodeClock(), random, tlsOf });
  scratch.use({
    async [Symbol.asyncDispose]() {
      for (const host of far.hosts) host.close();
    },
  });
  for (const host of far.hosts) await host.listen(nodeNetwork());
  const mailFolder = scratch.mailFolder("mail");
  const daemon = await KillableDaemon.make(scratch, { rules: rulesFor(far, mailFolder) });
  await daemon.start();
  const letters = await sendAll(daemon, random);
  const waiting = await tryAll(daemon);
  await daemon.stop();
  await until(() => far.openSessions === 0, "end of all sessions");

  const reports = deliveredFiles(mailFolder).map((path) =>
    readFileSync(path, "latin1").replaceAll(/\r?\n/g, "\r\n"),
  );
  const counts: Record<string, number> = {};
  const faults = letters.flatMap((letter) =>
    letter.forwardPaths.flatMap((forwardPath) => {
      const known = { letter, forwardPath, log: far.log, waiting, reports };
      const { end, faults: found } = judge(known);
      counts[end] = (counts[end] ?? 0) + 1;
      return found.map((fault) => `${letter.reversePath} ${forwardPath}: ${fault}`);
    }),
  );
  const lostReplies = far.log.copies.filter(({ reply }) => reply === "lost").length;
  t.diagnostic(`SEED=${SEED}: ${JSON.stringify({ ...counts, lostReplies })}`);
  assert.deepEqual(faults, [], `SEED=${SEED}`);
});

function rulesFor(far: FarSide, mailFolder: string): readonly string[] {
  return [
    `action "keep" maildir "${mailFolder}/%{dest.user}" user ${MAIL_USER}`,
    'match from any for domain "client.example" action "keep"',
    ...far.domains.flatMap(({ name, hosts }) => {
      const urls = hosts.flatMap(({ bound }) =>
        bound.map((each) => `"smtp://${formatEndpoint(each)}"`),
      );
      return [
        `table "${name}" { ${urls.join(", ")} }`,
        `action "${name}" relay host <"${name}">`,
        `match from any for domain "${name}" action "${name}"`,
      ];
    }),
  ];
}

/** All that was acknowledged. */
async function sendAll(daemon: KillableDaemon, random: SimRandom): Promise<readonly Letter[]> {
  const letters = Array.from({ length: MESSAGES }, (_, nth): Letter => {
    const to = new Set<string>();
    for (let left = 1 + random.below(3); left > 0; left--) {
      const who = random.chance(85) ? "user" : random.pick(["nobody", "full"]);
      to.add(`${who}${left}@${SITE_NAMES[random.below(SITE_NAMES.length)]}.example`);
    }
    return { reversePath: `m${nth}@client.example`, forwardPaths: [...to] };
  });
  const left = [...letters];
  const sendSome = async (): Promise<void> => {
    using session = await SmtpSession.open(daemon.servers[1]);
    await session.say("EHLO client.example");
    for (let letter = left.shift(); letter !== undefined; letter = left.shift()) {
      const { reversePath, forwardPaths } = letter;
      const commands = [
        `MAIL FROM:<${reversePath}>`,
        ...forwardPaths.map((each) => `RCPT TO:<${each}>`),
        "DATA",
      ];
      session.send(`${commands.join("\r\n")}\r\n`);
      for (const command of commands) assert.match(await session.reply(), /^[23]/, command);
      session.send(`${textOf(letter)}.\r\n`);
      assert.match(await session.reply(), /^250/, reversePath);
    }
  };
  await Promise.all(Array.from({ length: SESSIONS }, sendSome));
  return letters;
}

const BODY: string = "of the real world\r\n".repeat(20);

function textOf({ reversePath }: Letter): string {
  return `Subject: ${reversePath}\r\n\r\n${BODY}`;
}

/** But for header fields that the daemon adds. */
function isText(text: string, { reversePath }: Letter): boolean {
  const bodyAt = text.indexOf("\r\n\r\n") + 4;
  const header = text.slice(0, bodyAt);
  return header.includes(`\r\nSubject: ${reversePath}\r\n`) && text.slice(bodyAt) === BODY;
}

/** As an operator in a hurry; what waits in the end. */
async function tryAll(daemon: KillableDaemon): Promise<readonly Waiting[]> {
  const endMs = performance.now() + TRYING_MS;
  while (performance.now() < endMs) {
    const { output } = await daemon.smtpctl("schedule", "all", "-y");
    if (output.startsWith("0 ")) break;
    await until(async () => !(await inFlight(daemon)), "end of attempts", ENDED_WITHIN_MS, 500);
  }
  // Then nothing is under way: what waits is as it was said to be.
  await until(async () => !(await inFlight(daemon)), "end of attempts", ENDED_WITHIN_MS, 500);
  const { output } = await daemon.smtpctl("--json", "show", "queue");
  return output
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Waiting);
}

async function inFlight(daemon: KillableDaemon): Promise<boolean> {
  const { output } = await daemon.smtpctl("show", "queue");
  return output.includes("|inflight|");
}

interface Known {
  readonly letter: Letter;
  readonly forwardPath: string;
  readonly log: FarLog;
  readonly waiting: readonly Waiting[];
  readonly reports: readonly string[];
}

/** Which end it came to, and what is wrong with that. */
function judge(known: Known): { readonly end: string; readonly faults: readonly string[] } {
  const { letter, forwardPath, log, waiting, reports } = known;
  const copies = log.copiesFor(letter.reversePath, forwardPath);
  const acknowledged = copies.filter(({ reply }) => reply === "said");
  const groups = reports
    .filter((text) => text.includes(`To: <${letter.reversePath}>\r\n`))
    .flatMap((text) => groupsOf(text, forwardPath, "failed"));
  const waits = waiting.filter(
    ({ sender, recipient }) => sender === letter.reversePath && recipient === forwardPath,
  );
  const ends = [
    ...acknowledged.map(() => "delivered"),
    ...groups.map(() => "failed"),
    ...waits.map(() => "waiting"),
  ];
  const faults = [
    ...copyFaults(letter, copies),
    ...groups.flatMap((group) => wordFaults(group, 500, known)),
    ...waits.flatMap((each) => waitFaults(each, known)),
  ];
  if (ends.length !== 1) faults.push(`it is ${ends.join(" and ") || "lost"}`);
  return { end: ends[0] ?? "lost", faults };
}

function copyFaults(letter: Letter, copies: readonly Copy[]): readonly string[] {
  const last = copies.at(-1);
  const wasSaid = copies.some(({ reply }) => reply === "said");
  return [
    ...(wasSaid && last?.reply !== "said" ? ["it was sent again after it was acknowledged"] : []),
    ...(copies.every(({ text }) => isText(text, letter)) ? [] : ["its text was altered"]),
  ];
}

function waitFaults({ reason, lastError }: Waiting, known: Known): readonly string[] {
  const faults = reason.untilMs === undefined ? [`it waits for ${reason.kind}`] : [];
  return [
    ...faults,
    ...(known.log.quoted(lastError)
      ? wordFaults(lastError, 400, known)
      : ownWordFaults(lastError, known)),
  ];
}

/** Words of a server are its own, and about this recipient. */
function wordFaults(
  words: string,
  leastCode: number,
  { letter, forwardPath, log }: Known,
): readonly string[] {
  const said = log.quoted(words);
  const isTrue =
    said !== undefined && said.code >= leastCode && concerns(said, { mail: letter, forwardPath });
  return isTrue ? [] : [`nobody said of it: ${words}`];
}

/** In our own words: a server of the domain did something. */
function ownWordFaults(words: string, { forwardPath, log }: Known): readonly string[] {
  const domain = forwardPath.slice(forwardPath.indexOf("@") + 1);
  const did = log.misdeeds.some(({ host }) => host.endsWith(`.${domain}`));
  return did && / \(at [A-Z]+\)$/.test(words) ? [] : [`nothing explains: ${words}`];
}
