/** Texts as smtpd.conf(5) takes them: bare where that reads back the same, else in quotes. */
import { isBareWord } from "./lexer.ts";

/** As it is where that reads back as the same text, else in quotes. */
export function printWord(text: string): string {
  return isBareWord(text) ? text : quote(text);
}

/**
 * In double quotes. A backslash stands for itself there, but not before a quote or
 * blank, where it makes the next character plain; so those get one more.
 */
export function quote(text: string): string {
  // Quotes cannot end in a backslash. Such a text was written without them, and can be again.
  if (text.endsWith("\\")) return text.replaceAll("\\", "\\\\");
  return `"${text.replaceAll('"', '\\"').replaceAll(/(?<=\\)[ \t]/gu, "\\$&")}"`;
}
