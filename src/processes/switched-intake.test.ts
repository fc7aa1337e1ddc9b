import assert from "node:assert/strict";
import { test } from "node:test";
import type { IntakeRequest } from "#model/ipc/queue-link.ts";
import { RemoteIntake } from "./remote-intake.ts";
import { SwitchedIntake } from "./switched-intake.ts";

function intakeWith(msgid: string): RemoteIntake {
  const intake = new RemoteIntake((_request: IntakeRequest) => undefined);
  intake.reply({ kind: "msgids", msgids: [msgid] });
  intake.reply({ kind: "room", freeBytes: 100 });
  return intake;
}

test("without a queue nothing can be opened, but that is not a full disk", () => {
  const intake = new SwitchedIntake();
  assert.equal(intake.open(), undefined);
  assert.equal(intake.hasRoom(1_000_000), true);
});

test("the queue that is there now takes the mail", () => {
  const intake = new SwitchedIntake();
  intake.use(intakeWith("0000000a"));
  assert.equal(intake.hasRoom(1_000), false);
  intake.use(intakeWith("0000000b"));
  assert.equal(intake.open()?.msgid, "0000000b");
});

test("the end of an old queue does not take the new one away", () => {
  const intake = new SwitchedIntake();
  const old = intakeWith("0000000a");
  intake.use(old);
  intake.use(intakeWith("0000000b"));
  intake.drop(old);
  assert.equal(intake.open()?.msgid, "0000000b");
});

test("after the last queue has gone there is none", () => {
  const intake = new SwitchedIntake();
  const only = intakeWith("0000000a");
  intake.use(only);
  intake.drop(only);
  assert.equal(intake.open(), undefined);
});
