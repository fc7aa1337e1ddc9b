/** The process that answers smtpctl(8) (control-role.ts). */
import { startControlRole } from "./control-role.ts";
import { runRole } from "./role-process.ts";

runRole("control", () => startControlRole);
