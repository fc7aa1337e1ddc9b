/** Offline mail that is not taken: until when it is tried, and what its owner is told then. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { simpleParser } from "mailparser";
import type { MessageText } from "#model/delivery.ts";
import { SimWorld } from "#world/sim/world.ts";
import { REFUSED_TRIED_MS } from "./dropped-names.ts";
import { MAX_REPORTED } from "./failure-notice.ts";
import { folderDropBox } from "./folder-drop-box.ts";
import type { Complaint, HandedIn } from "./hand-in.ts";
import { type DropEnd, handInDropped } from "./hand-in-dropped.ts";
import type { OutgoingMail } from "./outgoing-mail.ts";

const FOLDER = "/offline";
const UID = 1000;
const DAY_MS = 24 * 3600 * 1000;
const LETTER = "Message-ID: <1@mx.example>\r\nSubject: the list\r\n\r\nbread, milk\r\n";

const MAIL: OutgoingMail = {
  reversePath: "ann@mx.example",
  forwardPaths: ["bob@example.org", "eve@example.org"],
  notify: undefined,
  returns: undefined,
  envelopeId: "",
  is8bit: false,
};

const TAKEN: HandedIn = { kind: "taken" };

function complaint(address: string | undefined, text: string): Complaint {
  return { address, text, status: /\d\.\d\.\d/u.exec(text)?.[0] ?? "" };
}

function refused(...complaints: readonly Complaint[]): HandedIn {
  return { kind: "refused", complaints, status: complaints[0]?.status ?? "", takenFor: 0 };
}

function notNow(text: string): HandedIn {
  return { kind: "not-now", complaints: [complaint(undefined, text)], takenFor: 0 };
}

const NO_BOB = refused(complaint("bob@example.org", "550 5.1.1 Invalid recipient"));
const OFF = notNow("connect ECONNREFUSED (at CONNECT)");

/** Mail of ann that waits, and a daemon that answers as it is told. */
class Waiting {
  readonly world = new SimWorld(7, { disk: { uid: UID } });
  readonly handedIn: { readonly mail: OutgoingMail; readonly text: string }[] = [];
  hasName = true;
  takenSinceMs = 0;
  #path = "";

  static async of(mail: Partial<OutgoingMail> = {}, letter = LETTER): Promise<Waiting> {
    const waiting = new Waiting();
    const { world } = waiting;
    world.disk.plantFolder(FOLDER, { mode: 0o1733, uid: 0 });
    const files = world.disk.files();
    const text: MessageText = {
      bytes: Buffer.byteLength(letter, "latin1"),
      async *chunks() {
        yield Buffer.from(letter, "latin1");
      },
    };
    await folderDropBox({ files, random: world.random }, FOLDER).drop({ ...MAIL, ...mail }, text);
    waiting.#path = `${FOLDER}/${(await files.list(FOLDER))[0]}`;
    return waiting;
  }

  get keptAs(): string {
    return `${this.#path}.failed`;
  }

