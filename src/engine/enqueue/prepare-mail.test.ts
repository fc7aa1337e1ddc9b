import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { BodyStore } from "./body-store.ts";
import { MAX_RECIPIENTS } from "./outgoing-mail.ts";
import { type MailOrder, type PreparedMail, prepareMail, type Unprepared } from "./prepare-mail.ts";

const DATE = "Thu, 26 Nov 2026 00:00:00 +0000";
const IDENTITY = { loginName: "ann", gecos: "& Smith,,,", mailName: "mx.example" };
const ORDER: MailOrder = {
  sender: undefined,
  fullName: undefined,
  addressees: [],
  readsHeaders: false,
  dotEnds: false,
  notify: undefined,
  returns: undefined,
  envelopeId: "",
};

class MemoryBody implements BodyStore {
  readonly #pieces: Uint8Array[] = [];
  bytes = 0;

  add(text: Uint8Array): void {
    this.#pieces.push(text);
    this.bytes += text.length;
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    yield* this.#pieces;
  }
}

async function* inPieces(text: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < text.length; at += size) yield text.subarray(at, at + size);
}

function prepare(
  input: string | Buffer,
  order: Partial<MailOrder>,
  size = 7,
): Promise<PreparedMail | Unprepared> {
  const bytes = typeof input === "string" ? Buffer.from(input, "latin1") : input;
  return prepareMail(
    { ...ORDER, ...order },
    { input: inPieces(bytes, size), store: new MemoryBody(), identity: IDENTITY, date: DATE },
  );
}

async function textOf({ text }: PreparedMail): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of text.chunks()) pieces.push(piece);
  const whole = Buffer.concat(pieces);
  assert.equal(text.bytes, whole.length);
  return whole.toString("latin1").replaceAll("\r\n", "\n");
}

interface Sent {
  readonly from: string;
  readonly to: readonly string[];
  readonly text: string;
  readonly is8bit: boolean;
}

async function sent(input: string | Buffer, order: Partial<MailOrder>): Promise<Sent> {
  const prepared = await prepare(input, order);
  assert.ok(prepared.kind === "prepared", JSON.stringify(prepared));
  const { reversePath: from, forwardPaths: to, is8bit } = prepared.mail;
  return { from, to, text: await textOf(prepared), is8bit };
}

const B = { addressees: ["b@y"] } as const;
const T = { readsHeaders: true } as const;
const OWN = "From: Ann Smith <ann@mx.example>\n";
const NOW = `Date: ${DATE}\n`;
const QP = "Content-Transfer-Encoding: quoted-printable\n";
const LONG = "x".repeat(990);
const WRAPPED = `${`${"x".repeat(75)}=\n`.repeat(13)}${"x".repeat(15)}\n`;

interface Case {
  readonly name: string;
  readonly input: string;
  readonly order: Partial<MailOrder>;
  readonly from?: string;
  readonly to?: readonly string[];
  readonly text?: string;
  readonly is8bit?: true;
}

