/**
 * `smtpctl completion bash | zsh`: a script by which a shell completes the words of smtpctl(8) and the
 * names of options. It holds all that it needs: no daemon is asked, nobody's mail is looked at.
 *
 * Both shells find their place by the same steps: each word that is given is one of the words of its place, or
 * short for one of them, or one that the operator has chosen.
 */
import { printable } from "#engine/observe/visible-text.ts";
import {
  ANY_WORD,
  type CompletionModel,
  completionModel,
  type CompletionPlace,
  type ValueKind,
} from "./completion-model.ts";
import { COMPLETION_USAGE } from "./smtpctl-completion-usage.ts";
import type { Output } from "./smtpctl-printer.ts";

export type Shell = "bash" | "zsh";

const EXIT_WRONG = 2;

/** @param args those of the command. */
export function runCompletion(shell: Shell, args: readonly string[], output: Output): number {
  const [extra] = args;
  if (extra !== undefined) {
    output.complain(`smtpctl: ${printable(`Unexpected argument '${extra}'`)}\n${COMPLETION_USAGE}`);
    return EXIT_WRONG;
  }
  output.print(completionScript(shell));
  return 0;
}

export function completionScript(shell: Shell): string {
  const model = completionModel();
  return shell === "bash" ? bashScript(model) : zshScript(model);
}

function bashScript(model: CompletionModel): string {
  return `# bash completion for smtpctl(8), made by: smtpctl completion bash
${tables(model)}
_smtpctl() {
  local word each match where= i
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case $word in
    -*) [[ -n $(_smtpctl_values "$word") ]] && ((i++)) ;;
    *)
${STEP}
      ;;
    esac
  done
  # The value of an option: words, or @file.
  case $(_smtpctl_values "$prev") in
  @file)
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    compopt -o filenames 2>/dev/null
    return
    ;;
  @word) return ;;
  ?*)
    mapfile -t COMPREPLY < <(compgen -d -W "$(_smtpctl_values "$prev")" -- "$cur")
    return
    ;;
  esac
  if [[ $cur == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_smtpctl_options "$where")" -- "$cur")
  elif _smtpctl_takes_file "$where"; then
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    compopt -o filenames 2>/dev/null
  else
    mapfile -t COMPREPLY < <(compgen -W "$(_smtpctl_words "$where")" -- "$cur")
  fi
}
complete -F _smtpctl smtpctl
`;
}

function zshScript(model: CompletionModel): string {
  return `#compdef smtpctl
# zsh completion for smtpctl(8), made by: smtpctl completion zsh
${tables(model)}
_smtpctl() {
  setopt localoptions shwordsplit
  local word each match where= values i
  local cur=\${words[CURRENT]} prev=\${words[CURRENT - 1]}
  for ((i = 2; i < CURRENT; i++)); do
    word=\${words[i]}
    case $word in
    -*) [[ -n $(_smtpctl_values "$word") ]] && ((i++)) ;;
    *)
${STEP}
      ;;
    esac
  done
  values=$(_smtpctl_values "$prev")
  case $values in
  @file) _files ;;
  @word) return 1 ;;
  ?*)
    compadd -- $values
    _files -/
    ;;
  *)
    if [[ $cur == -* ]]; then
      compadd -- $(_smtpctl_options "$where")
    elif _smtpctl_takes_file "$where"; then
      _files
    else
      compadd -- $(_smtpctl_words "$where")
    fi
    ;;
  esac
}
if [[ $funcstack[1] == _smtpctl ]]; then
  _smtpctl "$@"
else
  compdef _smtpctl smtpctl
fi
`;
}

/** A word goes on where it is one of those of its place, or short for exactly one. */
const STEP = `      match=
      for each in $(_smtpctl_words "$where"); do
        if [[ $each == "$word" ]]; then
          match=$each
          break
        fi
        [[ $each == "$word"* ]] && match=\${match:+${ANY_WORD}}\${match:-$each}
      done
      case $match in
      '' | '${ANY_WORD}'*) where="$where ${ANY_WORD}" ;;
      *) where="$where $match" ;;
      esac`;

function tables({ places, values }: CompletionModel): string {
  return [
    table("_smtpctl_words", places, ({ words }) => words.join(" ")),
    table("_smtpctl_options", places, ({ options }) => options.join(" ")),
    filesTable(places),
    valuesTable(values),
  ].join("\n");
}

function table(
  name: string,
  places: readonly CompletionPlace[],
  textOf: (place: CompletionPlace) => string,
): string {
  const lines = places
    .filter((place) => textOf(place) !== "")
    .map((place) => `  '${place.path}') echo '${textOf(place)}' ;;`);
  return [`${name}() {`, "  case $1 in", ...lines, "  esac", "}"].join("\n");
}

function filesTable(places: readonly CompletionPlace[]): string {
  const paths = places.filter(({ files }) => files).map(({ path }) => `'${path}'`);
  return [
    "_smtpctl_takes_file() {",
    "  case $1 in",
    `  ${paths.join(" | ")}) return 0 ;;`,
    "  esac",
    "  return 1",
    "}",
  ].join("\n");
}

function valuesTable(values: ReadonlyMap<string, ValueKind>): string {
  const lines = Array.from(
    values,
    ([option, kind]) =>
      `  ${option}) echo '${typeof kind === "string" ? `@${kind}` : kind.join(" ")}' ;;`,
  );
  return ["_smtpctl_values() {", "  case $1 in", ...lines.toSorted(), "  esac", "}"].join("\n");
}
