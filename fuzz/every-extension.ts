/** A server that offers all there is, so that all parameters are parsed. */
import type { Extensions } from "#protocols/smtp/extensions.ts";

export const EVERY_EXTENSION: Extensions = {
  dsn: true,
  smtpUtf8: true,
  chunking: true,
  binaryMime: true,
  requireTls: true,
  limits: true,
  mtPriority: true,
  deliverByMinSeconds: 0,
  futureRelease: { maxSeconds: 86_400, untilMs: 4_000_000_000_000 },
  xclient: true,
  xforward: true,
};
