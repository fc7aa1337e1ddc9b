/**
 * What OAUTHBEARER and XOAUTH2 share: a token is shown in one message, and whoever knows
 * the issuer says whether it is good.
 *
 *     C: the token, in pairs of a name and a value
 *     S: why it was refused, in JSON                asked: whether the token is good
 *     C: (a message that says nothing)
 *
 * The refusal comes in two steps so that the client learns why, and what to ask its issuer
 * for, before the attempt fails; whatever it says to that, it has failed.
 *
 * Source: RFC 6750 §2.1 (form of a token), RFC 7628 §3.1, §3.2; Google's XOAUTH2.
 */
import {
  challenge,
  ended,
  type EndedState,
  fail,
  type SaslAnswer,
  type SaslStep,
} from "./sasl-step.ts";

/** The longest line of AUTH has room for some 9000 octets; issuers send 2000 to 4000. */
export const MAX_TOKEN_BYTES = 8192;

export interface BearerOffer {
  /** What a token must be good for, as its issuer calls it; undefined: nothing is asked of it. */
  readonly tokenScope: string | undefined;
}

export type BearerMechanism = "OAUTHBEARER" | "XOAUTH2";

/** "bearer-first" waits for the token, "bearer-asked" for what its issuer says. */
interface BearerOpen {
  readonly phase: "bearer-first" | "bearer-asked";
  readonly mechanism: BearerMechanism;
  readonly tokenScope: string | undefined;
}

export type BearerState =
  | BearerOpen
  /** The client has been told why, and is to say that it has understood. */
  | { readonly phase: "bearer-refused" };

/** What a client has shown. */
export interface ShownToken {
  /** Whom it wants to be; "" if it leaves that to the token. */
  readonly user: string;
  /** "" if it shows none, to learn what is asked for. */
  readonly token: string;
}

type Step = SaslStep<BearerState | EndedState>;

const SEPARATOR = "\x01";

export function startBearer(mechanism: BearerMechanism, { tokenScope }: BearerOffer): Step {
  return [{ phase: "bearer-first", mechanism, tokenScope }, challenge("")];
}

/** @param shown undefined: the message was none. */
export function bearerShown(
  { mechanism, tokenScope }: BearerOpen,
  shown: ShownToken | undefined,
): Step {
  if (shown === undefined) return ended(fail("malformed"));
  const asked = { phase: "bearer-asked", mechanism, tokenScope } as const;
  if (shown.token === "") return bearerAnswered(asked, { kind: "refused" });
  return [asked, { kind: "ask", question: { kind: "token", ...shown } }];
}

export function bearerAnswered({ mechanism, tokenScope }: BearerOpen, answer: SaslAnswer): Step {
  if (answer.kind === "accepted") return ended({ kind: "succeed", user: answer.user });
  if (answer.kind !== "refused") return ended(fail("unavailable"));
  return [{ phase: "bearer-refused" }, challenge(refusal(mechanism, tokenScope))];
}

/** RFC 7628 §3.2.3: a message that says nothing; one that says something fails as well. */
export function bearerUnderstood(): SaslStep<EndedState> {
  return ended(fail("refused"));
}

/**
 * The token behind `Bearer`, whose case does not matter (RFC 9110 §11.1); "" behind nothing;
 * undefined for another way to show who one is, and for what can be no token.
 */
export function bearerToken(value: string): string | undefined {
  if (value === "") return "";
  const [, token] = /^bearer +([A-Za-z0-9._~+/-]+=*)$/iu.exec(value) ?? [];
  return token !== undefined && token.length <= MAX_TOKEN_BYTES ? token : undefined;
}

/**
 * The values of `name=value`, each with ^A behind it, and one ^A behind them all; undefined
 * if `text` is no such list, or says something twice. RFC 7628 §3.1 has values
 * printable; it lets them have more lines, which nobody needs.
 */
export function bearerPairs(text: string): ReadonlyMap<string, string> | undefined {
  const items = text.split(SEPARATOR);
  // Behind the last pair stand two separators.
  if (items.pop() !== "" || items.pop() !== "") return undefined;
  const pairs = new Map<string, string>();
  for (const item of items) {
    const [, name = "", value = ""] = /^([A-Za-z]+)=([\t -~]*)$/u.exec(item) ?? [];
    if (name === "" || pairs.has(name)) return undefined;
    pairs.set(name, value);
  }
  return pairs;
}

/** The header before the first ^A and the list behind it; empty if there is no ^A. */
export function splitHeader(text: string): readonly string[] {
  const end = text.indexOf(SEPARATOR);
  return end < 0 ? [] : [text.slice(0, end), text.slice(end + 1)];
}

/** RFC 7628 §3.2.2; XOAUTH2 has the status of HTTP, and names the way to authenticate. */
function refusal(mechanism: BearerMechanism, scope: string | undefined): string {
  const why =
    mechanism === "XOAUTH2" ? { status: "401", schemes: "bearer" } : { status: "invalid_token" };
  return JSON.stringify(scope === undefined ? why : { ...why, scope });
}
