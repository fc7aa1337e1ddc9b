/**
 * A configuration as bytes, to send from the parent to its children.
 *
 * What is one object stays one: a table that three rules use is there once, and so it
 * is again when it has been read. Maps stay maps. The result is frozen, whatever the
 * other side did.
 *
 * The bytes are for processes of one daemon, which run the same Node: they are
 * nothing to keep in a file.
 */
import { deserialize, serialize } from "node:v8";
import type { Config } from "./config.ts";
import { deepFreeze } from "./freeze.ts";

export function serialiseConfig(config: Config): Uint8Array {
  return serialize(config);
}

/** Reads what `serialiseConfig` wrote. @throws {TypeError} if it is anything else. */
export function deserialiseConfig(bytes: Uint8Array): Config {
  let value: unknown;
  try {
    value = deserialize(bytes);
  } catch (cause) {
    throw new TypeError("Cannot read configuration: it is not in serialised form", { cause });
  }
  if (!isConfig(value)) throw new TypeError("Cannot read configuration: it is something else");
  return deepFreeze(value);
}

function isConfig(value: unknown): value is Config {
  if (typeof value !== "object" || value === null) return false;
  return "rules" in value && "actions" in value && value.actions instanceof Map;
}
