/** TLS and authentication of a listener, and what each needs of the other. Source: OpenSMTPD parse.y (create_listener). */
import { SCRAM_PREFIX } from "#protocols/sasl/scram-verifier.ts";
import { parseCredentials } from "#model/table-values.ts";
import type { BuildScope } from "./build-scope.ts";
import type { ListenerAuth, ListenerTls } from "./listener.ts";
import type { Pki } from "./pki.ts";
import type { ListenOptions, ListenStatement } from "./syntax.ts";
import type { Table } from "./table.ts";
import { buildTlsSettings, tlsSyntaxOf } from "./tls-values.ts";

const TLS_HINT = "add 'tls', 'tls-require' or 'smtps'";

export function buildListenerTls(
  { at, target, options }: ListenStatement,
  scope: BuildScope,
): ListenerTls {
  const { complaints } = scope;
  const settings = buildTlsSettings(tlsSyntaxOf(options), complaints);
  const pkis = buildPkis(options, scope);
  const ca = options.ca && scope.ca(options.ca.value);
  if (options.tls !== undefined) {
    if (options.pkis === undefined)
      complaints.error(
        options.tls.at,
        "invalid listen option: pki required for tls/smtps",
        "name the certificate to show: 'pki NAME'",
      );
    const { mode, verify, fingerprints: operand } = options.tls.value;
    const fingerprints = operand && scope.tables.use(operand, "fingerprint");
    return { mode, verify, fingerprints, pkis, ca, settings };
  }
  const [pki] = options.pkis ?? [];
  if (pki !== undefined)
    complaints.error(pki.at, "invalid listen option: pki requires tls/smtps", TLS_HINT);
  const useless = options.ca ?? options.ciphers ?? options.curves ?? options.protocols;
  if (useless !== undefined && pki === undefined)
    complaints.warning(useless.at, "this has no effect on a listener without TLS", TLS_HINT);
  // What goes over a socket of this machine, nobody else hears.
  if (options.auth !== undefined && target.kind !== "socket")
    complaints.error(
      options.auth.at,
      "invalid listen option: auth requires tls/smtps",
      `passwords are not taken in the clear: ${TLS_HINT} and 'pki NAME' to line ${at.line}`,
    );
  return { mode: "none" };
}

function buildPkis(options: ListenOptions, scope: BuildScope): readonly Pki[] {
  const pkis: Pki[] = [];
  for (const name of options.pkis ?? []) {
    const pki = scope.pki(name);
    if (pki === undefined) continue;
    if (pki.cert === undefined || pki.key === undefined)
      scope.complaints.error(
        name.at,
        `pki ${pki.name} has no ${pki.cert === undefined ? "certificate" : "key"}`,
        `write 'pki ${pki.name} ${pki.cert === undefined ? "cert" : "key"} "/…"'`,
      );
    // Named twice is no mistake worth a complaint: it shows the same certificate.
    if (!pkis.includes(pki)) pkis.push(pki);
  }
  return pkis;
}

export function buildListenerAuth(options: ListenOptions, scope: BuildScope): ListenerAuth {
  if (options.auth === undefined) return { mode: "none" };
  const { mode, table: operand, oauth: name } = options.auth.value;
  const oauth = name && scope.oauth(name);
  // Undefined after a complaint.
  if (name !== undefined && oauth === undefined) return { mode: "none" };
  if (operand === undefined) {
    // Who names an issuer of tokens does not ask for root to look at passwords.
    return { mode, passwords: { kind: oauth === undefined ? "system" : "none" }, oauth };
  }
  const table = scope.tables.use(operand, "listen auth");
  if (table === undefined) return { mode: "none" };
  return { mode, passwords: { kind: "table", table, scram: hasVerifiers(table) }, oauth };
}

/** One user without a verifier would be locked out by a client that prefers SCRAM. */
function hasVerifiers({ entries, source }: Table): boolean {
  if (entries.size === 0 || source.kind === "passwd") return false;
  return Array.from(entries, ([user, value]) => parseCredentials(user, value)).every(
    (credentials) => credentials?.secret.startsWith(SCRAM_PREFIX) === true,
  );
}
