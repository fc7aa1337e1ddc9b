/** The version of this release, as `smtpd -h` and the log print it. */
export const VERSION = "0.1.0";
