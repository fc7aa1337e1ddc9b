/** Certificates and authorities by name, from what `pki` and `ca` say. Source: smtpd.conf(5). */
import type { Ca, Pki } from "./pki.ts";
import type { CaStatement, PkiStatement, Statement } from "./syntax.ts";

/** All lines of one name together: a later one adds to it, or replaces. */
export function buildPkis(statements: readonly Statement[]): ReadonlyMap<string, Pki> {
  const pkis = new Map<string, Pki>();
  for (const statement of statements) {
    if (statement.kind !== "pki") continue;
    const { name } = statement;
    pkis.set(name.text, mergePki(statement, pkis.get(name.text)));
  }
  return pkis;
}

const NEW_PKI = { cert: undefined, key: undefined, dhe: "none", ocsp: { kind: "auto" } } as const;

function mergePki(statement: PkiStatement, earlier: Pki | undefined): Pki {
  const { cert, key, dhe, ocsp } = statement;
  const before = earlier ?? { at: statement.at, places: {}, ...NEW_PKI };
  return {
    at: before.at,
    places: {
      ...before.places,
      ...(cert && { cert: cert.at }),
      ...(key && { key: key.at }),
      ...(dhe && { dhe: dhe.at }),
      ...(ocsp && { ocsp: ocsp.at }),
    },
    name: statement.name.text,
    cert: cert?.value ?? before.cert,
    key: key?.value ?? before.key,
    dhe: dhe?.value ?? before.dhe,
    ocsp: ocsp?.value ?? before.ocsp,
  };
}

/** Of two lines of one name the later counts. */
export function buildCas(statements: readonly Statement[]): ReadonlyMap<string, Ca> {
  const lines = statements.filter((statement): statement is CaStatement => statement.kind === "ca");
  return new Map(
    lines.map(({ at, name, cert }) => [name.text, { at, name: name.text, cert: cert.text }]),
  );
}
