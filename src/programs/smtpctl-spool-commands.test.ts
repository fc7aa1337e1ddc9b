import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { decodeXtext } from "#protocols/smtp/xtext.ts";
import { NO_TERMS } from "#model/envelope.ts";
import { configOf } from "#test/support/config-of.ts";
import { acceptedAsBlob, accepted, deferred, delivered, evpidOf, mail } from "#test/crash/mail.ts";
import { openSpool, smallSpool } from "#test/crash/spool-scenario.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimDisk } from "#world/sim/disk.ts";
import { simRandom } from "#world/sim/random.ts";
import type { ReadChosen } from "./file-choice.ts";
import { runSpool, type SpoolCommand } from "./smtpctl-spool-commands.ts";

const CONFIG = ["listen on socket", 'action "out" relay', 'match from local for any action "out"'];

const ENVELOPE = `version: 3
dispatcher: gone
type: mta
smtpname: mx.example.org
helo: client.example.com
hostname: client.example.com
errorline: 451 later
sockaddr: 192.0.2.7
sender: @
rcpt: a@example.org
dest: a@example.org
ctime: 1767225600
last-try: 1767229200
last-bounce: 0
ttl: 345600
retry: 2
esc-class: 4
esc-code: 71
`;

class Machine {
  readonly disk = new SimDisk(new SimClock(), simRandom(3));
  readonly said: string[] = [];
  /** Sockets on which somebody answers. */
  readonly answering: string[] = [];
  read: ReadChosen = async () => configOf(...CONFIG);
  /** Folders that there are. */
  readonly #planted = new Set(["/spool", "/old"]);

  constructor() {
    this.disk.plantFolder("/spool");
    this.disk.plantFolder("/old");
    for (const folder of ["journal", "blobs", "corrupt"]) this.disk.plantFolder(`/spool/${folder}`);
  }

