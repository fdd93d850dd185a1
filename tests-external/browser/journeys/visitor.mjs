// What a person does who comes from an application: logs in, is asked, answers, and goes back.

import { must } from '../flaw.mjs';
import { PATIENCE } from '../person.mjs';
import { words } from '../words.mjs';

const { page, field, button, link } = words;

/** Fills in the login page. What comes of it may have this status. */
export async function logIn({ person, user }, status) {
  await person.at('login');
  await person.fill(field.username, user.username);
  await person.fill(field.password, user.password);
  if (status) person.watch.allow(status);
  await person.press(button.login);
}

/** The same where he may be logged in already: cookies know no port, so whoever is known at one profile is at each. */
export async function logInIfAsked(stage) {
  if (await stage.person.page.getByRole('heading', { level: 1, name: page.login }).isVisible()) await logIn(stage);
}

/** Follows an application's link and logs in on the way, if need be. */
export async function approved(stage, place, client, more) {
  const { person, app } = stage;
  const request = app.request(place, client, more);
  await person.open(request.url);
  await logInIfAsked(stage);
  await person.at('consent');
  await person.press(button.approve);
  const answer = await app.brought(person.page, client.redirect_uris[0]);
  must(answer.code, 'way', `no code but ${JSON.stringify(answer)}`);
  return { request, answer };
}

