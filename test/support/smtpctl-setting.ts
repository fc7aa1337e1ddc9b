/** What smtpctl finds around it in a script: nobody to ask, nobody who interrupts, no spool. */
import type { SmtpctlSetting } from "#programs/smtpctl-run.ts";

export const NOBODY_AT_THE_TERMINAL: Pick<SmtpctlSetting, "confirm" | "interruption" | "offline"> =
  {
    confirm: undefined,
    interruption: () => new AbortController().signal,
    offline: { answer: async () => undefined },
  };
