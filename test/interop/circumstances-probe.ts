/**
 * Run in the place of a role by processes-confined.test.ts, with the user, the command and the
 * limits of that: tries what the role must not be able to do, and prints a line for each try,
 * its name and "done" or why not. It is told what to try by its last words, `name=argument`,
 * and begins when its standard input ends. It imports nothing of the project, which its user
 * may not be able to read.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { umask } from "node:process";
import { setTimeout as after } from "node:timers/promises";

const NETWORK_WITHIN_MS = 2_000;

const TRIES: Readonly<Record<string, (argument: string) => unknown>> = {
  read: (path) => readFileSync(path),
  list: (path) => readdirSync(path),
  write: (path) => writeFileSync(path, "x"),
  start: (program) => execFileSync(program),
  signal: (pid) => process.kill(Number(pid), 0),
  connect: (port) => connected({ host: "127.0.0.1", port: Number(port) }),
  "connect-socket": (path) => connected({ path }),
  "see-memory": (pid) => readFileSync(`/proc/${pid}/mem`),
  "see-environment": (pid) => readFileSync(`/proc/${pid}/environ`),
  become: (uid) => process.setuid?.(Number(uid)),
};

// The threads for files and hashes, as role-process.ts begins them before the role runs.
await new Promise((resolve) => {
  import("node:crypto")
    .then(({ randomFill }) => randomFill(new Uint8Array(1), resolve))
    .catch(resolve);
});
say(`umask: ${umask().toString(8)}`);
say("waiting");
await new Promise((resolve) => process.stdin.once("end", resolve).resume());
for (const word of process.argv.slice(2)) {
  const at = word.indexOf("=");
  const act = TRIES[word.slice(0, at)];
  if (act === undefined) continue;
  try {
    await act(word.slice(at + 1));
    say(`${word}: done`);
  } catch (error) {
    say(`${word}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
  }
}

async function connected(
  to: { readonly host: string; readonly port: number } | { readonly path: string },
): Promise<void> {
  const client = connect(to);
  const late = after(NETWORK_WITHIN_MS, "late", { ref: false });
  const outcome = await Promise.race([
    late,
    new Promise<"connected" | Error>((resolve) => {
      client.once("connect", () => resolve("connected"));
      client.once("error", resolve);
    }),
  ]);
  client.destroy();
  if (outcome instanceof Error) throw outcome;
  if (outcome === "late") throw new Error("no answer");
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
