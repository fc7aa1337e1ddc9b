/**
 * The steps of one recipient as lines that a person reads from top to bottom: the tree
 * of nodes by its indentation, and under each address the rules that were tried.
 *
 * A look-up is told before what it decides, and shown below it.
 */
import { unreachable } from "#base/unreachable.ts";
import { isAnonymousName } from "#model/config/anonymous-table.ts";
import { type ExplainedRule, placeKey } from "#model/explanation.ts";
import type {
  NodeSource,
  Reason,
  ReasonAnswer,
  ReasonCriterion,
  ReasonPlace,
} from "#model/reason.ts";

type Step<Kind extends Reason["kind"]> = Extract<Reason, { readonly kind: Kind }>;

const INDENT = "  ";

/** Lines without an end; what strangers wrote is in them as it is. */
export function stepLines(
  steps: readonly Reason[],
  rules: readonly ExplainedRule[],
): readonly string[] {
  const printer = new StepPrinter(rules);
  for (const step of steps) printer.add(step);
  return printer.lines();
}

class StepPrinter {
  /** Their words, by their places. */
  readonly #rules: ReadonlyMap<string, string>;
  readonly #lines: string[] = [];
  readonly #depths = new Map<number, number>();
  /** Where steps about the node of the moment are written. */
  #depth = 1;
  /** Look-ups whose outcome is still to come. */
  #lookups: Step<"table-lookup">[] = [];

  constructor(rules: readonly ExplainedRule[]) {
    this.#rules = new Map(rules.map(({ at, text }) => [placeKey(at), text]));
  }

  lines(): readonly string[] {
    this.#flushLookups();
    return this.#lines;
  }

  add(step: Reason): void {
    switch (step.kind) {
      case "table-lookup":
        this.#lookups.push(step);
        return;
      case "rule-skipped":
        this.#rule("no", step.rule, criterionText(step.criterion));
        return;
      case "rule-matched":
        this.#rule("yes", step.rule, this.#ruleText(step));
        return;
      case "rule-unavailable":
        this.#rule("?", step.rule, `${criterionText(step.criterion)}: ${step.why}`);
        return;
      case "no-rule":
        this.#line("no rule matches");
        return;
      case "node":
        this.#node(step);
        return;
      case "ignored":
        this.#line(`ignored: ${step.text}: ${step.why}`);
        return;
      case "user-lookup":
        this.#line(`user ${step.user} of ${tableName(step.userbase)}: ${userAnswer(step.answer)}`);
        return;
      case "forward-file":
        this.#line(`forward file of ${step.user}: ${forwardAnswer(step.answer)}`);
        return;
      case "srs":
        this.#line(
          step.why === ""
            ? `a rewritten sender (SRS): the recipient is ${step.address}`
            : `no rewritten sender of ours (SRS), its signature is ${step.why}`,
        );
        return;
      case "refused":
        this.#line(`refused: ${step.why}`);
        return;
      case "envelope": {
        const as = step.user === undefined ? "" : `, user ${step.user}`;
        this.#line(`envelope to ${step.destination}: action "${step.action}"${as}`);
        return;
      }
      default:
        unreachable(step);
    }
  }

  #node({ node, parent, is, text, source }: Step<"node">): void {
    this.#flushLookups();
    const parentDepth = parent === undefined ? 0 : (this.#depths.get(parent) ?? 0);
    this.#depths.set(node, parentDepth + 1);
    this.#depth = parentDepth + 1;
    this.#lines.push(`${INDENT.repeat(this.#depth)}${is} ${text}${sourceText(source)}`);
    this.#depth++;
  }

  #ruleText({ rule, action }: Step<"rule-matched">): string {
    const outcome = action === undefined ? "reject" : `action "${action}"`;
    return this.#rules.get(placeKey(rule)) ?? outcome;
  }

  /** A rule, and under it what its tables said. */
  #rule(verdict: "yes" | "no" | "?", rule: ReasonPlace, what: string): void {
    const lookups = this.#lookups;
    this.#lookups = [];
    this.#push(`${verdict.padEnd(3)} ${rule.file}:${rule.line} ${what}`);
    for (const lookup of lookups) this.#push(`${INDENT.repeat(2)}${lookupText(lookup)}`);
  }

  #line(text: string): void {
    this.#flushLookups();
    this.#push(text);
  }

  #flushLookups(): void {
    const lookups = this.#lookups;
    this.#lookups = [];
    for (const lookup of lookups) this.#push(lookupText(lookup));
  }

  #push(text: string): void {
    this.#lines.push(`${INDENT.repeat(this.#depth)}${text}`);
  }
}

function criterionText({ at, text }: ReasonCriterion): string {
  return at === undefined ? `${text}, as the rule does not say` : text;
}

function lookupText({ table, service, key, answer }: Step<"table-lookup">): string {
  const asked = `${tableName(table)} as ${service}: ${key === "" ? '""' : key}`;
  switch (answer.kind) {
    case "absent":
      return `${asked} is not in it`;
    case "unavailable":
      return `${asked}: ${answer.why}`;
    case "found": {
      const { entry, value } = answer;
      const by = entry === undefined || entry === key ? "" : `, by ${entry}`;
      return `${asked} is in it${by}${value === "" ? "" : `: ${value}`}`;
    }
    default:
      return unreachable(answer);
  }
}

function userAnswer(answer: ReasonAnswer): string {
  if (answer.kind === "found") return `found, ${answer.value}`;
  return answer.kind === "absent" ? "no such user" : answer.why;
}

function forwardAnswer(answer: Step<"forward-file">["answer"]): string {
  switch (answer.kind) {
    case "found":
      return "found";
    case "absent":
      return "none";
    case "refused":
    case "unavailable":
      return answer.why;
    default:
      return unreachable(answer);
  }
}

function sourceText(source: NodeSource): string {
  switch (source.kind) {
    case "recipient":
      return "";
    case "local-part":
      return ", the local part";
    case "alias":
    case "virtual":
      return `, from ${tableName(source.table)} ${source.key}`;
    case "include":
      return `, from ${source.path}`;
    case "forward-file":
      return `, from the forward file of ${source.user}`;
    default:
      return unreachable(source);
  }
}

/** A list that stands in its rule, which is shown above; other tables that the server made have their angles. */
function tableName(name: string): string {
  if (isAnonymousName(name)) return "the list";
  return name.startsWith("<") ? name : `<${name}>`;
}
