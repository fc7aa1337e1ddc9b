/** The passwords of the system's users: checked by whoever may, never shown. */

export type PasswordVerdict = "accepted" | "refused" | "unavailable";

export interface SystemPasswords {
  /** Never rejects. Takes as long for a user that is not there as for a wrong password. */
  check(user: string, password: string): Promise<PasswordVerdict>;
}
