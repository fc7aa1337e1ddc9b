/** Places in the files of a configuration, which complaints, envelopes and logs name. */

/** A place in a configuration file. Line and column count from 1; line 0 is all of it. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** `FILE:LINE`, as envelopes and logs name a rule; line 0 is the file as a whole. */
export function formatPlace(place: Place): string {
  return place.line === 0 ? place.file : `${place.file}:${place.line}`;
}

/** Where each field of `Owner` was set; a field that is not in here has its default. */
export type Places<Owner> = Readonly<Partial<Record<Exclude<keyof Owner, "at" | "places">, Place>>>;
