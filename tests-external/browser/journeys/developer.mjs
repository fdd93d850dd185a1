// What whoever writes an application does: registers it, takes what he needs to his program, and looks after it.

import { must } from '../flaw.mjs';
import { NO_PICTURE, PICTURE } from '../scene.mjs';
import { words } from '../words.mjs';
import { logIn } from './visitor.mjs';

const { apps: of, page, button, link } = words;

/** The verifier of RFC 7636, appendix B: the ready-made link has its challenge. */
const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';

/** Comes to his applications, by way of the login. */
export async function atApps(stage) {
  const { person, places } = stage;
  await person.open(`${places.standard}/account`);
  await logIn(stage);
  await person.at('account');
  await person.follow(link.apps);
  await person.at('apps', of.page.list);
}

export const journeys = [
  {
    name: 'register an application',
    async run(stage) {
      const { person, app, places, step } = stage;
      const name = 'Wedding Album';
      const redirect = `${app.origin}/mine`;
      const mine = { redirect_uris: [redirect], token_endpoint_auth_method: 'client_secret_basic', endpoints: stage.clients.photos.endpoints };
      let address;
      const redeem = (secret) => app.isKnownWith(places.standard, { ...mine, client_secret: secret });
      await step('find where', async () => {
        await atApps(stage);
        await person.follow(of.link.register);
        await person.at('app form', of.page.register);
      });
      await step('what cannot be is told, and what was entered stays', async () => {
        await person.fill(of.field.name, name);
        await person.fill(of.field.description, 'Your guests put their pictures together');
        await person.fill(of.field.redirects, 'http://app.example.test/cb');
        await person.tick(/see your photos/i);
        person.watch.allow(400);
        person.watch.allow(422);
        await person.press(of.button.register);
        await person.at('app form with a problem', of.page.register);
        await person.isAlerted(of.says.wrongRedirect);
        must((await person.field(of.field.name).inputValue()) === name, 'content', 'the name has to be entered again');
      });
      await step('register it', async () => {
        await person.fill(of.field.redirects, redirect);
        await person.press(of.button.register);
        await person.at('app registered', new RegExp(`^${name}$`));
      });
      await step('copy what the program needs', async () => {
        mine.client_secret = await person.copies(of.field.secret, of.button.copySecret);
        mine.client_id = await person.copies(of.field.clientId, of.button.copyId);
        address = await person.copies(of.field.link, of.button.copyLink);
      });
      await step('where there is no clipboard, nothing is said to be copied that is not', () =>
        person.copiesWithoutClipboard(of.field.secret, of.button.copySecret, of.says),
      );
      await step('a file that is no picture is refused', async () => {
        await person.follow(of.link.change);
        await person.at('app form, again', of.page.change(name));
        await person.attach(of.field.picture, NO_PICTURE);
        person.watch.allow(400);
        person.watch.allow(422);
        await person.press(of.button.usePicture);
        await person.at('app form with a wrong picture', of.page.change(name));
        await person.isAlerted(of.says.wrongPicture);
      });
      await step('a picture is taken, and shown', async () => {
        await person.attach(of.field.picture, PICTURE);
        await person.press(of.button.usePicture);
        await person.at('app form with a picture', of.page.change(name));
        await person.seesPictures(1);
      });
      await step('the link leads to a question that names it, shows its picture, and says whose it is', async () => {
        await person.open(address);
        await person.at('consent with a picture and an owner', page.consent);
        await person.reads(name);
        await person.reads('Registered by Ann Able');
        await person.seesPictures(1);
        await person.press(button.approve);
        await person.at('back');
      });
      await step('what was copied is good for a token', async () => {
        const { code } = await app.brought(person.page, redirect);
        const request = { base: places.standard, client: mine, verifier: VERIFIER };
        const { access_token: token } = await app.redeem(request, code);
        must(await app.isLive(request, token), 'token', 'it is not live');
      });
      await step('his page counts the authorization', async () => {
        await person.open(`${places.standard}/apps`);
        await person.at('apps with one', of.page.list);
        await person.follow(name);
        await person.at('app', new RegExp(`^${name}$`));
        await person.seesPictures(1);
        await person.reads(of.says.oneGrant);
        must((await person.field(of.field.secret).count()) === 0, 'content', 'the secret is shown a second time');
      });
      await step('another secret, and the old one for an hour', async () => {
        await person.select(of.field.overlap, of.option.hour);
        await person.press(of.button.rotate);
        await person.at('app with a new secret', new RegExp(`^${name}$`));
        const another = await person.copies(of.field.secret, of.button.copySecret);
        must(another !== mine.client_secret, 'token', 'the secret is the same');
        must(await redeem(another), 'token', 'the new secret is good for nothing');
        must(await redeem(mine.client_secret), 'token', 'the old secret has ended at once');
      });
      await step('to load that page again gives no other', async () => {
        person.watch.allow(409);
        await person.page.reload();
        await person.at('app done already', of.page.done);
        await person.follow(of.page.list);
        await person.at('apps', of.page.list);
        await person.follow(name);
        await person.at('app, again', new RegExp(`^${name}$`));
      });
      await step('call it something else', async () => {
        await person.follow(of.link.change);
        await person.at('app form with a picture', of.page.change(name));
        await person.fill(of.field.name, 'Silver Wedding Album');
        await person.press(of.button.save);
        await person.at('app changed', /^silver wedding album$/i);
      });
      await step('take the picture away', async () => {
        await person.follow(of.link.change);
        await person.press(of.button.removePicture);
        await person.at('app form, again', of.page.change('Silver Wedding Album'));
        await person.seesPictures(0);
        await person.open(`${places.standard}/apps`);
        await person.follow('Silver Wedding Album');
      });
      await step('delete it, by typing its name', async () => {
        await person.follow(of.link.delete);
        await person.at('app delete', of.page.delete);
        await person.fill(of.field.confirm, 'something else');
        person.watch.allow(400);
        person.watch.allow(422);
        await person.press(of.button.delete);
        await person.at('app delete with a problem', of.page.delete);
        await person.isAlerted(of.says.differs);
        await person.fill(of.field.confirm, 'Silver Wedding Album');
        await person.press(of.button.delete);
        await person.at('apps', of.page.list);
        await person.reads(of.says.none);
        must(!(await redeem(mine.client_secret)), 'token', 'its secret is good for something after its end');
      });
    },
  },
];

/** Registers an application with a hostile name, and gives the name of its page. */
export async function registerHostile(stage, { name, description }) {
  const { person, app } = stage;
  await person.follow(of.link.register);
  await person.at('app form', of.page.register);
  await person.fill(of.field.name, name);
  await person.fill(of.field.description, description);
  await person.fill(of.field.redirects, `${app.origin}/hostile-too`);
  await person.press(of.button.register);
  await person.at('app with a hostile name', name);
}
