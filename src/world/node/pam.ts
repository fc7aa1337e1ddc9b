/**
 * pam_authenticate(3) for the service `smtpd`: whatever the administrator wants to have
 * asked. One check holds up the process that makes it, which does nothing else.
 *
 * The delay after a failure is taken out (pam_fail_delay(3)): who waits is the client, not
 * the next one's check. Prompts for the password get the password, all others nothing.
 *
 * Source: pam(3), pam_conv(3); Linux-PAM's security/_pam_types.h for the numbers.
 */
import type koffiModule from "koffi";
import type { PasswordVerdict } from "#base/ports/system-passwords.ts";

type Koffi = typeof koffiModule;

export type PamCheck = (user: string, password: string) => PasswordVerdict;

const SERVICE = "smtpd";
const PAM_SUCCESS = 0;
const PAM_BUF_ERR = 5;
const PAM_CONV_ERR = 19;
const PAM_SILENT = 0x8000;
const PAM_DISALLOW_NULL_AUTHTOK = 0x0001;
const PAM_PROMPT_ECHO_OFF = 1;
const PAM_FAIL_DELAY = 10;
/** PAM_MAX_NUM_MSG. */
const MAX_MESSAGES = 32;
/** No such module, no memory, no way to ask: what is not the user's fault (pam_authenticate(3)). */
const UNAVAILABLE: ReadonlySet<number> = new Set([1, 2, 3, 4, PAM_BUF_ERR, 9, 26, 28]);

/** Undefined where there is no PAM. */
export async function loadPam(): Promise<PamCheck | undefined> {
  try {
    const { default: koffi } = await import("koffi");
    return pamCheck(koffi);
  } catch {
    return undefined;
  }
}

function pamCheck(koffi: Koffi): PamCheck {
  const pam = koffi.load("libpam.so.0");
  const libc = koffi.load("libc.so.6");
  const message = koffi.struct("pam_message", { style: "int", text: "const char *" });
  const response = koffi.struct("pam_response", { text: "void *", code: "int" });
  const converse = koffi.proto(
    "int pam_converse(int count, void **messages, void **responses, void *data)",
  );
  const delay = koffi.proto("void pam_delay(int status, unsigned int microseconds, void *data)");
  koffi.struct("pam_conv", { converse: koffi.pointer(converse), data: "void *" });
  const calloc = libc.func("void *calloc(size_t count, size_t bytes)");
  const strdup = libc.func("void *strdup(const char *text)");
  const pamStart = pam.func(
    "int pam_start(const char *service, const char *user, const pam_conv *conv, _Out_ void **handle)",
  );
  const pamSetItem = pam.func("pam_set_item", "int", ["void *", "int", koffi.pointer(delay)]);
  const pamAuthenticate = pam.func("int pam_authenticate(void *handle, int flags)");
  const pamAccount = pam.func("int pam_acct_mgmt(void *handle, int flags)");
  const pamEnd = pam.func("int pam_end(void *handle, int status)");
  const noDelay = koffi.register(() => undefined, koffi.pointer(delay));

  return (user, password) => {
    const answer = koffi.register(
      (count: number, messages: unknown, responses: unknown): number => {
        if (count < 1 || count > MAX_MESSAGES) return PAM_CONV_ERR;
        const answers: unknown = calloc(count, koffi.sizeof(response));
        if (answers === null) return PAM_BUF_ERR;
        for (let at = 0; at < count; at++) {
          const pointer: unknown = koffi.decode(messages, at * 8, "void *");
          const { style } = koffi.decode(pointer, message) as { readonly style: number };
          if (style !== PAM_PROMPT_ECHO_OFF) continue;
          const given = { text: strdup(password) as unknown, code: 0 };
          koffi.encode(answers, at * koffi.sizeof(response), response, given);
        }
        koffi.encode(responses, "void *", answers);
        return PAM_SUCCESS;
      },
      koffi.pointer(converse),
    );
    const out: unknown[] = [null];
    try {
      const conv = { converse: answer, data: null };
      if (pamStart(SERVICE, user, conv, out) !== PAM_SUCCESS) return "unavailable";
      const [handle] = out;
      pamSetItem(handle, PAM_FAIL_DELAY, noDelay);
      const flags = PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK;
      const shown = Number(pamAuthenticate(handle, flags));
      const status = shown === PAM_SUCCESS ? Number(pamAccount(handle, flags)) : shown;
      pamEnd(handle, status);
      if (status === PAM_SUCCESS) return "accepted";
      return UNAVAILABLE.has(status) ? "unavailable" : "refused";
    } finally {
      koffi.unregister(answer);
    }
  };
}
