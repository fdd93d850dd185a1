// What goes wrong, and that he is told so in a way that helps him and nobody else.

import { must } from '../flaw.mjs';
import { words } from '../words.mjs';
import { logIn } from './visitor.mjs';

const { field, button, says } = words;

export const journeys = [
  {
    name: 'an address that is wrong',
    async run({ person, app, places, clients: { photos }, step }) {
      const refused = async (more, status = 400) => {
        const { url } = app.request(places.standard, photos, more);
        await person.open(url, { status });
        await person.at('refused');
        must(person.page.url().startsWith(places.standard), 'way', `it led to ${person.page.url()}`);
      };
      await step('an unknown application is told here', () => refused({ client_id: 'nobody' }));
      await step('another redirect URI is told here, and leads nowhere', () => refused({ redirect_uri: 'https://evil.test/cb' }));
      await step('what is wrong with a request of a known application is told to it', async () => {
        await person.open(app.request(places.standard, photos, { scope: 'no-such-scope' }).url);
        await person.at('back');
        const answer = await app.brought(person.page, photos.redirect_uris[0]);
        must(answer.error === 'invalid_scope', 'way', JSON.stringify(answer));
      });
      await step('a page that is not there says so', async () => {
        await person.open(`${places.standard}/no/such/page`, { status: 404 });
        await person.at('notFound');
        await person.follow(words.link.home);
        await person.at('login');
      });
    },
  },
  {
    name: 'a form that has expired',
    async run(stage) {
      const { person, places, user, step } = stage;
      await step('the browser forgets between the page and the form', async () => {
        await person.open(`${places.standard}/login`);
        await person.at('login');
        await person.fill(field.username, user.username);
        await person.fill(field.password, user.password);
        await person.page.context().clearCookies();
        person.watch.allow(403);
        await person.press(button.login);
        await person.at('expired');
      });
      await step('the page again, and it goes', async () => {
        await person.open(`${places.standard}/account`);
        await logIn(stage);
        await person.at('account');
      });
    },
  },
  {
    name: 'a wrong password',
    async run(stage) {
      const { person, places, user, step } = stage;
      const failed = async () => {
        await person.fill(field.username, user.username);
        await person.fill(field.password, 'not his password');
        await person.press(button.login);
      };
      await step('it is told, and nothing about who exists', async () => {
        await person.open(`${places.standard}/login`);
        await person.at('login');
        await failed();
        await person.at('login with a problem', words.page.login);
        await person.isAlerted(says.wrongPassword);
      });
      await step('too many, and it has to wait', async () => {
        for (let tries = 0; tries < 12; tries += 1) {
          person.watch.allow(429);
          await failed();
          if (!(await person.page.getByRole('heading', { level: 1, name: words.page.login }).isVisible())) break;
        }
        person.watch.allow(429);
        await person.at('tooMany');
      });
      await step('how long is said, and the way back is there', async () => {
        await person.reads(words.says.wait);
        await person.follow(words.link.backToForm);
        await person.at('login');
      });
    },
  },
];
