// Whoever sits before the browser. He finds things by what they are and what they are called, as everybody does who reads the
// page or has it read to him. He has a pointer, or a keyboard alone.

import { must } from './flaw.mjs';
import { seenFocus } from './focus.mjs';
import { words } from './words.mjs';

/** What a page may take to come. No journey waits for it unless something is wrong. */
export const PATIENCE = 60_000;

class Person {
  /** `looks` is called with each page that he comes to, by its name in `words.page`. */
  constructor(page, watch, looks) {
    this.page = page;
    this.watch = watch;
    this.looks = looks;
  }

  /** Types an address. */
  async open(url, { status } = {}) {
    if (status) this.watch.allow(status);
    const answer = await this.page.goto(url, { timeout: PATIENCE });
    if (status) must(answer.status() === status, 'status', `${url} answered ${answer.status()} and not ${status}`);
  }

  /** Is on this page, by its heading, and nothing is wrong with it. */
  async at(name, heading = words.page[name]) {
    await this.finds(this.page.getByRole('heading', { level: 1, name: heading }), `the page “${name}”, headed ${heading}`);
    await this.watch.settle();
    await this.looks?.(this, name);
    await this.watch.settle();
  }

  /** Reads this somewhere on the page. */
  async reads(text) {
    await this.finds(this.page.getByText(text).first(), `the text ${text}`);
  }

  /** Reads it nowhere. */
  async readsNot(text) {
    const count = await this.page.getByText(text).count();
    must(count === 0, 'content', `${text} stands on ${this.page.url()}, and must not`);
  }

  /** Is told of a problem in a way that is read out by itself: as an alert, or by having the focus moved to it. */
  async isAlerted(text) {
    await this.finds(this.page.getByText(text).first(), `the text ${text}`);
    const told = await this.page.getByText(text).first().evaluate((element) => {
      const alert = element.closest('[role=alert], [role=status], [aria-live=assertive], [aria-live=polite]');
      return Boolean(alert) || (document.activeElement !== document.body && document.activeElement.contains(element));
    });
    must(told, 'announcement', `“${text}” is neither an alert nor does it have the focus`);
  }

  /** Sees so many pictures in the content of the page, and each is there. */
  async seesPictures(count) {
    const seen = await this.page.getByRole('main').locator('img').evaluateAll((all) => all.map((one) => one.complete && one.naturalWidth > 0));
    must(seen.length === count && seen.every(Boolean), 'content', `of ${count} pictures ${seen.filter(Boolean).length} are seen at ${this.page.url()}`);
  }

  field(label) {
    return this.page.getByLabel(label).and(this.page.locator(':is(input, textarea, select):not([type=hidden])'));
  }

  button(name) {
    return this.page.getByRole('button', { name });
  }

  link(name) {
    return this.page.getByRole('link', { name });
  }

  /** Presses a button and waits for the page that it leads to. */
  async press(name) {
    await this.comes(() => this.use(this.button(name), `the button ${name}`));
  }

  /** Presses a button that leads to no other page. */
  async pressHere(name) {
    await this.use(this.button(name), `the button ${name}`);
  }

  /** Opens what is folded under this heading. */
  async unfold(text) {
    await this.use(this.page.getByText(text), `what is folded under ${text}`);
  }

  /** Copies a field: by the button that is there for it, or, where no script runs, by marking what it holds. */
  async copies(label, name) {
    const field = await this.finds(this.field(label), `the field ${label}`);
    const text = await field.inputValue();
    if (!(await this.button(name).isVisible())) return text;
    await this.pressHere(name);
    await this.finds(this.page.getByRole('status').filter({ hasText: /./ }).first(), 'the word that it was copied');
    const copied = await this.page.evaluate(() => navigator.clipboard.readText());
    must(copied === text, 'content', `the button ${name} copied “${copied}”`);
    return copied;
  }

  /** The same over plain http, where a browser gives a page no clipboard: only what was copied is said to be. */
  async copiesWithoutClipboard(label, name, says) {
    const text = await (await this.finds(this.field(label), `the field ${label}`)).inputValue();
    if (!(await this.button(name).isVisible())) return;
    const said = this.button(name).locator('xpath=following-sibling::*[1]');
    for (const [works, word] of [[true, says.copied], [false, says.notCopied]]) {
      await this.page.evaluate(async (works) => {
        await navigator.clipboard.writeText('before');
        Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true });
        if (!works) document.execCommand = () => false;
      }, works);
      await this.pressHere(name);
      await this.finds(said.filter({ hasText: word }), `the word ${word}`);
      const copied = await this.page.evaluate(() => {
        delete navigator.clipboard;
        delete document.execCommand;
        return navigator.clipboard.readText();
      });
      must(copied === (works ? text : 'before'), 'content', `without a clipboard ${name} copied “${copied}”`);
    }
  }

  /** Follows a link. */
  async follow(name) {
    await this.comes(() => this.use(this.link(name), `the link ${name}`));
  }

  /** Waits for another document after what is done. */
  async comes(done) {
    const another = this.page.waitForEvent('domcontentloaded', { timeout: PATIENCE });
    // Where doing it fails, that is what is told.
    another.catch(() => {});
    await done();
    await Promise.race([another, this.watch.trouble]).catch(() => must(false, 'way', `nothing came of it; still at ${this.page.url()}`));
  }

  /** Waits until it is there and can be seen. */
  async finds(locator, what) {
    try {
      await locator.waitFor({ state: 'visible', timeout: PATIENCE });
    } catch (error) {
      const count = await locator.count();
      const heading = await this.page.getByRole('heading', { level: 1 }).allInnerTexts();
      const many = count > 1 ? `there are ${count} of` : 'there is not';
      must(false, 'way', `${many} ${what} at ${this.page.url()}, “${heading.join(' ')}”`);
    }
    return locator;
  }
}