  plant(path: string, content: string | Uint8Array): void {
    const folders = path.split("/").slice(1, -1);
    for (let depth = 1; depth <= folders.length; depth++) {
      const folder = `/${folders.slice(0, depth).join("/")}`;
      if (!this.#planted.has(folder)) this.disk.plantFolder(folder);
      this.#planted.add(folder);
    }
    this.disk.plantFile(path, Buffer.from(content));
  }

  async run(command: SpoolCommand, ...args: readonly string[]): Promise<number> {
    const tell = (text: string | Uint8Array): void => void this.said.push(String(text).trimEnd());
    return runSpool(
      command,
      args,
      {
        files: this.disk.files(),
        spoolFiles: () => this.disk.files(),
        clock: new SimClock(),
        random: simRandom(9),
        spoolFolder: () => "/spool",
        read: this.read,
        keys: async () => [],
        makeSpool: async () => undefined,
        answers: async (path) => this.answering.includes(path),
      },
      { print: tell, complain: tell, drained: () => undefined, isTerminal: false },
    );
  }

  async text(path: string): Promise<string> {
    const file = await this.disk.files().open(path, "read");
    const bytes = await file.read(0, 1 << 20);
    await file.close();
    return Buffer.from(bytes).toString("latin1");
  }
}

test("a queue of OpenSMTPD is taken, compressed or not, and each file that is not is named", async () => {
  const machine = new Machine();
  machine.plant("/old/queue/12/12345678/message", gzipSync("Subject: one\n\nOne\n"));
  machine.plant("/old/queue/12/12345678/12345678aaaaaaaa", gzipSync(ENVELOPE));
  machine.plant("/old/queue/12/12345678/12345678bbbbbbbb", "version: 2\n");
  machine.plant("/old/queue/12/12345678/12345678cccccccc", `\x01${ENVELOPE}`);
  machine.plant("/old/queue/12/12345678/12345678ffffffff", gzipSync("x".repeat(70_000)));
  machine.plant("/old/queue/12/12345678/87654321dddddddd", ENVELOPE);
  machine.plant("/old/queue/56/56780000/56780000eeeeeeee", ENVELOPE);
  machine.plant("/old/queue/ab/abcd0000/message", "Subject: alone\n");
  machine.plant("/old/queue/ab/abcd0001/message", Uint8Array.of(0x1f, 0x8b, 1, 2, 3));
  machine.plant("/old/queue/ab/abcd0001/abcd0001aaaaaaaa", ENVELOPE);
  machine.plant("/old/queue/README", "what is this");
  // It ended the import, of which a part was done.
  machine.plant("/old/queue/34", "a file with a folder's name");
  assert.equal(await machine.run("import", "/old"), 1);
  assert.deepEqual(machine.said, [
    "/old/queue/12/12345678/12345678bbbbbbbb: not taken: its version is 2, not 3",
    "/old/queue/12/12345678/12345678cccccccc: not taken: It is encrypted",
    "/old/queue/12/12345678/12345678ffffffff: not taken: It has more than 65536 bytes",
    "/old/queue/12/12345678/87654321dddddddd: not taken: it is no envelope of its message",
    "/old/queue/34: not taken: it is no folder of messages",
    "/old/queue/56/56780000: not taken: it has no text",
    "/old/queue/README: not taken: it is no folder of messages",
    "/old/queue/ab/abcd0000: not taken: it has no envelope that can be taken",
    "/old/queue/ab/abcd0001/message: not taken: It does not decompress: unknown compression method",
    'warning: 1 envelope waits for an action "gone", which smtpd.conf does not have',
    "1 message, 1 envelope imported",
  ]);
});

/** As the sources of OpenSMTPD 7 write them (envelope.c, queue_fs.c): one for each kind of envelope that waits there. */
const OF_VERSION_7 = new URL("../../test/cases/opensmtpd-7/queue", import.meta.url).pathname;

test("the files of OpenSMTPD 7 are taken, and exported again as they were", async () => {
  const machine = new Machine();
  machine.read = async () =>
    configOf(...CONFIG.map((line) => line.replaceAll('"out"', '"outbound"')));
  const files = readdirSync(OF_VERSION_7, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => `${parentPath.slice(OF_VERSION_7.length)}/${name}`)
    .toSorted();
  assert.equal(files.length, 7);
  for (const file of files) machine.plant(`/old/queue${file}`, readFileSync(OF_VERSION_7 + file));
  assert.equal(await machine.run("import", "/old"), 0, machine.said.join("\n"));
  assert.equal(await machine.run("verify"), 0);
  assert.equal(await machine.run("export", "/out"), 0);
  for (const file of files) {
    const before = readFileSync(`${OF_VERSION_7}${file}`, "latin1");
    const after = await machine.text(`/out/queue${file}`);
    assert.equal(withoutOurs(after), withoutOurs(before), file);
  }
  assert.deepEqual(machine.said, [
    'warning: 1 envelope waits for an action "local_mail", which smtpd.conf does not have',
    "3 messages, 4 envelopes imported",
    "3 messages, 4 envelopes, 0 damaged places",
    "3 messages exported",
  ]);
});

/**
 * What a file has of this configuration, the type that ORCPT has got, and what goes without saying:
 * that a bounce is internal, a local user himself, an error without a code a temporary one, and
 * that nothing was asked of NOTIFY.
 */
function withoutOurs(file: string): string {
  const rest = file
    .replace(/^(?:(?:smtpname|ttl): .*|dsn-notify: 0|esc-class: 4(?!\nesc-code))\n/gmu, "")
    .replace(/^dsn-orcpt: (?:rfc822;)?(.*)$/mu, (_, said: string) => decodeXtext(said) ?? said)
    .replace("bounce internal", "bounce");
  return rest.includes("sockaddr: local") ? rest.replace("flags: authenticated\n", "") : rest;
}

test("what OpenSMTPD keeps beside its queue is named, and nothing of it is taken", async () => {
  const machine = new Machine();
  machine.plant("/old/queue/12/12345678/message", "Subject: one\n\nOne\n");
  machine.plant("/old/queue/12/12345678/12345678aaaaaaaa", ENVELOPE);
  machine.plant("/old/offline/1795662474.XXXXTyjRrB", "root@example.org\nSubject: off\n");
  machine.plant("/old/corrupt/c0ffee00/message", "Subject: old\n");
  machine.plant("/old/incoming/99999999/99999999aaaaaaaa", ENVELOPE);
  assert.equal(await machine.run("import", "/old"), 1);
  assert.deepEqual(machine.said, [
    "/old/offline/1795662474.XXXXTyjRrB: not taken: it was handed in while smtpd was down: let OpenSMTPD run once, or send it again",
    "/old/corrupt/c0ffee00: not taken: OpenSMTPD could not read it",
    'warning: 1 envelope waits for an action "gone", which smtpd.conf does not have',
    "1 message, 1 envelope imported",
  ]);
});

test("an import that is made once more takes nothing twice", async () => {
  const machine = new Machine();
  machine.plant("/old/queue/12/12345678/message", "Subject: one\n\nOne\n");
  machine.plant("/old/queue/12/12345678/12345678aaaaaaaa", ENVELOPE);
  assert.equal(await machine.run("import", "/old"), 0);
  machine.plant("/old/queue/34/34345678/message", "Subject: two\n\nTwo\n");
  machine.plant("/old/queue/34/34345678/34345678aaaaaaaa", ENVELOPE);
  machine.said.length = 0;
  assert.equal(await machine.run("import", "/old"), 1);
  assert.deepEqual(machine.said, [
    "/old/queue/12/12345678: not taken: it is in the queue already",
    'warning: 1 envelope waits for an action "gone", which smtpd.conf does not have',
    "1 message, 1 envelope imported",
  ]);
});

test("the queue of an OpenSMTPD that still runs is left alone; a copy of one is not", async () => {
  const machine = new Machine();
  machine.answering.push("/run/smtpd.sock");
  for (const args of [[], ["/var/spool/smtpd/"]])
    assert.equal(await machine.run("import", ...args), 2);
  machine.plant("/old/queue/12/12345678/message", "Subject: one\n\nOne\n");
  machine.plant("/old/queue/12/12345678/12345678aaaaaaaa", ENVELOPE);
  assert.equal(await machine.run("import", "/old"), 0);
  const runs = "smtpctl: OpenSMTPD still runs (/run/smtpd.sock): stop it first";
  assert.deepEqual(machine.said.slice(0, 2), [runs, runs]);
});

test("a first try that OpenSMTPD wrote down without its time keeps its count and its error", async () => {
  const machine = new Machine();
  const first = ENVELOPE.replace("last-try: 1767229200", "last-try: 0").replace(
    "retry: 2",
    "retry: 1",
  );
  machine.plant("/old/queue/12/12345678/message", "Subject: one\n\nOne\n");
  machine.plant("/old/queue/12/12345678/12345678aaaaaaaa", first);
  assert.equal(await machine.run("import", "/old"), 0);
  assert.equal(await machine.run("export", "/new"), 0);
  const file = await machine.text("/new/queue/12/12345678/12345678aaaaaaaa");
  assert.match(file, /^errorline: 451 later\n(?:.*\n)*last-try: 1767225600\n(?:.*\n)*retry: 1\n/mu);
});

test("what is exported is imported as it was", async () => {
  const machine = new Machine();
  const text = "Subject: x\r\n\r\nFrom here\r\nto there\r\n";
  const one = { ...mail(1, { recipients: 3 }), text: Buffer.from(text) };
  const large = mail(0x20_00_00_01, { textBytes: 1 });
  const before = await openSpool(smallSpool(machine.disk.files(), "dsync"));
  const entry = accepted({ ...one, message: { ...one.message, textBytes: text.length } });
  await before.commit([entry, deferred(evpidOf(one, 2), 4)]);
  const blob = before.openBlob(large.message.msgid);
  await blob.write([Buffer.from("y\r\n".repeat(200_000))]);
  await before.commit([acceptedAsBlob(large)]);
  await before.close();
  assert.equal(await machine.run("export", "/out"), 0);
  const exported = await machine.text("/out/queue/00/00000001/0000000100000002");
  assert.equal(
    await machine.text("/out/queue/00/00000001/message"),
    "Subject: x\n\nFrom here\nto there\n",
  );
  const other = new Machine();
  for (const path of [
    "00/00000001/message",
    "00/00000001/0000000100000001",
    "00/00000001/0000000100000002",
    "00/00000001/0000000100000003",
    "20/20000001/message",
    "20/20000001/2000000100000001",
  ])
    other.plant(
      `/old/queue/${path}`,
      Buffer.from(await machine.text(`/out/queue/${path}`), "latin1"),
    );
  assert.equal(await other.run("import", "/old"), 0);
  assert.equal(await other.run("verify"), 0);
  assert.equal(await other.run("export", "/again"), 0);
  assert.equal(await other.text("/again/queue/00/00000001/0000000100000002"), exported);
  assert.equal((await other.text("/again/queue/20/20000001/message")).length, 400_000);
  assert.equal(await other.run("compact"), 0);
  assert.equal(await other.run("export", "--mbox", "/mbox"), 0);
  assert.match(await other.text("/mbox"), /^X-Envelope-To: user1@example\.org\n[^]*^>From here$/mu);
  assert.deepEqual(other.said, [
    'warning: 4 envelopes wait for an action "relay", which smtpd.conf does not have',
    "2 messages, 4 envelopes imported",
    "2 messages, 4 envelopes, 0 damaged places",
    "2 messages exported",
    "compacted",
    "2 messages exported",
  ]);
});

test("binary text has no lines: it is exported as it is", async () => {
  const machine = new Machine();
  const spool = await openSpool(smallSpool(machine.disk.files(), "dsync"));
  const text = "a\r\nb\rc\n\0";
  const { message, ...binary } = mail(1);
  const terms = { ...NO_TERMS, isBinary: true };
  const bytes = { textBytes: text.length, terms };
  await spool.commit([
    accepted({ ...binary, message: { ...message, ...bytes }, text: Buffer.from(text) }),
  ]);
  await spool.close();
  assert.equal(await machine.run("export", "/out"), 0);
  assert.equal(await machine.text("/out/queue/00/00000001/message"), text);
});

test("verify names each damaged record with its file and offset", async () => {
  const machine = new Machine();
  const spool = await openSpool(smallSpool(machine.disk.files(), "dsync"));
  await spool.commit([accepted(mail(1))]);
  await spool.commit([accepted(mail(2))]);
  await spool.commit([accepted(mail(3))]);
  await spool.close();
  const path = "/spool/journal/00000001.seg";
  const bytes = Buffer.from(await machine.text(path), "latin1");
  for (const at of [5000, bytes.length - 100]) bytes[at] = (bytes[at] ?? 0) ^ 1;
  await machine.disk.files().unlink(path);
  machine.disk.plantFile(path, bytes);
  assert.equal(await machine.run("verify"), 1);
  assert.match(
    machine.said.join("\n"),
    /^\/spool\/journal\/00000001\.seg:4096: .*\n\/spool\/journal\/00000001\.seg:[0-9]+: .*\n1 message, 1 envelope, 2 damaged places$/u,
  );
});

const SEGMENT = "/spool/journal/00000001.seg";

/** A spool with a message in it; `checkpointRecords`: it has a checkpoint as well. */
async function withMail(checkpointRecords: number): Promise<Machine> {
  const machine = new Machine();
  const spool = await openSpool({
    ...smallSpool(machine.disk.files(), "dsync"),
    segmentBytes: 1 << 20,
    checkpointRecords,
  });
  for (let n = 1; n <= 12; n++) await spool.commit([accepted(mail(n))]);
  await spool.close();
  return machine;
}

const LOSSES: readonly {
  readonly what: string;
  readonly lose: (machine: Machine) => Promise<void>;
  readonly checkpointRecords?: number;
  readonly said: readonly RegExp[];
}[] = [
  {
    what: "a segment has another name",
    lose: ({ disk }) => disk.files().rename(SEGMENT, `${SEGMENT}.bak`),
    said: [
      /^warning: Foreign in the spool: journal\/00000001\.seg\.bak$/u,
      /^warning: The journal has no segment: there was no mail yet, or it is gone$/u,
    ],
  },
  {
    what: "the only segment is gone",
    lose: ({ disk }) => disk.files().unlink(SEGMENT),
    said: [/^warning: The journal has no segment: there was no mail yet, or it is gone$/u],
  },
  {
    what: "the only segment is empty",
    lose: async ({ disk }) => {
      await disk.files().unlink(SEGMENT);
      disk.plantFile(SEGMENT, Buffer.alloc(0));
    },
    said: [/^warning: \/spool\/journal\/00000001\.seg is empty: it was just being made, or /u],
  },
  {
    what: "all segments are gone, and a checkpoint is there",
    checkpointRecords: 1,
    lose: ({ disk }) => disk.files().unlink(SEGMENT),
    said: [/^warning: The journal has no segment: there was no mail yet, or it is gone$/u],
  },
  {
    what: "the segment is shorter than a checkpoint says",
    checkpointRecords: 1,
    lose: async (machine) => {
      const bytes = Buffer.from(await machine.text(SEGMENT), "latin1");
      await machine.disk.files().unlink(SEGMENT);
      machine.disk.plantFile(SEGMENT, bytes.subarray(0, 4096));
    },
    said: [/^warning: The checkpoint of the spool cannot be used: .* is shorter than it was$/u],
  },
];

for (const { what, lose, checkpointRecords = 1000, said } of LOSSES) {
  test(`mail may be missing, and verify says so, when ${what}`, async () => {
    const machine = await withMail(checkpointRecords);
    assert.equal(await machine.run("verify"), 0);
    const whole = machine.said.splice(0);
    assert.deepEqual(whole, ["12 messages, 12 envelopes, 0 damaged places"]);
    await lose(machine);
    assert.equal(await machine.run("verify"), 1);
    const last = machine.said.pop();
    assert.equal(last, "0 messages, 0 envelopes, 0 damaged places");
    assert.equal(machine.said.length, said.length, machine.said.join("\n"));
    for (const [at, line] of said.entries()) assert.match(machine.said[at] ?? "", line);
  });
}

test("compact and import tell of a file that is foreign in the journal, and do not end well", async () => {
  const machine = await withMail(1000);
  await machine.disk.files().rename(SEGMENT, `${SEGMENT}.bak`);
  const foreign = "warning: Foreign in the spool: journal/00000001.seg.bak";
  machine.disk.plantFolder("/old/queue");
  assert.equal(await machine.run("compact"), 1);
  assert.equal(await machine.run("import", "/old"), 1);
  assert.deepEqual(machine.said, [
    foreign,
    "compacted",
    foreign,
    "0 messages, 0 envelopes imported",
  ]);
});

test("a spool that never had mail can be compacted, and nothing is missing from it then", async () => {
  const machine = new Machine();
  assert.equal(await machine.run("compact"), 0);
  // Its checkpoint covers no segment: it was taken for one whose last segment is gone.
  assert.equal(await machine.run("compact"), 0);
  assert.equal(await machine.run("verify"), 0);
  const none = "0 messages, 0 envelopes, 0 damaged places";
  assert.deepEqual(machine.said, ["compacted", "compacted", none]);
});

test("nothing is missing from a spool whose mail is finished, also after a restart or when it is compacted", async () => {
  const machine = await withMail(1000);
  const finish = await openSpool(smallSpool(machine.disk.files(), "dsync"));
  for (let n = 1; n <= 12; n++) await finish.commit([delivered(evpidOf(mail(n), 1))]);
  await finish.close();
  const idle = await openSpool(smallSpool(machine.disk.files(), "dsync"));
  for await (const _ of idle.recovered());
  await idle.close();
  assert.equal(await machine.run("verify"), 0);
  assert.equal(await machine.run("compact"), 0);
  assert.equal(await machine.run("verify"), 0);
  const none = "0 messages, 0 envelopes, 0 damaged places";
  assert.deepEqual(machine.said, [none, "compacted", none]);
});

test("a folder that is no spool, and operands too many or too few, are one line each", async () => {
  const machine = new Machine();
  await machine.disk.files().rename("/spool/journal", "/elsewhere");
  assert.equal(await machine.run("verify"), 2);
  assert.equal(await machine.run("verify", "x"), 2);
  assert.equal(await machine.run("import", "a", "b"), 2);
  assert.equal(await machine.run("import", "--mbox", "x"), 2);
  assert.deepEqual(machine.said, [
    "smtpctl: /spool: there is no spool here",
    "smtpctl: wrong operands\nusage: smtpctl spool verify [-f file] [--state dir]",
    "smtpctl: wrong operands\nusage: smtpctl import opensmtpd [-f file] [--state dir] [folder]",
    "smtpctl: wrong operands\nusage: smtpctl import opensmtpd [-f file] [--state dir] [folder]",
  ]);
});

test("a configuration that is wrong is shown in lines, with the caret below its column", async () => {
  const machine = new Machine();
  machine.read = async (_choice, complain) => {
    complain("smtpd.conf:1:3: Unknown word: \u001b[2J\n  \taction\n  \t^");
    return undefined;
  };
  assert.equal(await machine.run("verify", "-f", "smtpd.conf"), 2);
  assert.deepEqual(machine.said, [
    "smtpd.conf:1:3: Unknown word: \\033[2J\n  \taction\n  \t^",
    "smtpctl: smtpd.conf cannot be used",
  ]);
});
