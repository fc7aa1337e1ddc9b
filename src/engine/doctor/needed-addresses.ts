/**
 * Addresses that must lead to a person: postmaster of each domain (RFC 5321 §4.5.1), and root, to whom
 * the programs of this machine write. Tried with the rules as a message would be.
 */
import {
  type ExplainedRecipient,
  type Explanation,
  type ExplainFault,
  type ExplainQuestion,
  questionOf,
} from "#model/explanation.ts";
import { type Check, fail, ok, unknown, type Verdict, warn } from "./verdict.ts";

/** What the rules would do. */
export type Rehearse = (question: ExplainQuestion) => Promise<Explanation | ExplainFault>;

/** login.defs(5), UID_MIN: accounts below are of the system, as whom nobody logs in. */
const FIRST_PERSON_UID = 1000;

/** RFC 5737: an address that is nobody's. */
export const STRANGER = "203.0.113.77";

/** Whom the programs of this machine write to. */
export function rootOf(serverName: string): string {
  return `root@${serverName}`;
}

export function neededAddresses(
  domains: readonly string[],
  serverName: string,
  rehearse: Rehearse,
): readonly Check[] {
  const ofDomains = domains.map((domain): Check => {
    const address = `postmaster@${domain}`;
    const asked = questionOf([address], { source: STRANGER });
    const look = (): Promise<Verdict> => reaches(asked, serverName, rehearse);
    return { name: "postmaster", subject: address, look };
  });
  const root = rootOf(serverName);
  return [
    ...ofDomains,
    { name: "root", subject: root, look: () => reaches(questionOf([root]), serverName, rehearse) },
  ];
}

async function reaches(
  asked: ExplainQuestion,
  serverName: string,
  rehearse: Rehearse,
): Promise<Verdict> {
  const answer = await rehearse(asked);
  if (answer.kind === "explain-fault") return unknown(answer.why);
  const [recipient] = answer.recipients;
  if (recipient === undefined) return unknown("the rules would not take the sender");
  const { code, enhanced, text } = recipient.reply;
  const said = [code, enhanced, text].filter((part) => part !== "").join(" ");
  if (code >= 500)
    return fail(
      `mail is refused: ${said}`,
      "write an alias that leads to a person, and a rule that takes it",
    );
  if (code >= 400) return unknown(`mail would be put off: ${said}`, "see smtpctl explain");
  return whereTo(recipient, serverName);
}

function whereTo({ envelopes }: ExplainedRecipient, serverName: string): Verdict {
  const ways = envelopes.map(({ destination, way }) => {
    if (way.kind === "relay") {
      const isOwn = destination.toLowerCase().endsWith(`@${serverName}`);
      const trouble = isOwn ? "this server would send it to itself" : "";
      return { to: `${destination}, by relay`, trouble, isPersons: true };
    }
    const { user, as } = way;
    // With another account's mailboxes a name is no account.
    const isPersons = as?.kind !== "found" || as.name !== user || as.uid >= FIRST_PERSON_UID;
    return { to: user, trouble: as?.kind === "none" ? as.why : "", isPersons };
  });
  const trouble = ways.find((way) => way.trouble !== "");
  if (trouble !== undefined)
    return fail(
      `goes to ${trouble.to}, where nobody gets it: ${trouble.trouble}`,
      "write an alias that leads to a person, and a rule for mail of this machine",
    );
  if (ways.length === 0) return warn("is taken, and goes nowhere", "see smtpctl explain");
  if (ways.every(({ isPersons }) => !isPersons))
    return warn(
      `is kept by ${ways.map(({ to }) => to).join(", ")}, an account of the system`,
      "name who reads it in the aliases: root: alice",
    );
  return ok(`goes to ${ways.map(({ to }) => to).join(", ")}`);
}
