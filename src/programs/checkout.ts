/** Where this copy of Postrider is: the checkout, also when its stripped sources run (bin/run). */
import { resolve, sep } from "node:path";

const STRIPPED = [sep, "node_modules", sep, ".cache", sep].join("");

const here = resolve(import.meta.dirname, "..", "..");
const at = here.indexOf(STRIPPED);

export const CHECKOUT: string = at < 0 ? here : here.slice(0, at);
