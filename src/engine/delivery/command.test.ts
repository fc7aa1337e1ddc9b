/** MDA-05, MDA-06: how a command ends, and what it says, by the codes of sysexits.h. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { envelopeOf, messageOf, textOf } from "#test/support/deliveries.ts";
import { SimClock } from "#world/sim/clock.ts";
import { ended, SimCommands } from "#world/sim/commands.ts";
import { deliverCommand, meaningOf } from "./command.ts";

const CODES: readonly (readonly [codes: readonly number[], outcome: string, status: string])[] = [
  [[0], "delivered", "2.0.0"],
  [[1, 2, 63, 64, 66, 70, 72, 74, 79, 99, 100, 125], "failed", "5.3.0"],
  [[65], "failed", "5.6.0"],
  [[67], "failed", "5.1.1"],
  [[68], "failed", "5.1.2"],
  [[69], "failed", "5.2.1"],
  [[73], "failed", "5.2.0"],
  [[76], "failed", "5.5.0"],
  [[77], "failed", "5.7.0"],
  [[78], "failed", "5.3.5"],
  [[71, 75, 126, 127, 128, 137, 139, 255], "deferred", "4.3.0"],
];

for (const [codes, outcome, status] of CODES) {
  test(`a command that exits with ${codes.join(", ")} is ${outcome}, ${status}`, () => {
    for (const code of codes) {
      const end = meaningOf(ended(code, "words"));
      assert.deepEqual([end.outcome, end.status], [outcome, status], String(code));
      assert.equal(end.diagnostic, code === 0 ? "Delivered" : "words");
    }
  });
}

test("whatever keeps a command from ending by itself is tried again", () => {
  for (const end of [
    { kind: "killed", signal: "SIGKILL" },
    { kind: "timed-out" },
    { kind: "too-much-output" },
    { kind: "stopped" },
    { kind: "not-started", cause: new Error("EAGAIN") },
  ] as const)
    assert.equal(meaningOf(end).outcome, "deferred", end.kind);
});

test("MDA-05: nothing that a command says moves a terminal or makes a second line", () => {
  const said = "\u001B[31mred\u0007\u2028x\u009B\u202Ey\uFEFF";
  assert.equal(meaningOf(ended(69, said)).diagnostic, "?[31mred??x??y?");
  assert.equal(meaningOf(ended(69, "  ")).diagnostic, "Command exited with 69");
});

test("a command has Return-Path, Delivered-To and the text in LF, and runs where it is told", async () => {
  const commands = new SimCommands(new SimClock());
  let read = "";
  commands.set("/bin/deliver", (input) => {
    read = input;
    return ended(0);
  });
  const text = textOf("Subject: x\r\n\r\nhello\r\n", 4);
  const delivery = { message: messageOf(text), envelope: envelopeOf("bob@y.example"), text };
  const command = { command: "/bin/deliver", environment: { A: "b" }, folder: "/home/bob" };
  assert.equal((await deliverCommand(commands, command, delivery)).outcome, "delivered");
  assert.equal(
    read,
    "Return-Path: <sender@client.example>\nDelivered-To: bob@y.example\nSubject: x\n\nhello\n",
  );
  const [order] = commands.orders;
  assert.deepEqual([order?.environment, order?.folder], [{ A: "b" }, "/home/bob"]);
});

test("a text that is cut short kills the command, and mail that loops starts none", async () => {
  const commands = new SimCommands(new SimClock());
  commands.set("x", () => ended(0));
  const command = { command: "x", environment: {}, folder: "/" };
  const short = { ...textOf("x\r\n"), bytes: 9 };
  const envelope = envelopeOf("bob@y.example");
  const cut = { message: messageOf(short), envelope, text: short };
  assert.equal((await deliverCommand(commands, command, cut)).outcome, "deferred");
  const again = textOf("Delivered-To: bob@y.example\r\n\r\n");
  const looping = { message: messageOf(again), envelope, text: again };
  assert.equal((await deliverCommand(commands, command, looping)).outcome, "loop");
  assert.equal(commands.orders.length, 1);
});
