/** Every input of the corpus and every seed once: what was trouble stays solved. */
import { test } from "node:test";
import { readCorpus } from "./corpus.ts";
import { TARGETS } from "./targets.ts";

for (const target of TARGETS) {
  test(`fuzzing target '${target.name}' stands its corpus and its seeds`, async () => {
    for (const text of target.seeds()) await target.run(Buffer.from(text, "latin1"));
    for (const { input } of readCorpus(target.name)) await target.run(input);
  });
}
