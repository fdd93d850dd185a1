// What whoever runs the place does, on the pages of the admin listener.

import { must } from '../flaw.mjs';
import { words } from '../words.mjs';
import { approved, logIn } from './visitor.mjs';

const { console: of } = words;

/** Logs in at the console. */
async function atDesk(stage) {
  const { person, places } = stage;
  await person.open(`${places.admin}/`);
  await logIn(stage);
  await person.at('console overview', of.page.overview);
}

/** A customer who has an application of his own authorized, in a browser of his own. */
async function customer(stage) {
  const { newcomer, subject, app, places, user, clients: { photos } } = stage;
  const username = `customer-${user.username}`;
  const one = { ...user, username, email: `${username}@example.test`, admin: false };
  await subject.import({ users: [one] });
  const his = { ...stage, user: one, person: await newcomer() };
  const { request, answer } = await approved(his, places.standard, photos);
  const { access_token: token } = await app.redeem(request, answer.code);
  return { ...his, request, token };
}

export const journeys = [
  {
    name: 'operator: look around',
    people: { admin: true },
    async run(stage) {
      const { person, step } = stage;
      await step('log in', () => atDesk(stage));
      for (const [name, heading] of Object.entries(of.menu)) {
        await step(`see ${name}`, async () => {
          await person.follow(heading);
          await person.at(`console ${name}`, heading);
        });
      }
      await step('see a profile, with its dangers and what it sets', async () => {
        await person.follow(of.menu.profiles);
        await person.follow('standard');
        await person.at('console profile', of.page.profile('standard'));
      });
      await step('see one that speaks in its own way', async () => {
        await person.follow(of.menu.profiles);
        await person.follow('wistia');
        await person.at('console profile with dangers', of.page.profile('wistia'));
      });
      await step('see an account', async () => {
        await person.follow(of.menu.accounts);
        await person.follow('35');
        await person.at('console account', of.page.account('35'));
        await person.reads('Acme');
      });
    },
  },
  {
    name: 'operator: only for operators',
    async run(stage) {
      const { person, places, step } = stage;
      await step('whoever is none is let in nowhere', async () => {
        await person.open(`${places.admin}/`);
        await logIn(stage, 403);
        await person.at('console forbidden', of.page.forbidden);
      });
      await step('he can sign in as somebody who is', async () => {
        await person.follow(words.link.otherwise);
        await person.at('login');
      });
    },
  },
  {
    name: 'operator: help a customer',
    people: { admin: true },
    async run(stage) {
      const { person, app, user, step } = stage;
      let his;
      await step('a customer has authorized an application', async () => {
        his = await customer(stage);
        await atDesk(stage);
      });
      await step('find him by the beginning of his name', async () => {
        await person.follow(of.menu.users);
        await person.at('console users', of.menu.users);
        await person.fill(of.field.prefix, his.user.username);
        await person.press(of.button.search);
        await person.at('console users', of.menu.users);
        await person.follow(his.user.username);
        await person.at('console user', of.page.about(his.user.username));
        await person.reads(his.user.email);
      });
      await step('find a token that he pasted', async () => {
        await person.follow(of.menu.token);
        await person.fill(of.field.token, his.token);
        await person.press(of.button.lookUp);
        await person.at('console token found', of.menu.token);
        await person.reads(his.user.username);
      });
      await step('see the grant it is of, and revoke that', async () => {
        await person.follow(of.link.grants);
        await person.at('console grants', of.menu.grants);
        await person.follow(of.link.grant);
        await person.at('console grant', of.page.grant);
        await person.follow(of.link.revoke);
        await person.at('console sure', of.page.sureToRevoke);
        await person.press(of.button.revoke);
        await person.at('console grant', of.page.grant);
        must(!(await app.isLive(his.request, his.token)), 'token', 'it is live after its end');
      });
      await step('read in the audit trail what happened to his grants', async () => {
        await person.follow(of.menu.audit);
        await person.at('console audit', of.menu.audit);
        await person.fill(of.field.subject, his.user.username);
        await person.select(of.field.kind, of.option.grantRevoked);
        await person.press(of.button.search);
        await person.at('console audit found', of.menu.audit);
        const rows = await person.page.getByRole('row').filter({ hasText: his.user.username }).allInnerTexts();
        must(rows.length === 1 && /by an operator/.test(rows[0]), 'content', `the rows are ${JSON.stringify(rows)}`);
        await person.follow(of.menu.audit);
        await person.fill(of.field.by, `operator:${user.username}`);
        await person.press(of.button.search);
        await person.at('console audit found', of.menu.audit);
        await person.reads('grant.revoke');
      });
    },
  },
  {
    name: 'operator: a token in wrong hands',
    people: { admin: true },
    async run(stage) {
      const { person, app, step } = stage;
      let his;
      await step('a customer has authorized an application', async () => {
        his = await customer(stage);
        await atDesk(stage);
      });
      await step('paste it and revoke it', async () => {
        await person.follow(of.menu.token);
        await person.fill(of.field.token, his.token);
        await person.press(of.button.revoke);
        await person.at('console token to be revoked', of.page.sureToEnd);
        await person.reads(his.user.username);
        must(await app.isLive(his.request, his.token), 'token', 'it ended before it was asked whether it should');
        await person.press(of.button.revoke);
        await person.at('console token revoked', of.menu.token);
        await person.isAlerted(of.says.revoked);
        must(!(await app.isLive(his.request, his.token)), 'token', 'it is live after its end');
      });
      await step('garbage is told to be worth nothing', async () => {
        await person.fill(of.field.token, 'gra_at_nothing');
        await person.press(of.button.lookUp);
        await person.at('console token worthless', of.menu.token);
        await person.reads(of.says.worthless);
      });
    },
  },
  {
    name: 'operator: register a client',
    people: { admin: true },
    async run(stage) {
      const { person, app, places, user, step } = stage;
      const id = `by-${user.username}`;
      let secret;
      const token = () => app.clientToken(places.standard, id, secret);
      await step('register it', async () => {
        await atDesk(stage);
        await person.follow(of.menu.clients);
        await person.follow(of.link.newClient);
        await person.at('console new client', of.page.newClient);
        await person.fill(of.field.clientId, id);
        await person.fill(of.field.name, 'By Hand');
        await person.tick(of.field.authorizationCode, false);
        await person.tick(of.field.clientCredentials);
        await person.tick(of.field.code, false);
        await person.fill(of.field.scope, 'photos:read');
        await person.press(of.button.register);
        await person.at('console shown once', of.page.once);
        secret = await person.field(of.field.clientSecret).inputValue();
      });
      await step('its secret is good for a token', token);
      await step('give it another secret', async () => {
        await person.follow(of.link.goOn);
        await person.at('console client', of.page.client(id));
        await person.follow(of.link.newSecret);
        await person.at('console new secret', of.page.newSecret);
        await person.press(of.button.newSecret);
        await person.at('console new secret shown once', of.page.once);
        secret = await person.field(of.field.clientSecret).inputValue();
      });
      await step('that one is good for a token, too', token);
      await step('change it: what cannot be is told beside its field, and what was entered stays', async () => {
        await person.follow(of.link.goOn);
        await person.follow(of.link.change);
        await person.at('console change client', of.page.changeClient(id));
        await person.fill(of.field.name, 'By Another Hand');
        await person.fill(of.field.homePage, 'http://in-clear.example.test');
        person.watch.allow(400);
        await person.press(of.button.save);
        await person.at('console change client with a problem', of.page.changeClient(id));
        await person.isAlerted(of.says.wrongPage);
        must((await person.field(of.field.name).inputValue()) === 'By Another Hand', 'content', 'the name has to be entered again');
        await person.fill(of.field.homePage, 'https://by-hand.example.test');
        await person.press(of.button.save);
        await person.at('console client changed', of.page.client(id));
        await person.reads('By Another Hand');
      });
      await step('delete it, by typing its id', async () => {
        await person.follow(of.link.delete);
        await person.at('console delete client', of.page.deleteClient);
        await person.fill(of.field.confirm, 'something else');
        person.watch.allow(400);
        await person.press(of.button.delete);
        await person.at('console delete client with a problem', of.page.deleteClient);
        await person.isAlerted(of.says.notSame);
        await person.fill(of.field.confirm, id);
        await person.press(of.button.delete);
        await person.at('console clients', of.menu.clients);
        must(!(await app.isKnown(places.standard, id, secret)), 'token', 'it is good for a token after its end');
      });
    },
  },
  {
    name: 'operator: rotate the signing key',
    people: { admin: true },
    async run(stage) {
      const { person, places, step } = stage;
      const keys = async () => (await (await fetch(`${places.standard}/.well-known/jwks.json`)).json()).keys.map(({ kid }) => kid);
      let added;
      await step('a new key is published beside the old', async () => {
        await atDesk(stage);
        await person.follow(of.menu.keys);
        await person.at('console keys', of.menu.keys);
        const before = await keys();
        await person.follow(of.link.rotate);
        await person.at('console rotate', of.page.rotate);
        await person.press(of.button.rotate);
        await person.at('console keys', of.menu.keys);
        const after = await keys();
        must(after.length === before.length + 1 && before.every((kid) => after.includes(kid)), 'content', `the keys were ${before}, and are ${after}`);
        added = after.find((kid) => !before.includes(kid));
      });
      await step('one that came into wrong hands is taken out, by typing its id', async () => {
        await person.follow(of.link.retire(added));
        await person.at('console retire', of.page.retire);
        await person.fill(of.field.confirm, added);
        await person.press(of.button.retire);
        await person.at('console keys', of.menu.keys);
        must(!(await keys()).includes(added), 'content', 'it is published after its end');
      });
    },
  },
];