const CASES: readonly Case[] = [
  {
    name: "completes a message without headers",
    input: "hello\n",
    order: B,
    text: `${OWN}${NOW}\nhello\n`,
  },
  { name: "completes an empty message", input: "", order: B, text: `${OWN}${NOW}\n` },
  {
    name: "completes one of headers alone",
    input: "Subject: x",
    order: B,
    text: `Subject: x\n${OWN}${NOW}\n`,
  },
  {
    name: "leaves what is there",
    input: "From: a@x\nDate: d\n\nx\n",
    order: B,
    from: "a@x",
    text: "From: a@x\nDate: d\n\nx\n",
  },
  {
    name: "takes for a body what only looks like headers",
    input: "Note: milk\n\nx\n",
    order: B,
    text: `${OWN}${NOW}\nNote: milk\n\nx\n`,
  },
  {
    name: "ends the headers before what is none",
    input: "Subject: x\nhello\n",
    order: B,
    text: `Subject: x\n${OWN}${NOW}\nhello\n`,
  },
  {
    name: "ends at a dot",
    input: "Subject: x\n\na\n.\nb\n",
    order: { ...B, dotEnds: true },
    text: `Subject: x\n${OWN}${NOW}\na\n`,
  },
  {
    name: "takes a dot as text",
    input: "Subject: x\n\na\n.\nb\n",
    order: B,
    text: `Subject: x\n${OWN}${NOW}\na\n.\nb\n`,
  },
  {
    name: "drops Bcc, Return-Path and the line of an mbox",
    input: "From x Mon\nReturn-Path: <q@q>\nSubject: x\nBcc: c@z,\n d@z\n\n",
    order: B,
    text: `Subject: x\n${OWN}${NOW}\n`,
  },
  {
    name: "reads To, Cc and Bcc with -t",
    input: "To: a@x\nCc: G: Bob <b@y>;\nBcc: c,\n d@z\n\n",
    order: T,
    to: ["a@x", "b@y", "c@mx.example", "d@z"],
    text: `To: a@x\nCc: G: Bob <b@y>;\n${OWN}${NOW}\n`,
  },
  {
    name: "adds arguments with -t, each address once",
    input: "To: a@x, b@y\n\n",
    order: { ...T, addressees: ["b@y", "c,d@z"] },
    to: ["b@y", "c@mx.example", "d@z", "a@x"],
    text: `To: a@x, b@y\n${OWN}${NOW}\n`,
  },
  {
    name: "reads who it is sent to again",
    input: "Resent-To: z@z\nResent-Bcc: y@z\nTo: a@x\n\n",
    order: T,
    to: ["z@z", "y@z"],
    text: `Resent-To: z@z\nTo: a@x\n${OWN}${NOW}\n`,
  },
  {
    name: "takes the sender from From",
    input: "From: A <a@x>, b@y\n\n",
    order: B,
    from: "a@x",
    text: `From: A <a@x>, b@y\n${NOW}\n`,
  },
  {
    name: "is sent by who runs it where From has no address",
    input: "From: A B\n\n",
    order: B,
    text: `From: A B\n${NOW}\n`,
  },
  {
    name: "takes the sender from -f",
    input: "From: a@x\n\n",
    order: { ...B, sender: "<c@z>" },
    from: "c@z",
    text: `From: a@x\n${NOW}\n`,
  },
  {
    name: "names nobody whom -f names",
    input: "x\n",
    order: { ...B, sender: "c@z" },
    from: "c@z",
    text: `From: <c@z>\n${NOW}\nx\n`,
  },
  {
    name: "has an author though it has no sender",
    input: "x\n",
    order: { ...B, sender: "" },
    from: "",
    text: `From: <ann@mx.example>\n${NOW}\nx\n`,
  },
  {
    name: "names the author as -F does, and no more",
    input: "x\n",
    order: { ...B, fullName: "N\nX-Evil: 1" },
    text: `From: "N X-Evil: 1" <ann@mx.example>\n${NOW}\nx\n`,
  },
  {
    name: "makes one line of a header with CR and NUL",
    input: "Subject: a\rX-Evil: 1\0b\n\n",
    order: B,
    text: `Subject: a X-Evil: 1 b\n${OWN}${NOW}\n`,
  },
  {
    name: "folds a header that is too long",
    input: `Subject: ${"word ".repeat(300)}\n\n`,
    order: B,
    text: `Subject: ${"word ".repeat(197)}word\n ${"word ".repeat(102)}\n${OWN}${NOW}\n`,
  },
  {
    name: "encodes a body with a long line",
    input: `Subject: x\n\n${LONG}\n`,
    order: B,
    text: `Subject: x\n${OWN}${NOW}MIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\nContent-Disposition: inline\n${QP}\n${WRAPPED}`,
  },
  {
    name: "encodes a body with NUL and bare CR",
    input: "Subject: x\n\na\0b\rc\xe9\n",
    order: B,
    text: `Subject: x\n${OWN}${NOW}MIME-Version: 1.0\nContent-Type: text/plain; charset=unknown-8bit\nContent-Disposition: inline\n${QP}\na=00b=0Dc=E9\n`,
  },
  {
    name: "keeps the type of what it encodes",
    input: `Subject: x\nMIME-Version: 1.0\nContent-Type: text/html\n\n${LONG}\n`,
    order: B,
    text: `Subject: x\nMIME-Version: 1.0\nContent-Type: text/html\n${OWN}${NOW}${QP}\n${WRAPPED}`,
  },
  {
    name: "encodes nothing that is encoded",
    input: `Subject: x\nContent-Transfer-Encoding: 8bit\n\n${LONG}\n`,
    order: B,
    text: `Subject: x\nContent-Transfer-Encoding: 8bit\n${OWN}${NOW}\n${LONG}\n`,
  },
  {
    name: "encodes nothing that has parts",
    input: `Subject: x\nContent-Type: Multipart/Mixed\n\n${LONG}\n`,
    order: B,
    text: `Subject: x\nContent-Type: Multipart/Mixed\n${OWN}${NOW}\n${LONG}\n`,
  },
  {
    name: "says that a body has 8 bits",
    input: "Subject: x\n\n\xe9\n",
    order: B,
    is8bit: true,
    text: `Subject: x\n${OWN}${NOW}\n\xe9\n`,
  },
  {
    name: "says that a header has 8 bits",
    input: "Subject: \xe9\n\n",
    order: B,
    is8bit: true,
    text: `Subject: \xe9\n${OWN}${NOW}\n`,
  },
];

