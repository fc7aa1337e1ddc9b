/**
 * SCRAM-SHA-256 and SCRAM-SHA-256-PLUS: the client proves that it knows the password
 * without sending it, and the server that it knows the user.
 *
 *     C: n,,n=user,r=CNONCE
 *     S: r=CNONCE SNONCE,s=SALT,i=ITERATIONS        asked: the salt
 *     C: c=biws,r=CNONCE SNONCE,p=PROOF
 *     S: v=SIGNATURE                                asked: whether the proof is right
 *     C: (nothing)
 *
 * With -PLUS, `c` holds bytes that only the two ends of this TLS connection know, so a
 * proof is worth nothing to who stands between. Both mechanisms are offered together or
 * SCRAM-SHA-256 alone; a client that says it saw no -PLUS where it was offered was lied to.
 * The authorisation identity is ignored, as in PLAIN. Unknown users get a salt as well:
 * whoever answers makes one up.
 *
 * Source: RFC 5802 §5, §5.1, §6, §7; RFC 7677; RFC 9266 (tls-exporter).
 */
import { decodeBase64 } from "./base64.ts";
import { saslName, textOf } from "./sasl-text.ts";
import {
  challenge,
  ended,
  type EndedState,
  fail,
  type SaslAnswer,
  type SaslStep,
} from "./sasl-step.ts";
import { SCRAM_KEY_BYTES } from "./scram-verifier.ts";

/** Characters of a client's nonce. RFC 5802 has no limit; a good one has some 24. */
const MAX_NONCE_LENGTH = 256;
/** Of a client's message: three times what name, nonce, proof and channel binding take. Both are kept. */
const MAX_MESSAGE_BYTES = 2048;

export interface ScramOffer {
  /** Ours: unpredictable, in printable ASCII without comma. */
  readonly serverNonce: string;
  /** `tls-exporter` of the connection; undefined where -PLUS is not offered. */
  readonly channelBinding: Uint8Array | undefined;
}

interface ClientFirst {
  /** As written, in the form in which it is compared. */
  readonly user: string;
  /** The message without its GS2 header. */
  readonly bare: string;
  /** What `c` of the client's last message must be, in base64. */
  readonly binding: string;
}

export type ScramState =
  | {
      readonly phase: "scram-first";
      readonly isPlus: boolean;
      readonly offer: ScramOffer;
    }
  | { readonly phase: "scram-salt"; readonly first: ClientFirst; readonly nonce: string }
  | {
      readonly phase: "scram-final";
      readonly first: ClientFirst;
      readonly nonce: string;
      readonly serverFirst: string;
    }
  | { readonly phase: "scram-proof" }
  /** The client has to take note of the signature. */
  | { readonly phase: "scram-last"; readonly user: string };

type Step = SaslStep<ScramState | EndedState>;

const MALFORMED: Step = ended(fail("malformed"));

export function startScram(
  mechanism: "SCRAM-SHA-256" | "SCRAM-SHA-256-PLUS",
  offer: ScramOffer,
): Step {
  const isPlus = mechanism === "SCRAM-SHA-256-PLUS";
  return [{ phase: "scram-first", isPlus, offer }, challenge("")];
}

export function scramResponse(
  state: Extract<ScramState, { phase: "scram-first" | "scram-final" | "scram-last" }>,
  bytes: Uint8Array,
): Step {
  if (bytes.length > MAX_MESSAGE_BYTES) return MALFORMED;
  if (state.phase === "scram-first") return takeFirst(state, textOf(bytes));
  if (state.phase === "scram-final") return takeFinal(state, textOf(bytes));
  if (bytes.length > 0) return MALFORMED;
  return ended({ kind: "succeed", user: state.user });
}

export function scramAnswered(
  state: Extract<ScramState, { phase: "scram-salt" | "scram-proof" }>,
  answer: SaslAnswer,
): Step {
  if (state.phase === "scram-salt" && answer.kind === "salt") {
    const { first, nonce } = state;
    const salt = Buffer.from(answer.salt).toString("base64");
    const serverFirst = `r=${nonce},s=${salt},i=${answer.iterations}`;
    return [{ phase: "scram-final", first, nonce, serverFirst }, challenge(serverFirst)];
  }
  if (state.phase === "scram-proof" && answer.kind === "accepted") {
    const signature = Buffer.from(answer.signature).toString("base64");
    return [{ phase: "scram-last", user: answer.user }, challenge(`v=${signature}`)];
  }
  return ended(fail(answer.kind === "refused" ? "refused" : "unavailable"));
}

function takeFirst(
  { isPlus, offer }: Extract<ScramState, { phase: "scram-first" }>,
  text: string | undefined,
): Step {
  const header = gs2Header(text ?? "");
  if (text === undefined || header === undefined) return MALFORMED;
  if (!flagsOf(isPlus, offer).includes(header.flag)) return MALFORMED;
  const bare = text.slice(header.length);
  const said = firstBare(bare);
  if (said === undefined) return MALFORMED;
  const { user, clientNonce } = said;
  const bound = isPlus ? offer.channelBinding : undefined;
  const binding = Buffer.concat([
    Buffer.from(text.slice(0, header.length), "utf8"),
    bound ?? new Uint8Array(),
  ]).toString("base64");
  const nonce = clientNonce + offer.serverNonce;
  return [
    { phase: "scram-salt", first: { user, bare, binding }, nonce },
    { kind: "ask", question: { kind: "salt", user } },
  ];
}

/** RFC 5802 §6: what a client may say of channel binding. */
function flagsOf(isPlus: boolean, { channelBinding }: ScramOffer): readonly string[] {
  if (isPlus) return ["p=tls-exporter"];
  return channelBinding === undefined ? ["n", "y"] : ["n"];
}

function firstBare(
  bare: string,
): { readonly user: string; readonly clientNonce: string } | undefined {
  // RFC 5802 §7: `m=` in front would be an extension that must be understood: none is.
  const match = /^n=([^,]+),r=([!-+\--~]+)(?:,.*)?$/u.exec(bare);
  const user = saslName(match?.[1] ?? "");
  const clientNonce = match?.[2] ?? "";
  if (user === undefined || clientNonce.length > MAX_NONCE_LENGTH) return undefined;
  return { user, clientNonce };
}

function takeFinal(
  state: Extract<ScramState, { phase: "scram-final" }>,
  text: string | undefined,
): Step {
  const { first, nonce, serverFirst } = state;
  const match = /^(c=([A-Za-z0-9+/=]+),r=([!-+\--~]+)(?:,[^,]+)*),p=([A-Za-z0-9+/=]+)$/u.exec(
    text ?? "",
  );
  const [, withoutProof = "", binding, itsNonce] = match ?? [];
  const proof = decodeBase64(match?.[4] ?? "");
  if (proof?.length !== SCRAM_KEY_BYTES || itsNonce !== nonce) return MALFORMED;
  // RFC 5802 §6: another TLS connection than this one. No word on which part was wrong.
  if (binding !== first.binding) return ended(fail("refused"));
  const authMessage = `${first.bare},${serverFirst},${withoutProof}`;
  const question = { kind: "proof", user: first.user, authMessage, proof } as const;
  return [{ phase: "scram-proof" }, { kind: "ask", question }];
}

/** The flag and the length of `n,,`, `y,,` or `p=NAME,a=IDENTITY,`. */
function gs2Header(text: string): { readonly flag: string; readonly length: number } | undefined {
  const match = /^(n|y|p=[A-Za-z0-9.-]+),(?:a=[^,]+)?,/u.exec(text);
  return match === null ? undefined : { flag: match[1] ?? "", length: match[0].length };
}
