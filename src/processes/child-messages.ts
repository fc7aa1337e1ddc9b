/**
 * What the parent does with each message of a child. A child is not trusted: what it asks
 * for is decided by whoever answers, with the parent's own copy of the configuration.
 */
import type { Users } from "#base/ports/users.ts";
import type { NumberedRequest } from "#model/ipc/control-link.ts";
import type { ChildToParent } from "#model/ipc/parent-link.ts";
import type { Agents } from "./agents.ts";
import type { Destroyable } from "./child.ts";
import type { ConfigSwap } from "./config-swap.ts";
import type { AccountRequest } from "./delivery-accounts.ts";
import type { DispatcherQuestions } from "./dispatcher-questions.ts";
import type { Joins } from "./joins.ts";
import { answerControl, type DaemonHandles } from "./parent-control.ts";
import type { ParentTables } from "./parent-tables.ts";
import type { Sibling } from "./siblings.ts";
import type { Supervised } from "./supervised.ts";

export interface MessageTakers<End extends Destroyable> {
  readonly users: Users;
  readonly agents: Agents<End>;
  readonly questions: DispatcherQuestions<End>;
  readonly swap: ConfigSwap<End>;
  readonly joins: Joins<End>;
  readonly tables: ParentTables;
  readonly daemon: DaemonHandles;
  /** A dispatcher accepts clients. */
  listening(dispatcher: Supervised<End>): void;
  cannotStart(child: Supervised<End>, why: string): void;
  warn(text: string): void;
}

export async function takeMessage<End extends Destroyable>(
  sibling: Sibling<End>,
  message: ChildToParent,
  takers: MessageTakers<End>,
): Promise<void> {
  const child = sibling.process;
  if (message.kind === "user-wanted") {
    const answer = await takers.users.lookup(message.name);
    child.send({ kind: "user", request: message.request, answer });
  } else if (message.kind === "agent-wanted") {
    await connectAgent(child, message, takers);
  } else if (message.kind === "control") {
    await answerClient(sibling, message.request, takers.daemon);
  } else if (message.kind !== "warrant-wanted" && message.kind !== "warrant-done") {
    // Warrants are for agents, who are no siblings (delivery-rights.ts).
    takeAnswer(sibling, message, takers);
  }
}

type Question = ChildToParent & {
  readonly kind: "user-wanted" | "agent-wanted" | "control" | "warrant-wanted" | "warrant-done";
};

/** What a child answers, and its news. */
function takeAnswer<End extends Destroyable>(
  { process: child, role }: Sibling<End>,
  message: Exclude<ChildToParent, Question>,
  takers: MessageTakers<End>,
): void {
  switch (message.kind) {
    case "counters":
    case "explained":
      takers.questions.answered(child, message);
      return;
    case "prepared":
    case "taken-up":
      takers.swap.answered(child, message);
      return;
    case "joined":
      takers.joins.arrived(message.number);
      return;
    case "listening":
      takers.listening(child);
      return;
    case "tables-fault":
      takers.cannotStart(child, message.why);
      return;
    case "table-answered":
      if (role === "lookup") takers.tables.answered(message.answer);
      return;
    // Those are for Supervised.
    case "starting":
    case "ready":
    case "stopped":
    case "cannot-start":
      return;
  }
}

async function connectAgent<End extends Destroyable>(
  child: Supervised<End>,
  { action, user }: AccountRequest,
  takers: MessageTakers<End>,
): Promise<void> {
  const dispatcher = child.child;
  if (dispatcher === undefined) {
    // It is ending: a delivery that has not begun waits for the next start.
    child.send({ kind: "agent-refused", action, user, why: "The daemon is stopping" });
    return;
  }
  const refusal = await takers.agents.connect({ action, user }, dispatcher);
  if (refusal === undefined) return;
  takers.warn(`${child.name}: no delivery agent for ${JSON.stringify(user)}: ${refusal}`);
  child.send({ kind: "agent-refused", action, user, why: refusal });
}

/** What a client of smtpctl(8) has asked the parent, by way of the control process and of no other. */
async function answerClient<End extends Destroyable>(
  { process: control, role }: Sibling<End>,
  { id, request }: NumberedRequest,
  daemon: DaemonHandles,
): Promise<void> {
  if (role !== "control") return;
  for (const answer of await answerControl(request, daemon))
    control.send({ kind: "control", answer: { id, answer } });
}
