/** Options of a command line, for every program that has some. */
import { parseArgs, type ParseArgsConfig } from "node:util";

export interface WrongArguments {
  readonly kind: "wrong";
  readonly why: string;
}

type Options = NonNullable<ParseArgsConfig["options"]>;

type Parsed<Known extends Options> = ReturnType<
  typeof parseArgs<{
    args: string[];
    options: Known;
    allowPositionals: true;
    strict: true;
  }>
>;

export interface CommandLine<Known extends Options> {
  readonly kind: "line";
  readonly values: Parsed<Known>["values"];
  /** What is no option: words and operands. */
  readonly words: readonly string[];
}

/** Options may stand anywhere; after `--` all are words. */
export function readOptions<const Known extends Options>(
  args: readonly string[],
  options: Known,
): CommandLine<Known> | WrongArguments {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options,
      allowPositionals: true,
      strict: true,
    });
    return { kind: "line", values, words: positionals };
  } catch (error) {
    // What else would be a fault of `options`.
    if (error instanceof TypeError && "code" in error) return wrong(withoutAdvice(error.message));
    throw error;
  }
}

/** Node goes on with how the word could be an operand after all, which few have meant. */
function withoutAdvice(message: string): string {
  return message.replace(/\. To specify a positional argument .*$/su, "");
}

/** For a command that takes no words: only its options' values come. */
export function readOptionsAlone<const Known extends Options>(
  args: readonly string[],
  options: Known,
): CommandLine<Known> | WrongArguments {
  const line = readOptions(args, options);
  if (line.kind === "wrong") return line;
  const [extra] = line.words;
  return extra === undefined ? line : wrong(`Unexpected argument '${extra}'`);
}

export function wrong(why: string): WrongArguments {
  return { kind: "wrong", why };
}
