/**
 * A letter that shows whether servers on its way changed an octet, and what is found of
 * it in a folder of mail: itself behind what each hop may add, or a report about it.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { until } from "./greeting.ts";

/** Above the header, by those who hand on and who deliver: RFC 5321 §4.4, and their own. */
const ADDED: ReadonlySet<string> = new Set([
  "return-path",
  "received",
  "delivered-to",
  "x-original-to",
  "envelope-to",
  "delivery-date",
]);

const FIELD = /^([!-9;-~]+):.*\n(?:[ \t].*\n)*/u;

let letters = 0;

/** In octets, as latin1. */
export interface Letter {
  /** In no other letter of this process. */
  readonly subject: string;
  readonly text: string;
}

/** Lines as servers get them wrong: dots, blanks at the end, long, like the line of an mbox, empty. */
const LINES: readonly string[] = [
  "one",
  ".",
  "..two",
  "blanks behind \t ",
  "From here on",
  "x".repeat(990),
  "",
  "the last",
  "",
  "",
];

/** @param more a line of the text, in octets. */
export function letter(more = ""): Letter {
  const subject = `letter-${process.pid}-${++letters}`;
  const header = [
    "From: Ann <ann@sender.example>",
    "To: somebody@elsewhere.example",
    "Date: Thu, 26 Nov 2026 12:00:00 +0000",
    `Message-ID: <${subject}@sender.example>`,
    `Subject: ${subject}`,
    "X-Folded: a field that is long,",
    "\tand goes on  ",
  ];
  return { subject, text: [...header, "", more, ...LINES].join("\r\n") };
}

/** As a mailbox has it: with line ends of UNIX. */
function stored(text: string): string {
  return text.replaceAll("\r\n", "\n");
}

/** Resolves with the file in `box` that is `sent`, and has nothing but what hops add before it. */
export async function arrived(box: string, sent: Letter): Promise<string> {
  const file = await found(box, sent, "itself");
  const whole = stored(sent.text);
  const text = stored(file);
  assert.ok(text.endsWith(whole), `what was sent:\n${whole}\nis not the end of:\n${text}`);
  let added = text.slice(0, text.length - whole.length);
  while (added !== "") {
    const field = FIELD.exec(added);
    assert.ok(ADDED.has(field?.[1]?.toLowerCase() ?? ""), `added to the message: ${added}`);
    added = added.slice(field?.[0].length);
  }
  return text;
}

/** Resolves with the report about `sent` in `box`. */
export async function reported(box: string, sent: Letter): Promise<string> {
  const file = await found(box, sent, "about it");
  return stored(file).replaceAll(/\n[ \t]+/gu, " ");
}

async function found(
  box: string,
  { subject }: Letter,
  what: "itself" | "about it",
): Promise<string> {
  const file = (): string | undefined =>
    filesOf(box).find((text) => {
      const [header = ""] = stored(text).split("\n\n", 1);
      const isItself = header.includes(`\nSubject: ${subject}`);
      return text.includes(subject) && isItself === (what === "itself");
    });
  await until(() => file() !== undefined, `mail that is ${subject} ${what} in ${box}`);
  return file() ?? "";
}

function filesOf(box: string): readonly string[] {
  try {
    return readdirSync(`${box}/new`).map((name) => readFileSync(`${box}/new/${name}`, "latin1"));
  } catch {
    return []; // Nothing has come yet.
  }
}