  async becomesNoMail(): Promise<void> {
    await this.world.disk.files().unlink(this.#path);
    this.world.disk.plantFile(this.#path, Buffer.from("no mail\n"), { uid: UID, mode: 0o700 });
  }

  /** The first answer is about the mail, the second about a report. */
  async comesTo(answer: HandedIn, toReport: HandedIn = TAKEN): Promise<DropEnd> {
    const { world } = this;
    this.handedIn.length = 0;
    return handInDropped(
      {
        files: world.disk.files(),
        random: world.random,
        wallMs: () => world.clock.wallMs(),
        handIn: async (mail, text) => {
          const chunks: Uint8Array[] = [];
          for await (const chunk of text.chunks()) chunks.push(chunk);
          const bytes = Buffer.concat(chunks);
          assert.equal(bytes.length, text.bytes);
          this.handedIn.push({ mail, text: bytes.toString("latin1") });
          return this.handedIn.length === 1 ? answer : toReport;
        },
      },
      this.#path,
      {
        uid: UID,
        owner: this.hasName ? { login: "ann", serverName: "mx.example" } : undefined,
        takenSinceMs: this.takenSinceMs,
      },
    );
  }

  async after(ms: number): Promise<this> {
    await this.world.clock.advance(ms);
    return this;
  }

  /** What the owner was sent. */
  get report(): { readonly mail: OutgoingMail; readonly text: string } {
    const [, report, ...more] = this.handedIn;
    assert.ok(report !== undefined && more.length === 0, "one report");
    return report;
  }
}

const BOB_WHY = "<bob@example.org>: 550 5.1.1 Invalid recipient";

test("what is refused is tried for an hour, as a rule may be wrong, and then is given up and reported", async () => {
  const waiting = await Waiting.of();
  assert.deepEqual(await waiting.comesTo(NO_BOB), { kind: "stays", why: BOB_WHY });
  await waiting.after(REFUSED_TRIED_MS);
  assert.deepEqual(await waiting.comesTo(NO_BOB), { kind: "stays", why: BOB_WHY });
  assert.equal(waiting.handedIn.length, 1, "no report yet");
  await waiting.after(1);
  assert.deepEqual(await waiting.comesTo(NO_BOB), {
    kind: "given-up",
    why: `${BOB_WHY}; the report to ann is sent`,
  });
});

test("the hour begins when the daemon does, whatever the mail's age is", async () => {
  const waiting = await (await Waiting.of()).after(10 * DAY_MS);
  waiting.takenSinceMs = waiting.world.clock.wallMs() - REFUSED_TRIED_MS;
  assert.equal((await waiting.comesTo(NO_BOB)).kind, "stays");
  assert.equal((await waiting.comesTo(OFF)).kind, "stays");
  await waiting.after(1);
  assert.equal((await waiting.comesTo(NO_BOB)).kind, "given-up");
});

test("what is not taken now is tried for four days", async () => {
  const waiting = await (await Waiting.of()).after(4 * DAY_MS);
  assert.equal((await waiting.comesTo(OFF)).kind, "stays");
  await waiting.after(1);
  const end = await waiting.comesTo(OFF);
  assert.equal(end.kind, "given-up");
  assert.match(waiting.report.text, /^Status: 5\.4\.7\r$/mu);
});

test("the report is a bounce to the owner, with what was said, the mail, and where it is", async () => {
  const waiting = await (await Waiting.of({ reversePath: "other@far.example" })).after(2 * DAY_MS);
  await waiting.comesTo(NO_BOB);
  const { mail, text } = waiting.report;
  assert.deepEqual(mail, { ...MAIL, reversePath: "", forwardPaths: ["ann@mx.example"] });
  const { from, to, headers, text: words = "", attachments } = await simpleParser(text);
  assert.equal(from?.text, '"Mailer Daemon" <MAILER-DAEMON@mx.example>');
  assert.equal([to].flat()[0]?.text, "ann@mx.example");
  assert.equal(headers.get("auto-submitted"), "auto-replied");
  assert.equal(headers.get("in-reply-to"), "<1@mx.example>");
  assert.match(words, /^ {2}<bob@example\.org>\n.*\n.*\n.*> 550 5\.1\.1 Invalid recipient$/mu);
  assert.match(words, /<eve@example\.org>\n(?:.*\n)*.*> It is sent to all of its recipients or\s/u);
  assert.ok(
    words.replaceAll("\n", " ").includes(`Your message is kept as ${waiting.keptAs}: remove it`),
    words,
  );
  const [original] = attachments;
  assert.match(
    text,
    /Final-Recipient: rfc822; bob@example\.org\s+Action: failed\s+Status: 5\.1\.1\s+Diagnostic-Code: smtp; 550 5\.1\.1 Invalid recipient/u,
  );
  assert.equal(original?.contentType, "message/rfc822");
  assert.ok(text.includes(LETTER), "the whole mail");
});

for (const [what, mail, letter, answer] of [
  ["its sender wants no more", { returns: "headers" }, LETTER, NO_BOB],
  ["it is larger than a mebibyte", {}, `${LETTER}${"x".repeat(76)}\r\n`.repeat(14_000), NO_BOB],
  ["it is no text", {}, `${LETTER}\0\r\n`, NO_BOB],
  ["it was too large", {}, LETTER, refused(complaint(undefined, "552 5.3.4 Too big"))],
] as const)
  test(`of mail the header alone is given back if ${what}`, async () => {
    const waiting = await (await Waiting.of(mail, letter)).after(DAY_MS);
    await waiting.comesTo(answer);
    const { text } = waiting.report;
    assert.ok(text.includes("Subject: the list\r\n"), "its header");
    assert.ok(!text.includes("bread, milk"), "nothing else");
  });

for (const [what, mail] of [
  ["is a report itself", { reversePath: "" }],
  ["says so", { notify: ["never"] }],
  ["asks for other reports alone", { notify: ["success", "delay"] }],
] as const)
  test(`no report is sent of mail that ${what}`, async () => {
    const waiting = await (await Waiting.of(mail)).after(DAY_MS);
    assert.deepEqual(await waiting.comesTo(NO_BOB), {
      kind: "given-up",
      why: `${BOB_WHY}; nobody wants a report`,
    });
    assert.equal(waiting.handedIn.length, 1);
  });

test("no report is sent of what is no mail", async () => {
  const waiting = await (await Waiting.of()).after(DAY_MS);
  await waiting.becomesNoMail();
  assert.equal((await waiting.comesTo(TAKEN)).kind, "given-up");
  assert.deepEqual(waiting.handedIn, []);
});

test("no report is sent to an owner without a name", async () => {
  const waiting = await (await Waiting.of()).after(DAY_MS);
  waiting.hasName = false;
  assert.deepEqual(await waiting.comesTo(NO_BOB), {
    kind: "given-up",
    why: `${BOB_WHY}; its owner has no name to be told by`,
  });
  assert.equal(waiting.handedIn.length, 1);
});

test("a report that is refused is the log's alone, and one that is not taken now is tried again with its mail", async () => {
  const waiting = await (await Waiting.of()).after(DAY_MS);
  const noAnn = refused(complaint("ann@mx.example", "550 5.1.1 Invalid recipient"));
  assert.deepEqual(await waiting.comesTo(NO_BOB, noAnn), {
    kind: "given-up",
    why: `${BOB_WHY}; the report to ann is not taken: <ann@mx.example>: 550 5.1.1 Invalid recipient`,
  });
  assert.equal(waiting.handedIn.length, 2, "none about the report");
  const later = await waiting.comesTo(NO_BOB, OFF);
  assert.equal(later.kind, "stays");
  await waiting.after(4 * DAY_MS);
  assert.equal((await waiting.comesTo(NO_BOB, OFF)).kind, "given-up", "not for ever");
});

test("those who have it are not reported of", async () => {
  const waiting = await (await Waiting.of()).after(DAY_MS);
  const noEve = refused(complaint("eve@example.org", "550 5.1.1 Invalid recipient"));
  await waiting.comesTo({ ...noEve, takenFor: 1 } as HandedIn);
  assert.doesNotMatch(waiting.report.text, /bob@/u);
  assert.match(waiting.report.text, /Final-Recipient: rfc822; eve@/u);
});

test("of very many recipients a part is named, those first that something was said of", async () => {
  const forwardPaths = Array.from({ length: 3 * MAX_REPORTED }, (_, at) => `u${at}@example.org`);
  const waiting = await (await Waiting.of({ forwardPaths })).after(DAY_MS);
  await waiting.comesTo(refused(complaint("u2999@example.org", "550 5.1.1 Invalid recipient")));
  const { text } = waiting.report;
  assert.equal(text.match(/^Final-Recipient: /gmu)?.length, MAX_REPORTED);
  assert.match(text, /<u2999@example\.org>/u);
  assert.match(text, /It was for 3000 recipients, of whom 1000 are\s+named\./u);
});
