/** The reports of which `NAME.eml` shows what they look like: one of each kind, and nasty ones. */
import type { ReportedRecipient } from "#protocols/dsn/delivery-status.ts";
import { formatReport, type Report } from "#protocols/dsn/report.ts";
import type { Returned } from "#protocols/dsn/returned.ts";

const HEADER = [
  "Date: Thu, 01 Jan 2026 00:00:00 +0000",
  "From: Alice <alice@example.com>",
  "To: Bob <bob@example.org>",
  "Subject: Lunch on Friday",
  "Message-ID: <lunch.1@client.example.com>",
  "",
].join("\r\n");

const BODY = "\r\nAt one, in the usual place?\r\n.\r\nAlice\r\n";

const UTF8_HEADER = [
  "Date: Thu, 01 Jan 2026 00:00:00 +0000",
  "From: Ålice <alice@example.com>",
  "To: Jørgen <jørgen@bøde.example>",
  "Subject: Møde på fredag",
  "",
].join("\r\n");

const FAILED: ReportedRecipient = {
  recipient: "bob@example.org",
  orcpt: "",
  status: "5.1.1",
  diagnostic: "550 5.1.1 <bob@example.org>: Recipient address rejected: User unknown",
  remote: "mx.example.org [192.0.2.1]",
  lastTryAtMs: Date.UTC(2026, 0, 1, 0, 0, 10),
  retryUntilMs: 0,
};

const BASE: Report = {
  serverName: "mail.example.com",
  action: "failed",
  form: "ascii",
  to: "alice@example.com",
  id: "00000001.0123456789abcdef",
  boundary: "0123456789abcdef0123456789abcdef",
  writtenAtMs: Date.UTC(2026, 0, 1, 0, 0, 11),
  arrivedAtMs: Date.UTC(2026, 0, 1),
  envelopeId: "",
  recipients: [FAILED],
  originalId: "<lunch.1@client.example.com>",
  remarks: [],
  returned: headerOf(HEADER),
};

function headerOf(header: string, changes: Partial<Returned & { kind: "header" }> = {}): Returned {
  return { kind: "header", header: Buffer.from(header), utf8: false, instead: "", ...changes };
}

const UTF8_RECIPIENT: ReportedRecipient = {
  ...FAILED,
  recipient: "jørgen@bøde.example",
  orcpt: "utf-8;j\\x{F8}rgen\\x{2B}post@bøde.example",
  diagnostic: "550 5.1.1 No such user",
  remote: "mx.bøde.example [192.0.2.4]",
};

interface Example {
  readonly report: Report;
  /** The original, where it is returned whole. */
  readonly message?: string;
}

export const EXAMPLES: Readonly<Record<string, Example>> = {
  failed: { report: BASE },
  "failed-whole": {
    report: { ...BASE, returned: { kind: "message", is8bit: false, utf8: false } },
    message: HEADER + BODY,
  },
  "failed-whole-8bit": {
    report: { ...BASE, returned: { kind: "message", is8bit: true, utf8: false } },
    message: `${HEADER}\r\nÀ une heure, au café?\r\n`,
  },
  "failed-too-large": { report: { ...BASE, returned: headerOf(HEADER, { instead: "too-large" }) } },
  "failed-several": {
    report: {
      ...BASE,
      envelopeId: "QQ+3D314",
      recipients: [
        { ...FAILED, orcpt: "rfc822;Bob+2B1@example.org" },
        {
          ...FAILED,
          recipient: "carol@example.net",
          status: "5.2.2",
          diagnostic: "552 5.2.2 Mailbox full",
          remote: "mx.example.net [192.0.2.2]",
        },
        {
          ...FAILED,
          recipient: "dave@example.edu",
          status: "5.4.7",
          diagnostic: "Connection refused (at CONNECT)",
          remote: "mx.example.edu [192.0.2.3]",
        },
        { ...FAILED, recipient: "eve@example.com", status: "5.2.1", diagnostic: "", remote: "" },
      ],
    },
  },
  delayed: {
    report: {
      ...BASE,
      action: "delayed",
      recipients: [
        {
          ...FAILED,
          status: "4.7.1",
          diagnostic: "451 4.7.1 Greylisted, please try again",
          retryUntilMs: Date.UTC(2026, 0, 5),
        },
      ],
    },
  },
  delivered: {
    report: {
      ...BASE,
      action: "delivered",
      recipients: [
        { ...FAILED, recipient: "bob@example.com", status: "2.0.0", diagnostic: "", remote: "" },
      ],
    },
  },
  relayed: {
    report: {
      ...BASE,
      action: "relayed",
      recipients: [{ ...FAILED, status: "2.0.0", diagnostic: "250 2.0.0 Ok: queued as 4XyZ" }],
    },
  },
  expanded: {
    report: {
      ...BASE,
      action: "expanded",
      recipients: [
        {
          ...FAILED,
          recipient: "staff@example.com",
          status: "2.0.0",
          diagnostic: "",
          remote: "",
          lastTryAtMs: 0,
        },
      ],
    },
  },
  "utf8-back-to-utf8": {
    report: {
      ...BASE,
      form: "utf8",
      to: "ålice@example.com",
      originalId: "",
      recipients: [UTF8_RECIPIENT],
      returned: headerOf(UTF8_HEADER, { utf8: true }),
    },
  },
  "utf8-back-to-ascii": {
    report: {
      ...BASE,
      originalId: "",
      recipients: [UTF8_RECIPIENT],
      returned: headerOf(UTF8_HEADER, { utf8: true }),
    },
  },
  "failed-with-remarks": {
    report: {
      ...BASE,
      remarks: [
        "It was for 3000 recipients, of whom 1000 are named.",
        "Your message is kept as /var/spool/postrider/offline/0123456789abcdef0123456789abcdef.failed: remove it there.",
      ],
    },
  },
  "nasty-words": {
    report: {
      ...BASE,
      recipients: [
        {
          ...FAILED,
          status: "5.7.1",
          diagnostic:
            "550 5.7.1 \u001b[31mred\u001b[0m \u0000\u0007 \u202Etxt.exe\u202C \r\n" +
            "--0123456789abcdef0123456789abcdef--\r\nSubject: forged\r\n\r\n" +
            "Click https://evil.example/ naïvely " +
            "long".repeat(300),
          remote: "mx.example.org\r\nBcc: victim@example.net [192.0.2.1]",
        },
      ],
      returned: headerOf("Subject: a\rb\u0000c\u001b[2J\r\n--guessed--\r\n"),
    },
  },
};

/** The report as it is sent. */
export function bytesOf({ report, message = "" }: Example): Uint8Array {
  const { before, after } = formatReport(report);
  return Buffer.concat([before, Buffer.from(message), after]);
}
