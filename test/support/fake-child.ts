/** A child of the parent that is not there: it says and does what a test lets it. */
import type { ChildToParent, ParentToChild } from "#model/ipc/parent-link.ts";
import type { ChannelOwner } from "#processes/channel.ts";
import type { LocalUser } from "#base/endpoint.ts";
import type { Child, FreshListener, Handover, Pairs, PassedClient } from "#processes/child.ts";

/** An end of a way between siblings, by the number of its pair. */
export interface FakeEnd {
  readonly pair: number;
  readonly destroy: () => void;
  state: "whole" | "destroyed";
}

export class FakePairs implements Pairs<FakeEnd> {
  readonly made: FakeEnd[] = [];
  /** Why none can be made. */
  fault: string | undefined;

  async pair(): Promise<readonly [FakeEnd, FakeEnd] | string> {
    if (this.fault !== undefined) return this.fault;
    const pair = this.made.length / 2;
    return [this.#end(pair), this.#end(pair)];
  }

  async close(): Promise<void> {}

  #end(pair: number): FakeEnd {
    const end: FakeEnd = {
      pair,
      state: "whole",
      destroy: () => {
        end.state = "destroyed";
      },
    };
    this.made.push(end);
    return end;
  }
}

export class FakeChild implements Child<FakeEnd> {
  readonly pid: number;
  /** What the parent told it. */
  readonly told: ParentToChild[] = [];
  readonly handovers: { readonly handover: Handover; readonly end: FakeEnd }[] = [];
  /** Bound sockets that it was handed. */
  readonly listeners: string[] = [];
  /** Of UNIX-domain sockets. */
  readonly clients: { readonly client: PassedClient; readonly user: LocalUser | undefined }[] = [];
  readonly signals: string[] = [];
  /** As one that is out of descriptors. */
  losesHandovers = false;
  isSealed = false;
  /** As one that does not read. */
  congested = false;
  readonly link: Child<FakeEnd>["link"];
  readonly #exited = Promise.withResolvers<string>();
  #owner: ChannelOwner<ChildToParent> | undefined;

  constructor(pid = 1) {
    this.pid = pid;
    const isCongested = (): boolean => this.congested;
    this.link = {
      get congested() {
        return isCongested();
      },
      start: (owner) => {
        this.#owner = owner;
      },
      send: (message) => this.told.push(message),
      end: () => undefined,
      destroy: () => undefined,
    };
  }

  get exited(): Promise<string> {
    return this.#exited.promise;
  }

  handOver(handover: Handover, end: FakeEnd): void {
    if (this.losesHandovers) {
      end.destroy();
      return;
    }
    this.handovers.push({ handover, end });
    this.says({ kind: "joined", number: handover.number });
  }

  handOverListener({ endpoint }: FreshListener): void {
    this.listeners.push(endpoint);
  }

  async handOverClient(client: PassedClient, user: LocalUser | undefined): Promise<void> {
    this.clients.push({ client, user });
  }

  seal(): void {
    this.isSealed = true;
  }

  /** As the system does: it has ended at once. */
  kill(signal: "SIGKILL" | "SIGTERM"): void {
    this.signals.push(signal);
    this.exits(`ended by ${signal}`);
  }

  says(message: ChildToParent): void {
    this.#owner?.message(message);
  }

  /** It closes its channel, and lives on. */
  closes(): void {
    this.#owner?.closed(undefined);
  }

  exits(how: string): void {
    this.#exited.resolve(how);
  }
}