for (const { name, input, order, from = "ann@mx.example", to = ["b@y"], text, is8bit } of CASES) {
  test(`sendmail ${name}`, async () => {
    assert.deepEqual(await sent(input, order), { from, to, text, is8bit: is8bit === true });
  });
}

const REFUSED: readonly (readonly [
  input: string,
  order: Partial<MailOrder>,
  kind: Unprepared["kind"],
])[] = [
  ["To: a@x\n\n", {}, "no-recipients"],
  ["Subject: x\n\n", T, "no-recipients"],
  ["To: undisclosed-recipients:;\n\n", T, "no-recipients"],
  ["To: a@x, (b\n\n", T, "address-trouble"],
  ["To: a@x, Bob Smith\n\n", T, "address-trouble"],
  ["", { addressees: ["a b"] }, "address-trouble"],
  ["", { addressees: ["a@x\nBcc: b@y"] }, "address-trouble"],
  ["", { ...B, sender: "a@b\nBcc: x@y" }, "address-trouble"],
  [`Subject: ${"x".repeat(9_000_000)}`, B, "too-many-headers"],
];

for (const [input, order, kind] of REFUSED) {
  test(`LOC-01: sendmail refuses ${JSON.stringify({ input: input.slice(0, 40), ...order })} for ${kind}`, async () => {
    assert.equal((await prepare(input, order, 65_536)).kind, kind);
  });
}

test("LOC-02: sendmail reads ten thousand recipients from a folded header, each once", async () => {
  const list = Array.from(
    { length: 10_000 },
    (_, index) => `"Friend ${index}" <u${index}@x.example>`,
  );
  const prepared = await prepare(`To: ${[...list, ...list].join(",\n ")}\n\nx\n`, T, 65_536);
  assert.ok(prepared.kind === "prepared");
  assert.equal(prepared.mail.forwardPaths.length, 10_000);
});

test("sendmail refuses more recipients than it takes", async () => {
  const addressees = Array.from({ length: MAX_RECIPIENTS + 1 }, (_, index) => `u${index}@x`);
  assert.equal((await prepare("", { addressees })).kind, "too-many-recipients");
});

test("sendmail sends only lines that end in CRLF, and one header block, whatever it reads", async () => {
  const token = fc.constantFrom(
    "To: a@x",
    "Bcc: b@y",
    "\r",
    "\n",
    "\n\n",
    "\0",
    " ",
    "Subject:",
    "x".repeat(500),
    "é",
    ".",
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(token, { maxLength: 40 }),
      fc.integer({ min: 1, max: 50 }),
      async (parts, size) => {
        const prepared = await prepare(Buffer.from(parts.join(""), "utf8"), B, size);
        assert.ok(prepared.kind === "prepared");
        const text = await textOf(prepared);
        assert.doesNotMatch(text, /[\r\0]/);
        const head = text.slice(0, text.indexOf("\n\n"));
        assert.match(head, /^(?:(?:[!-9;-~]+[ \t]*:|[ \t]).*(?:\n|$))+$/);
        assert.doesNotMatch(head, /^bcc:/im);
      },
    ),
  );
});