export const journeys = [
  {
    name: 'log in and approve',
    async run(stage) {
      const { person, app, places, clients: { photos }, step } = stage;
      const request = app.request(places.standard, photos);
      let answer;
      await step('the application sends him to log in', async () => {
        await person.open(request.url);
        await logIn(stage);
      });
      await step('the question names the application and what it may do', async () => {
        await person.at('consent');
        await person.reads(photos.client_name);
        await person.reads(photos.description);
        for (const permission of ['See your name and your picture', 'See your photos', 'Add, change and delete your photos']) {
          await person.reads(permission);
        }
      });
      await step('approve, and be back with a code', async () => {
        await person.press(button.approve);
        await person.at('back');
        answer = await app.brought(person.page, photos.redirect_uris[0]);
        must(answer.state === request.state, 'way', 'the state did not come back');
        must(answer.iss === places.standard, 'way', `iss is ${answer.iss}`);
      });
      await step('the code is good for a token', async () => {
        const { access_token: token } = await app.redeem(request, answer.code);
        must(await app.isLive(request, token), 'token', 'it is not live');
      });
    },
  },
  {
    name: 'deny',
    async run(stage) {
      const { person, app, places, clients: { photos }, step } = stage;
      const request = app.request(places.standard, photos);
      await step('log in', async () => {
        await person.open(request.url);
        await logIn(stage);
      });
      await step('deny, and be back with the right error', async () => {
        await person.at('consent');
        await person.press(button.deny);
        await person.at('back');
        const answer = await app.brought(person.page, photos.redirect_uris[0]);
        must(answer.error === 'access_denied', 'way', `the error is ${answer.error}`);
        must(answer.state === request.state && !answer.code, 'way', `the answer is ${JSON.stringify(answer)}`);
      });
    },
  },
  {
    name: 'choose the account',
    people: { accounts: [{ id: '35', role: 'manager' }, { id: '36', role: 'owner' }] },
    async run(stage) {
      const { person, app, places, clients: { wistia }, step } = stage;
      const request = app.request(places.wistia, wistia);
      await step('log in', async () => {
        await person.open(request.url);
        await logIn(stage);
      });
      await step('choose one of several', async () => {
        await person.at('choose');
        await person.reads('Acme');
        await person.press(/globex/i);
      });
      await step('the question names the account', async () => {
        await person.at('consent for an account', page.consent);
        await person.reads('Globex');
        await person.reads('See everything in your account, and change nothing');
      });
      await step('the application hears which it was', async () => {
        await person.press(button.approve);
        await person.at('back');
        const answer = await app.brought(person.page, wistia.redirect_uris[0]);
        must(answer.account_id === '36' && answer.account_name === 'Globex', 'way', JSON.stringify(answer));
        const { scope } = await app.redeem(request, answer.code);
        must(Array.isArray(scope) && scope.includes('all:read'), 'token', `the scope is ${JSON.stringify(scope)}`);
      });
    },
  },
  {
    name: 'already approved',
    people: { accounts: [{ id: '35', role: 'manager' }] },
    async run(stage) {
      const { person, app, places, clients: { wistia }, step } = stage;
      await step('approve for the only account, without a choice', () => approved(stage, places.wistia, wistia));
      await step('the second time nobody is asked', async () => {
        const again = app.request(places.wistia, wistia);
        await person.open(again.url);
        await person.at('back');
        const answer = await app.brought(person.page, wistia.redirect_uris[0]);
        must(answer.code && answer.state === again.state, 'way', JSON.stringify(answer));
      });
    },
  },
  {
    name: 'asked for more',
    async run(stage) {
      const { person, app, places, clients: { webmaker }, step } = stage;
      await step('approve a little', () => approved(stage, places.webmaker, webmaker, { scopes: 'user' }));
      await step('asked for more, he is asked only for what is new', async () => {
        const request = app.request(places.webmaker, webmaker, { scopes: 'user email' });
        await person.open(request.url);
        await person.at('consent to more', page.consent);
        await person.reads('See your e-mail address');
        const old = person.page.getByText('See your public information');
        must(!(await old.isVisible()), 'content', 'what he approved before is asked again');
        await person.unfold(words.says.alreadyAllowed);
        must(await old.isVisible(), 'content', 'what he approved before is told nowhere');
        await person.at('consent to more, unfolded', page.consent);
        await person.press(button.approve);
        const { code } = await app.brought(person.page, webmaker.redirect_uris[0]);
        const { scope } = await app.redeem(request, code);
        must(scope === 'email user' || scope === 'user email', 'token', `the scope is ${scope}`);
      });
    },
  },
  {
    name: 'leave something out',
    async run(stage) {
      const { person, app, places, clients: { shop }, step } = stage;
      const request = app.request(places.standard, shop);
      await step('what he may leave out has a tick', async () => {
        await person.open(request.url);
        await logIn(stage);
        await person.at('consent with ticks', page.consent);
        await person.tick(/send you offers/i, false);
        await person.press(button.approve);
        await person.at('back');
      });
      await step('what he left out is not given', async () => {
        const { code } = await app.brought(person.page, shop.redirect_uris[0]);
        const { scope } = await app.redeem(request, code);
        must(scope.split(' ').sort().join() === 'mail:send,photos:read', 'token', `the scope is ${scope}`);
      });
    },
  },
  {
    name: 'sign up',
    async run(stage) {
      const { person, app, places, user, clients: { webmaker }, step } = stage;
      const request = app.request(places.webmaker, webmaker, { action: 'signup', scopes: 'user email' });
      await step('action=signup opens the page to sign up', async () => {
        await person.open(request.url);
        await person.at('signup');
      });
      await step('a name that is taken is told', async () => {
        await person.fill(field.username, user.username);
        await person.fill(field.email, `other-${user.email}`);
        await person.fill(field.password, user.password);
        await person.press(button.signup);
        await person.at('signup with a problem', page.signup);
        await person.isAlerted(words.says.nameTaken);
      });
      await step('sign up, and be asked at once', async () => {
        await person.fill(field.username, `new-${user.username}`);
        await person.fill(field.email, `new-${user.email}`);
        await person.fill(field.password, user.password);
        await person.press(button.signup);
        await person.at('consent');
      });
      await step('the application gets its code, with its own id', async () => {
        await person.press(button.approve);
        await person.at('back');
        const answer = await app.brought(person.page, webmaker.redirect_uris[0]);
        must(answer.client_id === webmaker.client_id && answer.code && answer.state === request.state, 'way', JSON.stringify(answer));
      });
    },
  },
  {
    name: 'a token in the fragment',
    async run(stage) {
      const { person, app, places, clients: { webmaker }, step } = stage;
      const request = app.request(places.webmaker, webmaker, { response_type: 'token', scopes: 'user' });
      await step('log in and approve', async () => {
        await person.open(request.url);
        await logIn(stage);
        await person.at('consent');
        await person.press(button.approve);
      });
      await step('the page of the application finds the token in its own address', async () => {
        const answer = await app.brought(person.page, webmaker.redirect_uris[0]);
        must(answer.token?.startsWith('wm_token_'), 'way', JSON.stringify(answer));
        const me = await fetch(new URL('/user', places.webmaker), { headers: { authorization: `token ${answer.token}` } });
        must((await me.json()).username === stage.user.username, 'token', 'it is somebody else');
      });
    },
  },
  {
    name: 'an application on the device',
    async run(stage) {
      const { person, app, places, clients: { native }, step } = stage;
      const request = app.request(places.standard, native);
      await step('log in', async () => {
        await person.open(request.url);
        await logIn(stage);
        await person.at('consent');
      });
      await step('approving leads out of the browser, and no policy stops it', async () => {
        person.watch.leaving();
        const answered = person.page.waitForResponse((response) => response.status() === 303, { timeout: PATIENCE });
        await person.pressHere(button.approve);
        const location = await (await answered).headerValue('location');
        must(location?.startsWith(`${native.redirect_uris[0]}?`), 'way', `it leads to ${location}`);
        await person.watch.settle();
        const code = new URL(location).searchParams.get('code');
        const { access_token: token } = await app.redeem(request, code);
        must(token, 'token', 'the code is good for nothing');
      });
    },
  },
  {
    name: 'log out with return',
    async run(stage) {
      const { person, app, places, clients: { webmaker }, step } = stage;
      await step('be logged in', () => approved(stage, places.webmaker, webmaker, { scopes: 'user' }));
      await step("the application's link ends the session and leads back", async () => {
        await person.open(`${places.webmaker}/logout?client_id=${webmaker.client_id}`);
        await person.at('back');
        const answer = await app.brought(person.page, webmaker.redirect_uris[0]);
        must(answer.logout === 'true', 'way', JSON.stringify(answer));
      });
      await step('it is over: he is asked to log in again', async () => {
        await person.open(app.request(places.webmaker, webmaker, { scopes: 'user' }).url);
        await person.at('login');
      });
    },
  },
  {
    name: 'it is not for him',
    async run(stage) {
      const { person, app, places, clients: { photos }, step } = stage;
      const request = app.request(places.standard, photos);
      await step('somebody else is signed in', async () => {
        await person.open(request.url);
        await logIn(stage);
        await person.at('consent');
      });
      await step('sign him out', async () => {
        await person.follow(link.logout);
        await person.at('logout');
        await person.press(button.logout);
      });
      await step('sign in, and the same question is there', async () => {
        await logIn(stage);
        await person.at('consent');
        await person.press(button.approve);
        await person.at('back');
        const answer = await app.brought(person.page, photos.redirect_uris[0]);
        must(answer.code && answer.state === request.state, 'way', JSON.stringify(answer));
      });
    },
  },
  {
    name: 'log out by the page',
    async run(stage) {
      const { person, places, step } = stage;
      await step('log in at the account page', async () => {
        await person.open(`${places.standard}/account`);
        await logIn(stage);
        await person.at('account');
      });
      await step('the link asks first', async () => {
        await person.follow(link.logout);
        await person.at('logout');
      });
      await step('sign out, and be nobody', async () => {
        await person.press(button.logout);
        await person.at('login');
        await person.open(`${places.standard}/account`);
        await person.at('login');
      });
    },
  },
  {
    name: 'revoke',
    people: { accounts: [{ id: '35', role: 'manager' }, { id: '36', role: 'owner' }] },
    async run(stage) {
      const { person, app, places, clients: { photos }, step } = stage;
      let request;
      let token;
      await step('an application has a token', async () => {
        const { request: made, answer } = await approved(stage, places.standard, photos);
        request = made;
        token = (await app.redeem(request, answer.code)).access_token;
        must(await app.isLive(request, token), 'token', 'it is not live');
      });
      await step('the account page names it and what it may do', async () => {
        await person.open(`${places.standard}/account`);
        await person.at('account with an application and roles', page.account);
        await person.reads('Globex');
        await person.reads(photos.client_name);
        await person.reads('Add, change and delete your photos');
      });
      await step('revoke, with immediate effect', async () => {
        await person.press(button.revoke(photos.client_name));
        await person.at('account without an application', page.account);
        must(!(await app.isLive(request, token)), 'token', 'it is live after its end');
        must((await person.button(button.revoke(photos.client_name)).count()) === 0, 'content', 'it is still listed');
      });
    },
  },
];
