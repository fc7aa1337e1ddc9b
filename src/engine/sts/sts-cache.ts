/**
 * Policies on disk, one file for each domain, so that a restart takes no policy back.
 *
 * A file has a line of ours (domain, id, when it was fetched) and the text as it came, which
 * is read again as what the network says: the folder is believed in nothing else. Nothing is
 * synced: a file that is lost or torn is fetched again. Faults of the disk are as if nothing
 * were there.
 */
import { createHash } from "node:crypto";
import { join } from "node:path/posix";
import { type Files, FilesError } from "#base/ports/files.ts";
import { isHostName } from "#protocols/mail/domain.ts";
import { MAX_STS_POLICY_BYTES, parseStsPolicy, type StsPolicy } from "#protocols/sts/sts-policy.ts";

export interface KeptPolicy {
  /** In lower case. */
  readonly domain: string;
  /** Of the record that it was fetched for. */
  readonly id: string;
  readonly policy: StsPolicy;
  readonly fetchedAtMs: number;
  /** By the wall clock. */
  readonly untilMs: number;
}

const NAME = /^[0-9a-f]{64}\.sts$/u;
const HEADER = /^([^ ]+) ([A-Za-z0-9]{1,32}) (\d{1,15})$/u;
const MAX_HEADER_BYTES = 512;

export class StsCache {
  readonly #files: Files;
  /** Undefined: nothing is kept. */
  readonly #folder: string | undefined;

  constructor(files: Files, folder: string | undefined) {
    this.#files = files;
    this.#folder = folder;
  }

  async readAll(most: number): Promise<readonly KeptPolicy[]> {
    const folder = this.#folder;
    if (folder === undefined) return [];
    const kept: KeptPolicy[] = [];
    await faultOf(async () => {
      const names = (await this.#files.list(folder)).filter((name) => NAME.test(name));
      for (const name of names.slice(0, most)) {
        const read = await this.#read(join(folder, name));
        if (read !== undefined && fileName(read.domain) === name) kept.push(read);
      }
    });
    return kept;
  }

  /** The string says why it could not be kept. */
  async write({ domain, id, fetchedAtMs }: KeptPolicy, text: string): Promise<string | undefined> {
    const path = this.#path(domain);
    if (path === undefined) return undefined;
    return faultOf(async () => {
      await faultOf(() => this.#files.unlink(`${path}.new`));
      const file = await this.#files.open(`${path}.new`, "create", 0o600);
      try {
        await file.write([Buffer.from(`${domain} ${id} ${fetchedAtMs}\n${text}`, "latin1")], 0);
      } finally {
        await file.close();
      }
      await this.#files.rename(`${path}.new`, path);
    });
  }

  async remove(domain: string): Promise<void> {
    const path = this.#path(domain);
    if (path !== undefined) await faultOf(() => this.#files.unlink(path));
  }

  async #read(path: string): Promise<KeptPolicy | undefined> {
    let bytes: Uint8Array = new Uint8Array();
    const fault = await faultOf(async () => {
      const file = await this.#files.open(path, "read");
      try {
        bytes = await file.read(0, MAX_HEADER_BYTES + MAX_STS_POLICY_BYTES);
      } finally {
        await file.close();
      }
    });
    return fault === undefined ? parseKept(Buffer.from(bytes).toString("latin1")) : undefined;
  }

  #path(domain: string): string | undefined {
    return this.#folder === undefined ? undefined : join(this.#folder, fileName(domain));
  }
}

function fileName(domain: string): string {
  return `${createHash("sha256").update(domain).digest("hex")}.sts`;
}

function parseKept(content: string): KeptPolicy | undefined {
  const end = content.indexOf("\n");
  const [, domain = "", id = "", fetched = ""] = HEADER.exec(content.slice(0, end)) ?? [];
  const policy = parseStsPolicy(content.slice(end + 1));
  if (!isHostName(domain) || typeof policy === "string") return undefined;
  const fetchedAtMs = Number(fetched);
  return { domain, id, policy, fetchedAtMs, untilMs: fetchedAtMs + policy.maxAgeSeconds * 1000 };
}

async function faultOf(work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof FilesError) return error.message;
    throw error;
  }
}
