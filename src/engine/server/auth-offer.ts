/**
 * Which SASL mechanisms a session is offered: none in the clear, but over a UNIX-domain
 * socket; SCRAM where the table has what it takes; those that lean on TLS where it has it.
 *
 * Source: RFC 4954 §4 (no passwords in the clear); RFC 5802 §6 (-PLUS beside the other).
 */
import type { TlsFacts } from "#base/ports/tls.ts";
import type { Mechanism } from "#protocols/sasl/exchange.ts";
import { type AuthRules, NO_AUTH } from "#protocols/smtp/service.ts";
import type { Listener } from "#model/config/config.ts";

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
  if (tls?.peer !== undefined && auth.table !== undefined) mechanisms.push("EXTERNAL");
  if (auth.scram) {
    if (tls?.exporter() !== undefined) mechanisms.push("SCRAM-SHA-256-PLUS");
    mechanisms.push("SCRAM-SHA-256");
  }
  mechanisms.push("PLAIN", "LOGIN");
  return mechanisms;
}
