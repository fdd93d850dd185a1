// What a person does on the pages of his own account.

import { must } from '../flaw.mjs';
import { words } from '../words.mjs';
import { logIn } from './visitor.mjs';

const { field, button, link, says } = words;

/** Comes to his account, by way of the login. */
async function atAccount(stage) {
  await stage.person.open(`${stage.places.standard}/account`);
  await logIn(stage);
  await stage.person.at('account');
}

export const journeys = [
  {
    name: 'change the password',
    async run(stage) {
      const { person, newcomer, places, user, step } = stage;
      const another = 'a wholly different pass phrase';
      const fill = async (current) => {
        await person.fill(field.currentPassword, current);
        await person.fill(field.newPassword, another);
        await person.press(button.changePassword);
      };
      await step('find the page', async () => {
        await atAccount(stage);
        await person.follow(link.password);
        await person.at('password');
      });
      await step('with a wrong password it is told', async () => {
        await fill('not his password');
        await person.at('password with a problem', words.page.password);
        await person.isAlerted(says.wrongCurrentPassword);
      });
      await step('change it', async () => {
        await fill(user.password);
        await person.at('passwordChanged');
      });
      await step('the old one is worth nothing, the new one lets in', async () => {
        const elsewhere = { ...stage, person: await newcomer() };
        await elsewhere.person.open(`${places.standard}/account`);
        await logIn(elsewhere);
        await elsewhere.person.at('login with a problem', words.page.login);
        await elsewhere.person.isAlerted(says.wrongPassword);
        await logIn({ ...elsewhere, user: { ...user, password: another } });
        await elsewhere.person.at('account');
      });
    },
  },
  {
    name: 'end a session',
    async run(stage) {
      const { person, newcomer, places, step } = stage;
      let elsewhere;
      await step('be logged in twice', async () => {
        elsewhere = { ...stage, person: await newcomer() };
        await atAccount(elsewhere);
        await atAccount(stage);
      });
      await step('end the other', async () => {
        await person.follow(link.sessions);
        await person.at('sessions');
        await person.press(button.endSession);
        await person.at('sessions');
        must((await person.button(button.endSession).count()) === 0, 'content', 'it is still listed');
      });
      await step('it is over there, and not here', async () => {
        await elsewhere.person.open(`${places.standard}/account`);
        await elsewhere.person.at('login');
        await person.open(`${places.standard}/account`);
        await person.at('account');
      });
      await step('end all, and be nobody', async () => {
        await person.open(`${places.standard}/account/sessions`);
        await person.press(button.endAllSessions);
        await person.at('login');
      });
    },
  },
];
