/** How the parts of the running configuration travel to smtpctl: without its secrets. */
import { type Codec, oneOf, optional, struct, text, u32 } from "#base/codec.ts";
import { MAX_OUTLINE_TEXT, type OutlineItem, SECTIONS } from "#model/config/outline.ts";
import type { Place } from "#model/config/place.ts";

/** Names and paths of a configuration: PATH_MAX of Linux, limits.h(0p). */
const MAX_NAME_BYTES = 4096;
/** A unit of UTF-16 is three bytes at most. */
const MAX_TEXT_BYTES: number = 3 * MAX_OUTLINE_TEXT;
const MAX_DIGEST_BYTES = 128;

const place: Codec<Place> = struct<Place>({ file: text(MAX_NAME_BYTES), line: u32, column: u32 });

export const outlineItemCodec: Codec<OutlineItem> = struct<OutlineItem>({
  section: oneOf(SECTIONS),
  name: text(MAX_NAME_BYTES),
  text: text(MAX_TEXT_BYTES),
  at: optional(place),
  digest: text(MAX_DIGEST_BYTES),
});
