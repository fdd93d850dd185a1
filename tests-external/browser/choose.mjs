// What of many is meant by a name on the command line.

/** The names that are asked for may be written as a command line likes them: `operator-look-around`. */
export function chosen(all, only, name) {
  const wanted = only?.map(slug);
  return all.filter((one) => !wanted || wanted.includes(slug(name(one))));
}

/** Ends the program: nothing is called so. */
export function noneOf(names, only) {
  console.error(`there is no “${only.join('” or “')}”; there are ${names.map(slug).join(', ')}`);
  process.exit(2);
}

function slug(name) {
  return name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
}
