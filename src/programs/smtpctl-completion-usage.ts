/** Of `smtpctl completion`; the script has it too, which is why it stands apart. */
export const COMPLETION_USAGE = "usage: smtpctl completion {bash | zsh}\n";
