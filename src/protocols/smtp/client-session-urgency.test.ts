import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { EHLO, type Story, tellStory } from "#test/support/client-stories.ts";
import { lateness, type MailDeadline, urgencyParameters } from "./client-session-urgency.ts";
import { NO_EXTENSIONS } from "./client-session-extensions.ts";
import { NO_EXTENSIONS as NOTHING_OFFERED } from "./extensions.ts";
import { parseMailOptions } from "./mail-options.ts";
import { parseParameters } from "./parameters.ts";

/** Stories happen at 0. */
function by(seconds: number, mode: MailDeadline["mode"], trace = false): MailDeadline {
  return { atMs: seconds * 1000, mode, trace };
}

type Urgency = NonNullable<NonNullable<Story["mail"]>["urgency"]>;

/** `sent`: the parameters of MAIL, or why nothing is sent. */
interface Case {
  readonly name: string;
  readonly urgency: Urgency;
  readonly offer: string;
  readonly sent: string;
  readonly dialect?: "lmtp";
}

const NEEDS_IT = "unsendable Message needs DELIVERBY, which the server does not offer";
const TOO_LATE = "unsendable Message cannot be delivered by the time that its sender has set";

const CASES: readonly Case[] = [
  {
    name: "hands on what is left of the time",
    urgency: { deliverBy: by(90.9, "return"), priority: 0 },
    offer: "DELIVERBY",
    sent: " BY=90;R",
  },
  {
    name: "hands on that the sender wants to hear of each step",
    urgency: { deliverBy: by(90, "notify", true), priority: 0 },
    offer: "DELIVERBY 60",
    sent: " BY=90;NT",
  },
  {
    name: "says of a time that is over how long it has been, where that loses nothing",
    urgency: { deliverBy: by(-5, "notify"), priority: 0 },
    offer: "DELIVERBY 60",
    sent: " BY=-5;N",
  },
  {
    name: "sends what the sender only wants to hear of to a server that keeps no times",
    urgency: { deliverBy: by(90, "notify"), priority: 0 },
    offer: "SIZE",
    sent: " SIZE=100",
  },
  {
    name: "sends nothing that must come back in time to a server that keeps no times",
    urgency: { deliverBy: by(90, "return"), priority: 0 },
    offer: "SIZE",
    sent: NEEDS_IT,
  },
  {
    name: "sends nothing that must come back sooner than the server delivers",
    urgency: { deliverBy: by(59.9, "return"), priority: 0 },
    offer: "DELIVERBY 60",
    sent: TOO_LATE,
  },
  {
    name: "sends nothing whose last second has begun",
    urgency: { deliverBy: by(0.9, "return"), priority: 0 },
    offer: "DELIVERBY",
    sent: TOO_LATE,
  },
  {
    name: "takes a least time that is none for no least time",
    urgency: { deliverBy: by(1, "return"), priority: 0 },
    offer: "DELIVERBY soon",
    sent: " BY=1;R",
  },
  {
    name: "takes LMTP for delivery in time",
    urgency: { deliverBy: by(90, "return"), priority: 0 },
    offer: "SIZE",
    dialect: "lmtp",
    sent: " SIZE=100",
  },
  {
    name: "hands on a priority",
    urgency: { deliverBy: undefined, priority: -3 },
    offer: "MT-PRIORITY MIXER",
    sent: " MT-PRIORITY=-3",
  },
  {
    name: "sends mail of a priority to a server that knows none",
    urgency: { deliverBy: undefined, priority: 9 },
    offer: "DELIVERBY",
    sent: "",
  },
  {
    name: "hands on both",
    urgency: { deliverBy: by(7200, "return", true), priority: 4 },
    offer: "DELIVERBY/MT-PRIORITY",
    sent: " BY=7200;RT MT-PRIORITY=4",
  },
];

for (const { name, urgency, offer, sent, dialect = "smtp" } of CASES) {
  test(`client session ${name}`, () => {
    const happens = ["220 hi", `250-mx/${offer}`, "MAIL"];
    const does = tellStory({
      name,
      dialect,
      mail: { forwardPaths: ["b@y"], urgency },
      happens,
      does: [],
    });
    const hello = dialect === "lmtp" ? EHLO.replace("EHLO", "LHLO") : EHLO;
    const isRefusal = sent.startsWith("unsendable");
    assert.deepEqual(does, [hello, "ready", isRefusal ? sent : `MAIL FROM:<a@x>${sent}`]);
  });
}

test("what a client says of the time and the priority is what a server of ours reads", () => {
  const extensions = { ...NO_EXTENSIONS, deliverByMinSeconds: 0, mtPriority: true };
  const offered = { ...NOTHING_OFFERED, deliverByMinSeconds: 0, mtPriority: true };
  const deadline = fc.record({
    atMs: fc.integer({ min: 0, max: 4e12 }),
    mode: fc.constantFrom("return" as const, "notify" as const),
    trace: fc.boolean(),
  });
  const urgency = fc.record({ deliverBy: deadline, priority: fc.integer({ min: -9, max: 9 }) });
  fc.assert(
    fc.property(urgency, fc.integer({ min: 0, max: 4e12 }), (asked, nowMs) => {
      const session = { dialect: "smtp", extensions } as const;
      if (lateness(asked, session, nowMs) !== undefined) return;
      const said = parseParameters(urgencyParameters(asked, extensions, nowMs));
      const read = parseMailOptions(said ?? assert.fail("no parameters"), offered);
      assert.ok(!("code" in read), "read as it was written");
      const { mode, trace } = asked.deliverBy;
      assert.deepEqual([read.deliverBy?.mode, read.deliverBy?.trace], [mode, trace]);
      assert.equal(read.priority, asked.priority);
    }),
  );
});
