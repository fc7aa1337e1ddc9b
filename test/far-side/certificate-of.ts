/** The certificate of a host in the simulated world: a name. */
export function certificateOf(name: string): string {
  return `names=${name}`;
}
