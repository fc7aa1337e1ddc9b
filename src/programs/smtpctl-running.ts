/**
 * What the running daemon says of its own configuration: what it would do with a message
 * (`smtpctl explain`), and what it consists of (`smtpctl config diff`).
 */
import type { Network } from "#base/ports/network.ts";
import type { Outline, OutlineItem } from "#model/config/outline.ts";
import type { ExplainFault, Explanation, ExplainQuestion } from "#model/explanation.ts";
import type { ControlRequest } from "#model/ipc/control-link.ts";
import { questionFault } from "#model/ipc/explain-link.ts";
import { converse, type Part } from "./smtpctl-conversation.ts";
import type { StatePaths } from "./state-paths.ts";

export interface RunningDaemon {
  readonly explain: (
    question: ExplainQuestion,
    stateFolder: string | undefined,
  ) => Promise<Explanation | ExplainFault>;
  /** Without its secrets; a string says why there is none. */
  readonly outline: (stateFolder: string | undefined) => Promise<Outline | string>;
}

export function runningDaemon(
  network: Network,
  pathsOf: (stateFolder: string | undefined) => StatePaths,
): RunningDaemon {
  const ask = async (
    request: ControlRequest,
    stateFolder: string | undefined,
    take: (part: Part) => void,
  ): Promise<string | undefined> => {
    const socketPath = pathsOf(stateFolder).controlSocket;
    const end = await converse(
      network,
      { socketPath, request },
      { take, drained: () => undefined },
    );
    if (end.kind !== "done") return end.why;
    return end.ok ? undefined : end.text;
  };
  return {
    async explain(question, stateFolder) {
      const wrong = questionFault(question);
      if (wrong !== undefined) return fault(wrong);
      let answer: Explanation | ExplainFault = fault("smtpd has not answered");
      const why = await ask({ kind: "explain", question }, stateFolder, (part) => {
        if (part.kind === "explained") answer = part.answer;
      });
      return why === undefined ? answer : fault(why);
    },
    async outline(stateFolder) {
      const items: OutlineItem[] = [];
      const why = await ask({ kind: "outline" }, stateFolder, (part) => {
        if (part.kind === "outlined") items.push(part.item);
      });
      return why ?? items;
    },
  };
}

function fault(why: string): ExplainFault {
  return { kind: "explain-fault", why };
}
