/** The process of one user's deliveries (agent.ts). */
import { nodeCommands } from "#world/node/commands.ts";
import { filesAtOnce, filesTogether } from "#world/node/files-at-once.ts";
import { agentRole } from "./agent.ts";
import { runRole } from "./role-process.ts";

runRole("agent", () =>
  agentRole({
    commands: nodeCommands(),
    filesAtOnce: filesAtOnce(),
    filesTogether: filesTogether(),
    pid: process.pid,
  }),
);
