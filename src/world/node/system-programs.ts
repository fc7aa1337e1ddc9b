/**
 * Where the system's programs are: getent(1), logger(1), and those of util-linux.
 *
 * Who is root decides for itself whose programs it runs: not its PATH, which is whatever its
 * caller had. It is the same for everybody, so that what is tried as a user is what root has.
 */
import { existsSync } from "node:fs";

const FOLDERS: readonly string[] = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];

/** For a program of the system that starts others itself. */
export const SYSTEM_PATH: string = FOLDERS.join(":");

/** The absolute path of a program; undefined: this system has none of that name. */
export function systemProgram(name: string): string | undefined {
  return FOLDERS.map((folder) => `${folder}/${name}`).find((path) => existsSync(path));
}
