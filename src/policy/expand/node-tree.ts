/**
 * The nodes of one expansion: which wait to be visited, which were there before, and
 * how each came to be. Depth first, so that what is told of a node stands together.
 *
 * Bounds: depth, nodes in all. A node that was there before is folded: the same kind
 * and value under the same rule, for a command or file of the same owner too.
 */
import { unreachable } from "#base/unreachable.ts";
import type { LocalAction } from "#model/config/action.ts";
import { formatPlace } from "#model/config/place.ts";
import type { Rule } from "#model/config/rule.ts";
import { MAX_ENVELOPES, MAX_TRAIL_STEPS, NO_TRAIL, type TrailStep } from "#model/envelope.ts";
import { type ExpansionNode, nodeText } from "#model/expansion-list.ts";
import type { NodeSource, Tell } from "#model/reason.ts";
import { accountName } from "./account-name.ts";

/** OpenSMTPD's (lka_session.c, EXPAND_DEPTH). */
export const MAX_DEPTH = 10;
/** Each of the envelopes that a recipient may have, as an address and as the user behind it, and lists. */
const MAX_NODES: number = 4 * MAX_ENVELOPES;

/** What decides about a node that is no address: the rule of the nearest address above it. */
export interface Decided {
  readonly rule: Rule;
  readonly action: LocalAction;
}

export interface TreeNode {
  readonly is: ExpansionNode;
  readonly parent: TreeNode | undefined;
  readonly source: NodeSource;
  readonly depth: number;
  /** Undefined for an address, which is yet to go through the rules. */
  readonly decided: Decided | undefined;
  /** The nearest address at or above it. */
  readonly address: string;
  /** Account of a user node whose own list led to this one, with no other user between. */
  readonly cameBackFrom: "aliases" | "forward-file" | undefined;
  readonly trail: readonly TrailStep[];
  /** In the order visited; set by then. */
  number: number;
}

/** What a node leads to. */
export interface Children {
  readonly nodes: readonly ExpansionNode[];
  readonly source: NodeSource;
  readonly decided: Decided;
}

export type Growth = "grown" | "too-deep" | "too-many";

export class NodeTree {
  readonly #tell: Tell | undefined;
  readonly #delimiter: string;
  readonly #waiting: TreeNode[] = [];
  /** Made with the first list: most recipients have none. */
  #seen: Set<string> | undefined;
  #visited = 0;
  #folded: "none" | "elsewhere" | "above" = "none";
  #hasEmptyList = false;

