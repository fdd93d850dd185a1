// What a picture does not show as it is: what differs from run to run, and what is a secret. Names stay, of people and of
// settings: whoever looks at a picture is to read what an operator reads.

import { must } from './flaw.mjs';

/** Where the subject would lie on a machine of an operator's. */
const HOME = '/var/lib/grantor';
/** What is drawn at random is at least so long, and no name is long without being made of words. */
const DRAWN = /[A-Za-z0-9_-]{16,}/g;
const PART_OF_A_NAME = /^[A-Z]?[a-z]*\d{0,4}$/;
/** What a credential begins with: it tells what it is, and stays. */
const KIND = /^[a-z]{2,4}_(?:[a-z]{2,6}_)?/;

/** A text as a picture shows it. `subject` is the server that it is a page of. */
export function calm(text, { places, folder }) {
  let calmed = text.replaceAll(folder, HOME);
  for (const [name, place] of Object.entries(places)) {
    const shown = `https://${name === 'standard' ? 'auth' : name}.example.com`;
    calmed = calmed.replaceAll(place, shown).replaceAll(encodeURIComponent(place), encodeURIComponent(shown));
  }
  return calmed
    .replaceAll(/https?(:\/\/|%3A%2F%2F)(?:localhost|127\.0\.0\.1)(?::|%3A)\d+/g, 'https$1app.example.com')
    .replaceAll(/\b\d{4}-\d\d-\d\d\b/g, '2026-01-31')
    .replaceAll(/\b\d\d:\d\d(:\d\d)?\b/g, '12:00')
    .replaceAll(DRAWN, (word) => (isName(word) ? word : drawn(word)));
}

/** Throws if a text has anything that a picture must not show. */
export function mustBeCalm(text, subject) {
  const words = (all) => all.split(/\s+/).filter(Boolean);
  const [is, should] = [words(text), words(calm(text, subject))];
  const at = is.findIndex((word, index) => word !== should[index]);
  must(at < 0, 'mask', `“${is[at]}” would stand in a picture`);
}

/** Throws if a picture would not show this as it is. */
export function mustStay(name, subject) {
  must(calm(name, subject) === name, 'mask', `of “${name}” a picture would show “${calm(name, subject)}”`);
}

function isName(word) {
  return word.split(/[_-]/).every((part) => PART_OF_A_NAME.test(part));
}

/** As long, and the same each time. */
function drawn(word) {
  const kind = KIND.exec(word)?.[0] ?? '';
  return kind + [...word.slice(kind.length)].map((_, at) => '0123456789abcdef'[(at * 7) % 16]).join('');
}
