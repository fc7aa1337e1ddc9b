/** The process of the queue (queue.ts). */
import { startQueue } from "./queue.ts";
import { runRole } from "./role-process.ts";

runRole("queue", () => startQueue);
