/**
 * An explanation as text that a person reads from top to bottom, each line safe for a
 * terminal.
 */
import { unreachable } from "#base/unreachable.ts";
import type {
  Exchange,
  ExplainedAccount,
  ExplainedClient,
  ExplainedEnvelope,
  ExplainedHop,
  ExplainedListener,
  ExplainedRecipient,
  ExplainedReply,
  ExplainedRule,
  Explanation,
  Way,
} from "#model/explanation.ts";
import { formatDuration } from "#engine/observe/duration.ts";
import { printable } from "#engine/observe/visible-text.ts";
import { stepLines } from "./print-steps.ts";

/** Ends in a newline. */
export function printExplanation(explanation: Explanation): string {
  const { listener, client, greeting, recipients, rules, message } = explanation;
  const sections = [
    [
      `listener ${listenerText(listener)}`,
      `client ${clientText(client)}`,
      ...greeting.flatMap(exchangeLines),
    ],
    ...recipients.map((recipient) => recipientLines(recipient, rules)),
    ...(message === undefined ? [] : [["the message text", `  ${replyText(message)}`]]),
  ];
  return sections.map((lines) => lines.map(safeLine).join("")).join("\n");
}

function replyText({ code, enhanced, text }: ExplainedReply): string {
  return `${code} ${enhanced === "" ? "" : `${enhanced} `}${text}`;
}

function safeLine(line: string): string {
  return `${printable(line, Number.POSITIVE_INFINITY)}\n`;
}

const CHOSEN: Readonly<Record<ExplainedListener["chosen"], string>> = {
  named: "as asked for",
  "first-socket": "the first socket",
  "first-tcp": "the first with a port",
};

function listenerText({ at, endpoint, tag, chosen }: ExplainedListener): string {
  const tagged = tag === "" ? "" : `, tag "${tag}"`;
  return `${endpoint} (${at.file}:${at.line})${tagged}, ${CHOSEN[chosen]}`;
}

function clientText({ address, hostname, helo, username, tls }: ExplainedClient): string {
  const user = username === "" ? "not authenticated" : `authenticated as ${username}`;
  return `${address} [${hostname}], HELO ${helo}, ${user}, ${tls ? "under TLS" : "no TLS"}`;
}

/** EHLO is shown when it is refused only. */
function exchangeLines({ command, reply }: Exchange): readonly string[] {
  if (command.startsWith("EHLO ") && reply.code < 300) return [];
  return [command, `  ${replyText(reply)}`];
}

function recipientLines(
  recipient: ExplainedRecipient,
  rules: readonly ExplainedRule[],
): readonly string[] {
  const { forwardPath, steps, stepsLeftOut, reply, envelopes, envelopesLeftOut } = recipient;
  return [
    `RCPT TO:<${forwardPath}>`,
    ...stepLines(steps, rules),
    ...(stepsLeftOut > 0 ? [`  … and ${stepsLeftOut} more steps`] : []),
    `  ${replyText(reply)}`,
    ...envelopes.flatMap(envelopeLines),
    ...(envelopesLeftOut > 0 ? [`  … and ${envelopesLeftOut} more envelopes`] : []),
  ];
}

function envelopeLines(envelope: ExplainedEnvelope): readonly string[] {
  const { destination, rule, action, actionAt, ttlMs } = envelope;
  return [
    `  envelope <${destination}>`,
    `    rule ${rule}, action "${action}" (${actionAt.file}:${actionAt.line}), ` +
      `tried for ${formatDuration(ttlMs)}`,
    ...wayLines(envelope.method, envelope.way).map((line) => `    ${line}`),
  ];
}

function wayLines(method: string, way: Way): readonly string[] {
  switch (way.kind) {
    case "local": {
      const { as, user, into } = way;
      return [`${method} for ${user}${accountText(as)}`, ...(into === "" ? [] : [`into ${into}`])];
    }
    case "relay": {
      const { by, hops, problem, helo, sources, tls, limits } = way;
      return [
        `${method} by ${by}${problem === "" ? "" : `: ${problem}`}`,
        ...hops.map((hop) => `  ${hopText(hop)}`),
        `source ${sources.length === 0 ? "any" : sources.join(", ")}, HELO ${helo}`,
        `TLS ${tls}`,
        `limits ${limits.join(", ")}`,
      ];
    }
    default:
      return unreachable(way);
  }
}

function accountText(as: ExplainedAccount | undefined): string {
  if (as === undefined) return "";
  const { name } = as;
  return `, written as ${name}, ${as.kind === "found" ? `uid ${as.uid}` : `but: ${as.why}`}`;
}

function hopText({ host, preference, addresses, tls, problem }: ExplainedHop): string {
  const shown = addresses.map((address) => ` [${address}]`).join("");
  return `${preference === undefined ? "" : `${preference} `}${host}${shown}${tls === "" ? "" : `: ${tls}`}${
    problem === "" ? "" : `: ${problem}`
  }`;
}
