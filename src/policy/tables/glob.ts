/** Patterns with `*`, which stands for any run of characters. */

/** Whether `pattern` is `*` or `*.suffix`, which are found without trying them: key-forms.ts. */
export function isSimplePattern(pattern: string): boolean {
  return pattern === "*" || (pattern.startsWith("*.") && pattern.lastIndexOf("*") === 0);
}

/** Whether `pattern` matches all of `name`; at most length × length steps, whatever they hold. */
export function matchesGlob(pattern: string, name: string): boolean {
  let inPattern = 0;
  let inName = 0;
  let lastStar = -1;
  let starEnd = 0;
  while (inName < name.length) {
    if (pattern[inPattern] === "*") {
      lastStar = inPattern++;
      starEnd = inName;
    } else if (pattern[inPattern] === name[inName]) {
      inPattern++;
      inName++;
    } else if (lastStar >= 0) {
      // The last star takes one more character; an earlier one never needs to.
      inPattern = lastStar + 1;
      inName = ++starEnd;
    } else {
      return false;
    }
  }
  while (pattern[inPattern] === "*") inPattern++;
  return inPattern === pattern.length;
}
