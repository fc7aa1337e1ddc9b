/** What a configuration means, without where it was written: to compare two of them. */
import { isAnonymousName } from "#model/config/anonymous-table.ts";
import type { Config } from "#model/config/config.ts";

/** Plain values; what was one object is written out at each use. */
export function meaningOf(config: Config): unknown {
  return strip(config);
}

function strip(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Map) {
    const entries = [...value].filter(([key]) => !isAnonymous(key));
    return entries.map(([key, each]: [unknown, unknown]) => [key, strip(each)]);
  }
  if (Array.isArray(value)) return value.map(strip);
  const kept = Object.entries(value).filter(([key]) => key !== "at" && key !== "places");
  // Tables without a name are numbered as they come.
  return Object.fromEntries(
    kept.map(([key, each]) => [key, key === "name" && isAnonymous(each) ? "" : strip(each)]),
  );
}

function isAnonymous(name: unknown): boolean {
  return typeof name === "string" && isAnonymousName(name);
}
