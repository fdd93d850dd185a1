// What is wrong with a page, by the check that found it: a known-bad subject must be found by its own check.

export class Flaw extends Error {
  constructor(check, what) {
    super(`${check}: ${what}`);
    this.check = check;
  }
}

/** Throws unless `holds`. */
export function must(holds, check, what) {
  if (!holds) throw new Flaw(check, what);
}
