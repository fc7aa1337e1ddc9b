/** The steps of one expansion, as far as checks want them: where it came to, and the loops on the way. */
import type { Reason, Tell } from "#model/reason.ts";

interface TracedNode {
  readonly text: string;
  readonly parent: number | undefined;
  /** 0 is the recipient. */
  readonly depth: number;
}

/** An expansion is no deeper (policy/expand): a longer way is none. */
const MAX_WAY = 100;

export class ExpansionTrace {
  readonly #nodes = new Map<number, TracedNode>();
  readonly #loops: (readonly string[])[] = [];
  #hasAskedRules = false;
  #last: string | undefined;
  #depth = 0;

  readonly tell: Tell = (step) => this.#take(step);

  /** Each from a node to where it leads back to itself, with that node at both ends. */
  get loops(): readonly (readonly string[])[] {
    return this.#loops;
  }

  /** The node that was looked at last. */
  get last(): string | undefined {
    return this.#last;
  }

  /** How far from the recipient it came. */
  get depth(): number {
    return this.#depth;
  }

  /** Whether anything but the recipient went through the rules. */
  get hasAskedRules(): boolean {
    return this.#hasAskedRules;
  }

  has(text: string): boolean {
    return [...this.#nodes.values()].some((node) => node.text === text);
  }

  #take(step: Reason): void {
    if (step.kind === "node") {
      const { text, parent } = step;
      const depth = parent === undefined ? 0 : (this.#nodes.get(parent)?.depth ?? 0) + 1;
      this.#nodes.set(step.node, { text, parent, depth });
      this.#depth = Math.max(this.#depth, depth);
      this.#last = text;
      if (step.is === "address" && parent !== undefined) this.#hasAskedRules = true;
    } else if (step.kind === "ignored") {
      const loop = this.#loopTo(step.text, step.parent);
      if (loop !== undefined) this.#loops.push(loop);
    }
  }

  /** The way from the nearest node `text` above, down to `from`, and back. */
  #loopTo(text: string, from: number | undefined): readonly string[] | undefined {
    const way = [text];
    for (let at = from; at !== undefined && way.length < MAX_WAY; ) {
      const node = this.#nodes.get(at);
      if (node === undefined) return undefined;
      way.unshift(node.text);
      if (node.text === text) return way;
      at = node.parent;
    }
    return undefined;
  }
}
