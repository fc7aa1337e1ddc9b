/** What a role is started with, on the ports of a test: nobody listens to what it says unless the test does. */
import type { Config } from "#model/config/config.ts";
import type { ChildToParent } from "#model/ipc/parent-link.ts";
import { Observer } from "#engine/observe/observer.ts";
import type { RolePorts, RoleSetting } from "#processes/role.ts";
import { EMPTY_SLICE } from "./empty-slice.ts";

interface Differences extends Partial<Pick<RoleSetting, "home" | "uid" | "end">> {
  /** Takes what is said to the parent. */
  readonly send?: (message: ChildToParent) => void;
  /** Takes each line of the log. */
  readonly log?: (line: string) => void;
}

export function roleSetting(
  { clock, random, resolver, network, files }: Omit<RolePorts, "defer" | "arrived">,
  config: Config,
  { send = () => undefined, log = () => undefined, ...others }: Differences = {},
): RoleSetting {
  return {
    ports: {
      clock,
      random,
      resolver,
      network,
      files,
      defer: (run) => void clock.after(0, run),
      arrived: async () => undefined,
    },
    slice: EMPTY_SLICE,
    config,
    parent: { congested: false, send, end: () => undefined, destroy: () => undefined },
    observer: new Observer(log, false),
    hostname: "host",
    home: "/",
    uid: 1,
    end: () => undefined,
    ...others,
  };
}
