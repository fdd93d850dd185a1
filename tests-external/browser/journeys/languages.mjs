// The same pages in the language that the application asks for, or that the browser likes best.

import { must } from '../flaw.mjs';
import { words } from '../words.mjs';

const { german, arabic } = words;

/** The page says that it is in this language, and how it is read. */
export async function speaks(person, language, direction = 'ltr') {
  const root = await person.page.evaluate(() => [document.documentElement.lang, document.documentElement.dir || 'ltr']);
  must(root.join() === `${language},${direction}`, 'language', `the page says it is ${root.join(', ')}`);
}

export const journeys = [
  {
    name: 'in German',
    async run(stage) {
      const { newcomer, person, app, places, user, clients: { photos }, step } = stage;
      await step('the application asks for it', async () => {
        await person.open(app.request(places.standard, photos, { ui_locales: 'de' }).url);
        await person.at('login in German', german.page.login);
        await speaks(person, 'de');
      });
      await step('and it stays until he is back', async () => {
        await person.fill(german.field.username, user.username);
        await person.fill(german.field.password, user.password);
        await person.press(german.button.login);
        await person.at('consent in German', german.page.consent);
        await speaks(person, 'de');
        await person.reads('Ihre Fotos sehen');
        await person.press(german.button.approve);
        await person.at('back');
      });
      await step('the browser likes it best', async () => {
        const another = await newcomer({ locale: 'de-AT' });
        await another.open(`${places.standard}/login`);
        await another.at('login in German', german.page.login);
        await speaks(another, 'de');
      });
    },
  },
  {
    name: 'from right to left',
    async run(stage) {
      const { person, app, places, clients: { photos }, step } = stage;
      await step("a language of the operator's own turns the page", async () => {
        await person.open(app.request(places.standard, photos, { ui_locales: 'ar' }).url);
        await person.at('login in Arabic', arabic.page.login);
        await speaks(person, 'ar', 'rtl');
      });
    },
  },
];
