/** The process of a dispatcher (dispatcher.ts). */
import { nodeTls } from "#world/node/tls/tls.ts";
import { dispatcherRole } from "./dispatcher.ts";
import { runRole } from "./role-process.ts";

runRole("dispatcher", () => dispatcherRole(nodeTls()));
