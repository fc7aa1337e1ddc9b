/** The process that checks passwords of the system's users (system-auth.ts). */
import { nodeChildren } from "#world/node/children.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeSystemPasswords } from "#world/node/system-passwords.ts";
import { nodeUsers } from "#world/node/users.ts";
import { runRole } from "./role-process.ts";
import { systemAuthRole } from "./system-auth.ts";

const passwords = nodeSystemPasswords(nodeUsers(nodeChildren(), nodeClock()));

runRole("auth", () => systemAuthRole(passwords));
