/**
 * Policies on disk, one file for each domain, so that a restart takes no policy back.
 *
 * A file has a line of ours (domain, id, when it was fetched) and the text as it came, which
 * is read again as what the network says: the folder is believed in nothing else.
 */
import { createHash } from "node:crypto";
import type { Files } from "#base/ports/files.ts";
import { isHostName } from "#protocols/mail/domain.ts";
import { MAX_STS_POLICY_BYTES, parseStsPolicy, type StsPolicy } from "#protocols/sts/sts-policy.ts";
import { FetchedFiles } from "#engine/staples/fetched-files.ts";

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
  readonly #kept: FetchedFiles;

  /** @param folder undefined: nothing is kept. */
  constructor(files: Files, folder: string | undefined) {
    this.#kept = new FetchedFiles(files, folder, MAX_HEADER_BYTES + MAX_STS_POLICY_BYTES);
  }

  async readAll(most: number): Promise<readonly KeptPolicy[]> {
    const kept: KeptPolicy[] = [];
    const names = (await this.#kept.names()).filter((name) => NAME.test(name));
    for (const name of names.slice(0, most)) {
      const bytes = await this.#kept.read(name);
      const read = bytes && parseKept(Buffer.from(bytes).toString("latin1"));
      if (read !== undefined && fileName(read.domain) === name) kept.push(read);
    }
    return kept;
  }

  /** The string says why it could not be kept. */
  write({ domain, id, fetchedAtMs }: KeptPolicy, text: string): Promise<string | undefined> {
    const bytes = Buffer.from(`${domain} ${id} ${fetchedAtMs}\n${text}`, "latin1");
    return this.#kept.write(fileName(domain), bytes);
  }

  remove(domain: string): Promise<void> {
    return this.#kept.remove(fileName(domain));
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
