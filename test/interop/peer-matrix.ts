/**
 * What Postrider and servers of other people are seen to do with each other, each way:
 * a row is a thing to do, and where a server cannot do it the row says why. The tests of
 * `peer-exchange.ts` go through all of it; docs/interop.md shows it.
 */

export const SERVERS = ["Postfix", "Exim", "OpenSMTPD"] as const;
export type Server = (typeof SERVERS)[number];

/** Postrider hands mail to the server, or takes mail from it. */
export type Direction = "to" | "from";
export type Column = `${Direction} ${Server}`;

export const COLUMNS: readonly Column[] = SERVERS.flatMap((server): Column[] => [
  `to ${server}`,
  `from ${server}`,
]);

export const ROWS = [
  "in the clear",
  "STARTTLS",
  "TLS from the first octet",
  "AUTH PLAIN",
  "AUTH LOGIN",
  "AUTH SCRAM-SHA-256",
  "PIPELINING",
  "without PIPELINING",
  "CHUNKING",
  "without CHUNKING",
  "BINARYMIME is not offered: returned",
  "8BITMIME",
  "8BITMIME is not offered: returned",
  "SMTPUTF8",
  "SMTPUTF8 is not offered: returned",
  "DSN: NOTIFY=SUCCESS, and the report",
  "DSN is not offered: relayed, and the report",
  "SIZE: too large, returned",
  "one recipient of two is refused",
  "two messages on one connection",
  "LMTP: one recipient of three is refused",
] as const;

export type Row = (typeof ROWS)[number];

const NO_SCRAM = "its package has no SCRAM";
const PLAIN_FIRST = "both know PLAIN, which is taken first";
const NEVER_PIPELINES = "it neither offers nor uses PIPELINING";
const NO_BDAT = "its client has no BDAT";
const NO_BODY = "its client sends such octets without BODY=8BITMIME";
const NO_LMTP = "it has no LMTP server";
const ALWAYS_OFFERED = {
  "from Postfix": "Postrider always offers it",
  "from Exim": "Postrider always offers it",
  "from OpenSMTPD": "Postrider always offers it",
};

const NO_TLS =
  "its server's TLS fails with every client, as Debian 12 has built it: missing private key";

/** Why it cannot be seen. */
const EXCEPTIONS: Readonly<Partial<Record<Row, Readonly<Partial<Record<Column, string>>>>>> = {
  STARTTLS: { "to OpenSMTPD": NO_TLS },
  "TLS from the first octet": { "to OpenSMTPD": NO_TLS },
  "AUTH PLAIN": { "to OpenSMTPD": NO_TLS },
  "AUTH LOGIN": { "to OpenSMTPD": PLAIN_FIRST, "from OpenSMTPD": PLAIN_FIRST },
  "AUTH SCRAM-SHA-256": {
    "to Exim": NO_SCRAM,
    "from Exim": NO_SCRAM,
    "to OpenSMTPD": "it has no SCRAM",
    "from OpenSMTPD": "it has no SCRAM",
  },
  PIPELINING: { "to OpenSMTPD": NEVER_PIPELINES, "from OpenSMTPD": NEVER_PIPELINES },
  CHUNKING: {
    "from Postfix": NO_BDAT,
    "to OpenSMTPD": "it does not offer CHUNKING",
    "from OpenSMTPD": NO_BDAT,
  },
  "BINARYMIME is not offered: returned": ALWAYS_OFFERED,
  "8BITMIME is not offered: returned": {
    ...ALWAYS_OFFERED,
    "to Exim": "it offers 8BITMIME at every port or at none",
    "to OpenSMTPD": "it always offers 8BITMIME",
  },
  "8BITMIME": { "from Exim": NO_BODY, "from OpenSMTPD": NO_BODY },
  SMTPUTF8: {
    "to OpenSMTPD": "it does not offer SMTPUTF8",
    "from OpenSMTPD": "its client does not know SMTPUTF8",
  },
  "SMTPUTF8 is not offered: returned": ALWAYS_OFFERED,
  "two messages on one connection": { "from Exim": "it does so only for mail that has waited" },
  "LMTP: one recipient of three is refused": {
    "to Postfix": NO_LMTP,
    "to Exim": NO_LMTP,
    "to OpenSMTPD": NO_LMTP,
  },
};

/** Undefined: it is seen. */
export function whyNot(row: Row, column: Column): string | undefined {
  return EXCEPTIONS[row]?.[column];
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** In Markdown, with what cannot be below the table. */
export function formatMatrix(): string {
  const notes: string[] = [];
  const cell = (row: Row, column: Column): string => {
    const reason = whyNot(row, column);
    if (reason === undefined) return "yes";
    if (!notes.includes(reason)) notes.push(reason);
    return `no (${notes.indexOf(reason) + 1})`;
  };
  const lines = [
    line(["", ...COLUMNS]),
    line(Array.from({ length: COLUMNS.length + 1 }, () => "---")),
    ...ROWS.map((row) => line([row, ...COLUMNS.map((column) => cell(row, column))])),
  ];
  return [...lines, "", ...notes.map((note, at) => `${at + 1}. ${note}`)].join("\n");
}
