/** A spool that this program must not touch; thrown while it is opened, and answered as a value. */
export class UnusableSpool extends Error {
  override readonly name = "UnusableSpool";
}
