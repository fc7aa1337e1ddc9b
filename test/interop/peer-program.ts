/**
 * Other people's programs: whether they are installed, and running them to their end.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { text } from "node:stream/consumers";

const FOLDERS: readonly string[] = ["/usr/bin", "/usr/sbin", "/bin", "/usr/local/bin"];

/** `node:test`'s `skip`: a sentence that names the program, or false if it is installed. */
export function unlessInstalled(program: string): string | false {
  return pathOf(program) === undefined ? `${program} is not installed` : false;
}

/** Where `program` is; its name alone if it is not there. */
export function programPath(program: string): string {
  return pathOf(program) ?? program;
}

function pathOf(program: string): string | undefined {
  if (program.startsWith("/")) return existsSync(program) ? program : undefined;
  return FOLDERS.map((folder) => `${folder}/${program}`).find((path) => existsSync(path));
}

export interface Finished {
  readonly code: number;
  /** Standard output, then standard error. */
  readonly output: string;
}

/** Runs `command` with `input` on its standard input, to its end. */
export async function run(command: readonly string[], input = ""): Promise<Finished> {
  const [program = "", ...args] = command;
  const child = spawn(programPath(program), args, { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.on("error", () => undefined); // It may end without reading everything.
  child.stdin.end(input);
  const [code, output, errors] = await Promise.all([
    endOf(child),
    text(child.stdout),
    text(child.stderr),
  ]);
  return { code, output: output + errors };
}

/** The exit status of `child`, or -1 if a signal ended it. */
export function endOf(child: ChildProcess): Promise<number> {
  if (child.exitCode !== null) return Promise.resolve(child.exitCode);
  if (child.signalCode !== null) return Promise.resolve(-1);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? -1));
  });
}
