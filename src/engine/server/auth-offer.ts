/**
 * Which SASL mechanisms a session is offered: none in the clear, but over a UNIX-domain
 * socket; SCRAM where the table has what it takes; those that lean on TLS where it has it;
 * tokens where somebody judges them.
 *
 * Source: RFC 4954 §4 (no passwords in the clear); RFC 5802 §6 (-PLUS beside the other);
 * RFC 6750 §5.3 (tokens inside TLS alone).
 */
import type { TlsFacts } from "#base/ports/tls.ts";
import type { Mechanism } from "#protocols/sasl/exchange.ts";
import { type AuthRules, NO_AUTH } from "#protocols/smtp/service.ts";
import type { Listener } from "#model/config/listener.ts";

/** How a session is protected from who listens: by TLS, by never leaving the machine, or not. */
export type Protection = TlsFacts | "local" | "none";

/** @param user whom the client has shown to be, or "". */
export function authRules({ auth }: Listener, protection: Protection, user: string): AuthRules {
  if (auth.mode === "none") return NO_AUTH;
  const mechanisms = protection === "none" ? [] : mechanismsFor(auth, protection);
  return { mechanisms, isRequired: auth.mode === "required", user };
}

function mechanismsFor(
  auth: Exclude<Listener["auth"], { mode: "none" }>,
  protection: Exclude<Protection, "none">,
): readonly Mechanism[] {
  const mechanisms: Mechanism[] = [];
  const tls = protection === "local" ? undefined : protection;
  const { passwords, oauth } = auth;
  if (tls?.peer !== undefined && passwords.kind === "table") mechanisms.push("EXTERNAL");
  if (passwords.kind === "table" && passwords.scram) {
    if (tls?.exporter() !== undefined) mechanisms.push("SCRAM-SHA-256-PLUS");
    mechanisms.push("SCRAM-SHA-256");
  }
  if (oauth !== undefined) mechanisms.push("OAUTHBEARER", "XOAUTH2");
  if (passwords.kind !== "none") mechanisms.push("PLAIN", "LOGIN");
  return mechanisms;
}
