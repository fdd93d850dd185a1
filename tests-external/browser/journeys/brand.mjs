// What an operator makes of the pages by configuration alone: his name, mark, colour, style and links on each of them, a page of
// his own in the place of ours, and one more language.

import { must } from '../flaw.mjs';
import { BRAND } from '../scene.mjs';
import { words } from '../words.mjs';
import { speaks } from './languages.mjs';
import { logIn } from './visitor.mjs';

const { page, button, french } = words;

/** All of the brand stands on this page. */
async function isBranded(person) {
  const seen = await person.page.evaluate(() => {
    const [head, foot, card] = ['header', 'footer', 'main > .card'].map((what) => document.querySelector(what));
    const mark = head?.querySelector('img');
    const links = [...(foot?.querySelectorAll('a') ?? [])];
    return {
      title: document.title.split(' · ').at(-1),
      name: head?.querySelector('.brand')?.innerText.trim(),
      mark: Boolean(mark?.complete && mark.naturalWidth > 0),
      colour: [...new Set(links.map((link) => getComputedStyle(link).color))].join(),
      edge: card && getComputedStyle(card).borderBlockStartWidth,
      links: JSON.stringify(Object.fromEntries(links.map((link) => [link.textContent, link.getAttribute('href')]))),
    };
  });
  const should = { title: BRAND.name, name: BRAND.name, mark: true, colour: BRAND.colour.seen, edge: BRAND.edge, links: JSON.stringify(BRAND.links) };
  for (const [what, value] of Object.entries(should)) {
    must(seen[what] === value, 'brand', `${what} is ${seen[what]} and not ${value} at ${person.page.url()}`);
  }
}

export const journeys = [
  {
    name: 'a brand',
    branded: true,
    people: { admin: true },
    async run(stage) {
      const { person, app, places, clients: { photos }, step } = stage;
      const comesTo = async (name, heading) => {
        await person.at(`branded ${name}`, heading);
        await isBranded(person);
      };
      await step('it is there where he signs in', async () => {
        await person.open(app.request(places.standard, photos).url);
        await comesTo('login', page.login);
        await logIn(stage);
      });
      await step('and where he is asked', async () => {
        await comesTo('consent', page.consent);
        await person.press(button.approve);
        await person.at('back');
      });
      await step('on his account, and where something is wrong', async () => {
        await person.open(`${places.standard}/account`);
        await comesTo('account', page.account);
        await person.open(`${places.standard}/no/such/page`, { status: 404 });
        await comesTo('not found', page.notFound);
      });
      await step('before the operator as well', async () => {
        await person.open(`${places.admin}/`);
        await comesTo('console login', page.login);
        await logIn(stage);
        await comesTo('console overview', words.console.page.overview);
      });
      await step('a page of his own says what he says, and works', async () => {
        await person.open(`${places.standard}/logout`);
        await comesTo('logout', page.logout);
        await person.reads(BRAND.farewell);
        await person.press(button.logout);
        await person.open(`${places.standard}/account`);
        await person.at('branded login', page.login);
      });
      await step('a language of his own is spoken', async () => {
        await person.open(app.request(places.standard, photos, { ui_locales: 'fr-CA fr' }).url);
        await comesTo('login in French', french.page.login);
        await speaks(person, 'fr');
      });
    },
  },
];
