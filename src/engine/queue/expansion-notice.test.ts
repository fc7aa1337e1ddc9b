import assert from "node:assert/strict";
import { test } from "node:test";
import type { NotifyWord } from "#protocols/smtp/rcpt-options.ts";
import type { Envelope, TrailStep } from "#model/envelope.ts";
import { MailSystem } from "#test/system/mail-system.ts";

const LIST: readonly TrailStep[] = [
  { by: "alias", source: "aliases", key: "staff", rule: "smtpd.conf:3" },
];

interface Sent {
  readonly system: MailSystem;
  /** NOTIFY of what is in the queue, by destination. */
  readonly asked: Readonly<Record<string, readonly NotifyWord[] | undefined>>;
}

/** Sends a message whose recipient staff@example.com became `destinations`. */
async function send(
  destinations: readonly string[],
  notify: readonly NotifyWord[] | undefined,
  system: MailSystem = new MailSystem(1),
): Promise<Sent> {
  system.queue.pause("mta");
  system.queue.pause("mda");
  const [msgid = ""] = system.queue.reserveMsgids(1);
  const text = Buffer.from("Subject: hello\r\n\r\nhello\r\n");
  const letter = { to: destinations, ...(notify && { notify }) };
  const envelopes: readonly Envelope[] = system.envelopes(msgid, letter).map((envelope) => ({
    ...envelope,
    forwardPath: "staff@example.com",
    trail: LIST,
  }));
  const message = { ...system.message(msgid, letter), textBytes: text.length };
  assert.equal((await system.queue.accept(message, envelopes, [text])).kind, "accepted");
  const asked: Record<string, readonly NotifyWord[] | undefined> = {};
  for (const entry of system.spool.entries) {
    if (entry.kind !== "accepted") continue;
    for (const { destination, terms } of entry.envelopes) asked[destination] = terms?.notify;
  }
  return { system, asked };
}

test("A list that is reported is told once, in the batch of its message, and its members no more", async () => {
  const { system, asked } = await send(["bob@a.example", "carol@b.example"], ["success", "delay"]);
  assert.deepEqual(
    system.seen("bounce").map(({ action }) => action),
    ["expanded"],
  );
  assert.deepEqual(asked, {
    "bob@a.example": ["delay"],
    "carol@b.example": ["delay"],
    "alice@example.com": undefined,
  });
});

test("Members of a list for which only SUCCESS was asked are told of nothing", async () => {
  const { asked } = await send(["bob@a.example", "carol@b.example"], ["success"]);
  assert.deepEqual(asked["bob@a.example"], ["never"]);
});

test("What leads to one address alone is no list, and nor is what nobody asked about", async () => {
  const alone = await send(["bob@a.example"], ["success"]);
  assert.deepEqual(
    [alone.system.seen("bounce"), alone.asked],
    [[], { "bob@a.example": ["success"] }],
  );
  const unasked = await send(["bob@a.example", "carol@b.example"], ["failure"]);
  assert.deepEqual(unasked.system.seen("bounce"), []);
});

test("Where a list cannot be reported now, each member is, when it was delivered", async () => {
  const system = new MailSystem(2);
  system.resolve = () => ({ kind: "unavailable", why: "down" });
  const { asked } = await send(["bob@a.example", "carol@b.example"], ["success"], system);
  assert.deepEqual(asked, { "bob@a.example": ["success"], "carol@b.example": ["success"] });
  assert.deepEqual(system.seen("bounce-dropped"), []);
});
