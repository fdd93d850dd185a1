// What whoever has a keyboard and no pointer needs: to see where he is, to get everywhere in a sensible order, and away again.

import { Flaw, must } from './flaw.mjs';

/** Non-text contrast (WCAG 2.2, 1.4.11). */
const LEAST_CONTRAST = 3;

/** Throws unless the element that has the focus shows it, and can itself be seen. */
export async function seenFocus(page) {
  const why = await page.evaluate((least) => {
    const element = document.activeElement;
    if (!element || element === document.body || element === document.documentElement) return null;
    const name = `<${element.localName}${element.id ? ` id=${element.id}` : ''}> “${(element.innerText || element.name || '').trim().slice(0, 40)}”`;
    const box = element.getBoundingClientRect();
    const shown = [element, ...(element.labels ?? []), element.nextElementSibling, element.parentElement].filter(Boolean);
    if (box.bottom <= 0 || box.top >= innerHeight || box.right <= 0 || box.left >= innerWidth) return `${name} has the focus outside of what can be seen`;
    const rgba = (text) => {
      const canvas = (rgba.canvas ??= Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d', { willReadFrequently: true }));
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = text;
      canvas.fillRect(0, 0, 1, 1);
      return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const behind = (of) => {
      for (let at = of.parentElement; at; at = at.parentElement) {
        const colour = rgba(getComputedStyle(at).backgroundColor);
        if (colour[3] === 255) return colour;
      }
      return rgba('Canvas');
    };
    const light = ([r, g, b]) => {
      const part = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
      return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
    };
    let found = 'no outline at all';
    for (const one of shown) {
      const style = getComputedStyle(one);
      if (style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 1) continue;
      const colour = rgba(style.outlineColor);
      if (colour[3] === 0) { found = 'a transparent outline'; continue; }
      const [a, b] = [light(colour), light(behind(one))].sort((x, y) => y - x);
      const contrast = (a + 0.05) / (b + 0.05);
      if (contrast >= least) return null;
      found = `an outline of contrast ${contrast.toFixed(2)}`;
    }
    return `${name} has the focus and shows it by ${found}`;
  }, LEAST_CONTRAST);
  must(!why, 'focus', why);
}

/** Marks whatever can be reached, in the order of the document, and gives how many that are. A group of radio buttons is one. */
async function stops(page) {
  return page.evaluate(() => {
    const groups = new Set();
    const all = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')].filter((e) => {
      if (e.disabled || e.type === 'hidden' || e.tabIndex < 0) return false;
      if (!e.checkVisibility({ visibilityProperty: true })) return false;
      if (e.type === 'radio') {
        const group = `${e.form?.id} ${[...document.forms].indexOf(e.form)} ${e.name}`;
        const chosen = document.querySelectorAll(`input[type=radio]:checked`);
        if ([...chosen].some((c) => c.name === e.name && c.form === e.form) ? !e.checked : groups.has(group)) return false;
        groups.add(group);
      }
      return true;
    });
    document.querySelectorAll('[data-stop]').forEach((e) => e.removeAttribute('data-stop'));
    all.forEach((e, number) => e.setAttribute('data-stop', number));
    return all.map((e) => {
      const box = e.getBoundingClientRect();
      const style = getComputedStyle(e);
      return {
        name: `<${e.localName}> “${(e.innerText || e.getAttribute('aria-label') || e.name || '').trim().slice(0, 40)}”`,
        tabindex: Number(e.getAttribute('tabindex') ?? 0),
        fixed: style.position === 'absolute' || style.position === 'fixed' || box.width <= 1,
        top: box.top + scrollY, bottom: box.bottom + scrollY, left: box.left, right: box.right,
      };
    });
  });
}

/** The number of the stop that has the focus; nothing where the page itself has it. */
const here = (page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    if (!element || element === document.body || element === document.documentElement) return null;
    return element.dataset.stop === undefined ? -1 : Number(element.dataset.stop);
  });

/** Goes all the way round by Tab, and back by Shift-Tab, and throws where that leads astray. */
export async function round(page) {
  const all = await stops(page);
  must(all.length > 0, 'keyboard', `there is nothing to reach on ${page.url()}`);
  const ahead = all.find((stop) => stop.tabindex > 0);
  must(!ahead, 'keyboard', `${ahead?.name} jumps the queue by its tabindex`);
  const bound = all.length * 3 + 30;
  // From wherever it is once round, as read from the first stop on. Between the last and the first a browser may have stops of its own.
  const walk = async (key, check) => {
    const met = [];
    for (let steps = 0; ; steps += 1) {
      must(steps < bound, 'keyboard', `${key} never comes back to where it began: the focus is trapped`);
      await page.keyboard.press(key);
      const at = await here(page);
      if (check) await seenFocus(page);
      // What scrolls by itself is a stop as well, and none of ours.
      if (at === null || at < 0 || (all.length > 1 && met.at(-1) === at)) continue;
      if (met[0] === at) return met;
      met.push(at);
    }
  };
  const fromFirst = (met) => [...met.slice(met.indexOf(0)), ...met.slice(0, met.indexOf(0))];
  const forth = fromFirst(await walk('Tab', true));
  const missed = all.findIndex((_, number) => !forth.includes(number));
  must(missed < 0, 'keyboard', `Tab never reaches ${all[missed]?.name}`);
  const wrong = forth.findIndex((stop, number) => stop !== number);
  must(wrong < 0, 'keyboard', `Tab comes to ${all[forth[wrong]]?.name} out of turn`);
  const back = fromFirst((await walk('Shift+Tab', false)).reverse());
  must(back.join() === forth.join(), 'keyboard', `Shift-Tab does not lead back the way that Tab came: ${forth} there, and ${back} back, of ${all.map(({ name }) => name).join(', ')}`);
  for (let number = 1; number < all.length; number += 1) {
    const [one, next] = [all[number - 1], all[number]];
    const above = next.bottom < one.top - 4 && next.left < one.right && one.left < next.right;
    if (above && !one.fixed && !next.fixed) throw new Flaw('keyboard', `from ${one.name} the focus goes up to ${next.name}`);
  }
}