  constructor(recipient: string, delimiter: string, tell: Tell | undefined) {
    this.#tell = tell;
    this.#delimiter = delimiter;
    this.#waiting.push({
      is: { kind: "address", address: recipient },
      parent: undefined,
      source: { kind: "recipient" },
      depth: 0,
      decided: undefined,
      address: recipient,
      cameBackFrom: undefined,
      trail: NO_TRAIL,
      number: 0,
    });
  }

  /**
   * Asked when nobody is left: whether that is so because lists lead round. A list that
   * led back to a node above it is a loop. So are lists that led to each other's nodes, to
   * which no chain need come back (a: b, c; b: c; c: b): each of them led on, and to nobody.
   * An empty list ends a chain as well, then.
   */
  get hasLoop(): boolean {
    return this.#folded === "above" || (this.#folded === "elsewhere" && !this.#hasEmptyList);
  }

  /** The next node, which is then visited; undefined when all were. */
  next(): TreeNode | undefined {
    const node = this.#waiting.pop();
    if (node === undefined) return undefined;
    node.number = this.#visited++;
    this.#tell?.({
      kind: "node",
      node: node.number,
      parent: node.parent?.number,
      is: node.is.kind,
      text: nodeText(node.is),
      source: node.source,
    });
    return node;
  }

  /** Adds what `parent` leads to, to be visited in that order. */
  grow(parent: TreeNode, { nodes, source, decided }: Children): Growth {
    if (nodes.length === 0) {
      this.#hasEmptyList = true;
      return "grown";
    }
    if (parent.depth + 1 >= MAX_DEPTH) return "too-deep";
    if (this.#visited + this.#waiting.length + nodes.length > MAX_NODES) return "too-many";
    const trail = trailOf(parent, source, decided.rule);
    const fresh: TreeNode[] = [];
    for (const is of nodes) {
      const isAddress = is.kind === "address";
      const node: TreeNode = {
        is,
        parent,
        source,
        depth: parent.depth + 1,
        decided: isAddress ? undefined : decided,
        address: isAddress ? is.address : parent.address,
        cameBackFrom: is.kind === "user" ? this.#cameBackFrom(is.user, parent, source) : undefined,
        trail,
        number: 0,
      };
      if (this.#isNew(node)) fresh.push(node);
    }
    for (let at = fresh.length - 1; at >= 0; at--) {
      const node = fresh[at];
      if (node !== undefined) this.#waiting.push(node);
    }
    return "grown";
  }

  #isNew(node: TreeNode): boolean {
    this.#seen ??= new Set();
    const key = keyOf(node);
    if (!this.#seen.has(key)) {
      this.#seen.add(key);
      return true;
    }
    const isLoop = hasAbove(node, key);
    if (isLoop) this.#folded = "above";
    else if (this.#folded === "none") this.#folded = "elsewhere";
    this.#tell?.({
      kind: "ignored",
      parent: node.parent?.number,
      text: nodeText(node.is),
      why: isLoop ? "it leads back to itself" : "it was there before",
    });
    return false;
  }

  /** The nearest user above, if it is the same account: by what list it led back to itself. */
  #cameBackFrom(
    user: string,
    parent: TreeNode,
    source: NodeSource,
  ): "aliases" | "forward-file" | undefined {
    let by = source;
    for (let above: TreeNode | undefined = parent; above !== undefined; above = above.parent) {
      if (above.is.kind === "user") {
        if (accountName(above.is.user, this.#delimiter) !== accountName(user, this.#delimiter))
          return undefined;
        // Once it was read, the forward file is not read again, whatever else led here.
        const isForwarded = by.kind === "forward-file" || above.cameBackFrom === "forward-file";
        return isForwarded ? "forward-file" : "aliases";
      }
      by = above.source;
    }
    return undefined;
  }
}

function keyOf(node: TreeNode): string {
  const { is, decided } = node;
  const text = `${is.kind}\0${nodeText(is)}`;
  if (is.kind === "address") return node.parent === undefined ? `${text}\0recipient` : text;
  const at = decided === undefined ? "" : formatPlace(decided.rule.at);
  const from = node.cameBackFrom ?? "";
  const owner = node.source.kind === "forward-file" ? node.source.user : "";
  return is.kind === "user" ? `${text}\0${at}\0${from}` : `${text}\0${at}\0${owner}`;
}

function hasAbove(node: TreeNode, key: string): boolean {
  for (let above = node.parent; above !== undefined; above = above.parent) {
    if (keyOf(above) === key) return true;
  }
  return false;
}

function trailOf(parent: TreeNode, source: NodeSource, rule: Rule): readonly TrailStep[] {
  const step = stepOf(source, formatPlace(rule.at));
  if (step === undefined || parent.trail.length >= MAX_TRAIL_STEPS) return parent.trail;
  return [...parent.trail, step];
}

function stepOf(source: NodeSource, rule: string): TrailStep | undefined {
  switch (source.kind) {
    case "alias":
    case "virtual":
      return { by: source.kind, source: source.table, key: source.key, rule };
    case "include":
      return { by: "include", source: source.path, key: "", rule };
    case "forward-file":
      return { by: "forward-file", source: source.user, key: "", rule };
    case "recipient":
    case "local-part":
      return undefined;
    default:
      return unreachable(source);
  }
}
