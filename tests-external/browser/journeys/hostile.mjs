// Every page, with payloads wherever somebody from outside can put one.

import { HOSTILE } from '../scene.mjs';
import { words } from '../words.mjs';
import { registerHostile } from './developer.mjs';
import { logIn, logInIfAsked } from './visitor.mjs';

const { button, link } = words;

export const journeys = [
  {
    name: 'hostile names',
    people: { name: HOSTILE.name, accounts: [{ id: '35', role: 'manager' }, { id: '66', role: 'manager' }] },
    agent: HOSTILE.agent,
    async run(stage) {
      const { person, app, places, clients: { hostile, long, wistia, webmaker, photos }, step } = stage;
      await step('in what a page is asked with', async () => {
        const query = encodeURIComponent(HOSTILE.query);
        for (const page of ['login', 'signup']) {
          const place = page === 'signup' ? places.webmaker : places.standard;
          await person.open(`${place}/${page}?request=${query}&error=${query}&ui_locales=${query}&login_hint=${query}`);
          await person.at(page);
        }
        await person.open(`${places.standard}/${query}`, { status: 404 });
        await person.at('notFound');
        await person.open(app.request(places.standard, photos, { client_id: HOSTILE.query }).url, { status: 400 });
        await person.at('refused');
      });
      await step('in the question', async () => {
        await person.open(app.request(places.standard, hostile, { state: HOSTILE.query }).url);
        await logIn(stage);
        await person.at('consent with a hostile name', HOSTILE.name);
        await person.reads(HOSTILE.description);
        await person.press(button.approve);
        await person.at('back');
      });
      await step('in names without end', async () => {
        await person.open(app.request(places.standard, long).url);
        await person.at('consent with a long name', HOSTILE.long);
        await person.press(button.approve);
        await person.at('back');
      });
      await step('in the accounts to choose from', async () => {
        await person.open(app.request(places.wistia, wistia).url);
        await logInIfAsked(stage);
        await person.at('choose with a hostile name', words.page.choose);
        await person.press(HOSTILE.short);
        await person.at('consent with a hostile account', words.page.consent);
        await person.reads(HOSTILE.short);
        await person.press(button.deny);
        await person.at('back');
      });
      await step('on the pages of the account, where the browser is named as well', async () => {
        await person.open(`${places.standard}/account`);
        await person.at('account with hostile names', HOSTILE.name);
        await person.follow(link.sessions);
        await person.at('sessions with a hostile browser', words.page.sessions);
      });
      await step('in an application of his own', async () => {
        await person.follow(link.apps);
        await person.at('apps', words.apps.page.list);
        await registerHostile(stage, HOSTILE);
        await person.open(`${places.standard}/apps`);
        await person.at('apps with a hostile name', words.apps.page.list);
      });
      await step('in leaving', async () => {
        await person.open(`${places.standard}/logout`);
        await person.at('logout');
        await person.open(`${places.webmaker}/logout?client_id=${encodeURIComponent(HOSTILE.query)}`, { status: 400 });
        await person.at('refused');
      });
    },
  },
];
