// One pass: every journey, each by somebody new in a browser that knows nothing, by pointer or keyboard, with JavaScript or not.

import path from 'node:path';

import { Flaw } from './flaw.mjs';
import { WIDE, look, lookByKeyboard } from './looks.mjs';
import { Keyboard, Pointer } from './person.mjs';
import { clients, somebody } from './scene.mjs';
import { Watch } from './watch.mjs';

export const passes = [
  { name: 'js, pointer', js: true, hands: Pointer, look },
  { name: 'js, keyboard', js: true, hands: Keyboard, look: lookByKeyboard },
  { name: 'no js, pointer', js: false, hands: Pointer },
  { name: 'no js, keyboard', js: false, hands: Keyboard },
];

let people = 0;

export class Pass {
  /** `quiet` prints nothing: what fails is for the caller to tell. Everything goes through `proxy`, if there is one. */
  constructor({ kind, subject, app, browser, folder, proxy, quiet = false }) {
    Object.assign(this, { kind, subject, app, browser, folder, proxy, quiet });
    this.looked = new Set();
    this.free = [];
  }

  async run(journeys) {
    const users = journeys.map(({ people: more, admin }) => {
      people += 1;
      return somebody(`ann${people}`, { ...more, ...(admin ? { admin } : {}) });
    });
    const subjects = [];
    for (const { branded } of journeys) subjects.push(branded ? await this.subject.branded() : this.subject);
    for (const subject of new Set(subjects)) await subject.import({ users: users.filter((_, at) => subjects[at] === subject) });
    const outcomes = [];
    for (const [at, journey] of journeys.entries()) outcomes.push(await this.#walk(journey, users[at], subjects[at]));
    for (const { person } of this.free) await person.page.context().close();
    return outcomes;
  }

  async #walk(journey, user, subject) {
    const begun = performance.now();
    const present = [];
    const newcomer = async (more = {}) => {
      const options = { ...(journey.agent ? { userAgent: journey.agent } : {}), ...more };
      const person = await this.#newcomer(subject, options);
      present.push({ person, options, subject });
      return person;
    };
    const person = await newcomer();
    const stage = {
      person, newcomer, user, app: this.app, subject, places: subject.places,
      clients: clients(this.app.origin), step: (name, done) => this.#step(journey, present.map(({ person }) => person), name, done),
    };
    let flaw = null;
    try {
      await journey.run(stage);
    } catch (error) {
      flaw = error;
      const picture = path.join(this.folder, `${journey.name} (${this.kind.name}).png`.replaceAll(' ', '-'));
      await present.at(-1).person.page.screenshot({ path: picture, fullPage: true }).catch(() => {});
    }
    for (const one of present) await this.#leaves(one, flaw);
    const seconds = (performance.now() - begun) / 1000;
    return { name: journey.name, how: this.kind.name, seconds, flaw };
  }

  /** Somebody with a browser of his own, which knows nothing. */
  async #newcomer(subject, more) {
    const fits = (one) => one.subject === subject && JSON.stringify(one.options) === JSON.stringify(more);
    const known = this.free.findIndex(fits);
    if (known >= 0) return this.free.splice(known, 1)[0].person;
    const context = await this.browser.newContext({
      javaScriptEnabled: this.kind.js,
      viewport: WIDE,
      locale: 'en-GB',
      reducedMotion: 'reduce',
      ignoreHTTPSErrors: true,
      permissions: ['clipboard-read', 'clipboard-write'],
      // Loopback addresses go past a proxy unless this is said.
      ...(this.proxy ? { proxy: { server: this.proxy, bypass: '<-loopback>' } } : {}),
      ...more,
    });
    const page = await context.newPage();
    const watch = await Watch.over(page, { ours: subject.origins, theirs: [this.app.origin] });
    return new this.kind.hands(page, watch, (who, name) => this.#look(who, name, subject));
  }

  /**
   * A browser in which all was well is made to forget, and used again: a new one is what takes the time. One that was sent to a
   * program of the machine goes on asking about that, and takes nothing else.
   */
  async #leaves({ person, options, subject }, flaw) {
    const context = person.page.context();
    if (flaw || person.watch.left) {
      await context.close();
      return;
    }
    await context.clearCookies();
    await person.page.goto('about:blank');
    this.free.push({ person, options, subject });
  }

  async #step(journey, present, name, done) {
    const line = `${journey.name} [${this.kind.name}]: ${name}`;
    try {
      await done();
      for (const { watch } of present) await watch.settle();
    } catch (consequence) {
      // What the browser told of before is why the rest went wrong.
      const causes = await Promise.all(present.map(({ watch }) => watch.cause()));
      const error = causes.find(Boolean) ?? consequence;
      if (!this.quiet) console.log(`${line}: FAILED: ${error instanceof Flaw ? error.message : error.stack}`);
      throw error;
    }
    if (!this.quiet) console.log(`${line}: ok`);
  }

  /**
   * A page is looked at when it is first come to by its name: what it says differs from one to the next, what it is does not.
   * A page that is something else in another state has a name for each.
   */
  async #look(person, name, subject) {
    if (!this.kind.look || this.looked.has(name) || !subject.origins.includes(new URL(person.page.url()).origin)) return;
    this.looked.add(name);
    await this.kind.look(person.page, name, subject);
  }
}
