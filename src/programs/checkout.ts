/**
 * Where this copy of Postrider is: the checkout, also when its bundles run (bin/run), or
 * the folder of a package, which has nothing but bundles.
 */
import { resolve, sep } from "node:path";

const KEPT_BUNDLES = [sep, "node_modules", sep, ".cache", sep].join("");

const here = resolve(import.meta.dirname, "..", "..");
const at = here.indexOf(KEPT_BUNDLES);

export const CHECKOUT: string = at < 0 ? here : here.slice(0, at);

/** A package belongs to the system: nothing is written beside it, and its users share one state. */
export const IS_INSTALLED: boolean = at < 0 && import.meta.filename.endsWith(".js");
