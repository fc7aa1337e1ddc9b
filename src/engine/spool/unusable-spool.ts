/** A spool that this program must not touch; thrown while it is opened, and answered as a value. */
export class UnusableSpool extends Error {
  override readonly name = "UnusableSpool";
}

/** It must not be passed as damage is: what it holds was accepted. */
export function newerRecord(path: string, at: number): UnusableSpool {
  return new UnusableSpool(`${path} has a record of a newer version at ${at}`);
}