export class Pointer extends Person {
  hands = 'pointer';

  async fill(label, text) {
    await (await this.finds(this.field(label), `the field ${label}`)).fill(text);
  }

  /** Presses Enter in the field that was filled last. */
  async enter() {
    await this.comes(() => this.page.keyboard.press('Enter'));
  }

  /** Chooses a file: what the system's own window would give. */
  async attach(label, file) {
    await (await this.finds(this.field(label), `the field ${label}`)).setInputFiles(file);
  }

  async tick(label, on = true) {
    const box = await this.finds(this.page.getByRole('checkbox', { name: label }), `the tick ${label}`);
    await box.setChecked(on, { timeout: PATIENCE });
  }

  async choose(label) {
    const choice = await this.finds(this.page.getByRole('radio', { name: label }), `the choice ${label}`);
    await choice.check({ timeout: PATIENCE });
  }

  async select(label, option) {
    await (await this.finds(this.field(label), `the field ${label}`)).selectOption({ label: option });
  }

  async use(locator, what) {
    await (await this.finds(locator, what)).click({ timeout: PATIENCE });
  }
}

/** Has Tab, Shift, Enter, Space and letters; and the arrows, where a group of choices is one stop. */
export class Keyboard extends Person {
  hands = 'keyboard';

  async fill(label, text) {
    await this.#reach(this.field(label), `the field ${label}`);
    await this.page.keyboard.press('ControlOrMeta+a');
    if (text) await this.page.keyboard.insertText(text);
    else await this.page.keyboard.press('Delete');
  }

  async enter() {
    await this.comes(() => this.page.keyboard.press('Enter'));
  }

  async attach(label, file) {
    await this.#reach(this.field(label), `the field ${label}`);
    await this.field(label).setInputFiles(file);
  }

  async tick(label, on = true) {
    const box = this.page.getByRole('checkbox', { name: label });
    await this.#reach(box, `the tick ${label}`);
    if ((await box.isChecked()) !== on) await this.page.keyboard.press('Space');
    must((await box.isChecked()) === on, 'keyboard', `Space does not change the tick ${label}`);
  }

  async choose(label) {
    const choice = await this.finds(this.page.getByRole('radio', { name: label }), `the choice ${label}`);
    const group = await choice.getAttribute('name');
    const any = `input[type=radio][name=${JSON.stringify(group)}]`;
    const checked = this.page.locator(`${any}:checked`);
    await this.#reach((await checked.count()) ? checked : this.page.locator(any).first(), `the choices ${label}`);
    await this.page.keyboard.press('Space');
    for (let count = await this.page.locator(any).count(); count > 0 && !(await choice.isChecked()); count -= 1) {
      await this.page.keyboard.press('ArrowDown');
    }
    must(await choice.isChecked(), 'keyboard', `the arrows do not lead to the choice ${label}`);
  }

  async select(label, option) {
    const field = this.field(label);
    await this.#reach(field, `the field ${label}`);
    await this.page.keyboard.type(option);
    const chosen = await field.evaluate((element) => element.selectedOptions[0]?.label);
    must(chosen === option, 'keyboard', `typing “${option}” in ${label} chose “${chosen}”`);
  }

  async use(locator, what) {
    await this.#reach(locator, what);
    const isLink = await locator.evaluate((element) => element.matches('a'));
    // A button takes either; one and the other are used in turn.
    this.turn = !this.turn;
    await this.page.keyboard.press(isLink || this.turn ? 'Enter' : 'Space');
  }

  /** Tabs to it, and sees at each stop where he is. */
  async #reach(locator, what) {
    const handle = await (await this.finds(locator, what)).elementHandle({ timeout: PATIENCE });
    const most = 3 + 2 * (await this.page.locator('a[href], button, input, select, textarea, summary, [tabindex]').count());
    for (let steps = 0; steps <= most; steps += 1) {
      if (await handle.evaluate((element) => element === document.activeElement)) {
        await seenFocus(this.page);
        return;
      }
      await this.page.keyboard.press('Tab');
      await seenFocus(this.page);
    }
    must(false, 'keyboard', `Tab never reaches ${what} at ${this.page.url()}`);
  }
}
