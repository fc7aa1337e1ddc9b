/** Recipients, and what they come to, for tests of rules and lists. */
import { ABSENT, found } from "#base/lookup.ts";
import type { Users } from "#base/ports/users.ts";
import type { ForwardFile, ForwardFiles } from "#model/forward-file.ts";
import { listedText } from "#model/envelope.ts";
import type { PlannedEnvelope, RecipientQuery, Resolution } from "#model/resolution.ts";
import type { Config } from "#model/config/config.ts";
import { configOfText } from "./config-of.ts";

/** Accounts of people, and root. */
export const USERS: Users = {
  lookup(name) {
    const uid = name === "root" ? 0 : 1000;
    const isThere = ["ann", "bob", "carl", "dan", "eve", "fay", "gil", "hal", "root"].includes(
      name,
    );
    return Promise.resolve(
      isThere ? found({ name, uid, gid: uid, home: `/home/${name}` }) : ABSENT,
    );
  },
};

export type Files = Readonly<Record<string, string>>;

/** Forward files by user; a text, or another answer. */
export function forwardFiles(files: Readonly<Record<string, string | ForwardFile>>): ForwardFiles {
  return {
    read(_, user) {
      const file = files[user];
      if (typeof file === "string") return Promise.resolve({ kind: "found", text: file });
      return file ?? ABSENT;
    },
  };
}

/** @throws if there is an error in `text`. */
export function readConfig(text: string, files: Files): Config {
  return configOfText(text, { files, machine: { serverName: "mx.example" } });
}

export function queryFor(forwardPath: string): RecipientQuery {
  const origin = {
    kind: "smtp",
    address: "203.0.113.9",
    hostname: "client.example",
    helo: "client.example",
    fcrdns: "fail",
    tag: "",
    username: "",
    tls: undefined,
  } as const;
  return { origin, via: "tcp", tls: false, reversePath: "a@client.example", forwardPath };
}

/** `ACTION USER+EXTENSION <DESTINATION> by STEP, STEP`. */
function envelopeText({ action, transport, destination, trail }: PlannedEnvelope): string {
  const extension = transport.kind === "mda" && transport.extension;
  const user = transport.kind === "mda" ? ` ${transport.user}` : "";
  const listed = transport.kind === "mda" && transport.listed;
  const steps = trail.map(({ by, source, key }) => [by, source, key].join(" ").trim());
  const by = steps.length === 0 ? "" : ` by ${steps.join(", ")}`;
  return `${action}${user}${extension ? `+${extension}` : ""}${listed ? ` ${listedText(listed)}` : ""} <${destination}>${by}`;
}

export function resolutionText(resolution: Resolution): readonly string[] | string {
  if (resolution.kind === "accepted") return resolution.envelopes.map(envelopeText);
  if (resolution.kind === "said") return `said: ${resolution.code} ${resolution.text}`;
  return `${resolution.kind}: ${resolution.why}`;
}
