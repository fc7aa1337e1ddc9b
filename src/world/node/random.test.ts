import { randomContract } from "#world/sim/random-contract.ts";
import { nodeRandom } from "./random.ts";

randomContract("random", nodeRandom);
