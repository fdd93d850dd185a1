// What a page must be like, whoever comes and however: for every eye, on every screen, read from either side.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { must } from './flaw.mjs';
import { round } from './focus.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** WCAG 2.2 AA, and what axe holds to be good practice beside it. */
const EVERY_RULE = { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] };
const COLOURS = { type: 'rule', values: ['color-contrast', 'link-in-text-block'] };

export const WIDE = { width: 1280, height: 800 };
export const NARROW = { width: 320, height: 640 };
/** Between the two, where a table is still one and a menu no longer stands beside it. */
const BETWEEN = { width: 768, height: 1024 };

/** Looks at a page in light and dark, wide and narrow, and from right to left; once round it by keyboard. */
export async function look(page) {
  await keepingFocus(page, async () => {
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const size of [WIDE, NARROW]) {
        await page.setViewportSize(size);
        await fits(page, size);
        // What a page consists of is the same by night; its colours are not.
        const rules = colorScheme === 'light' ? EVERY_RULE : COLOURS;
        await accessible(page, rules, `${colorScheme}, ${size.width} px`);
      }
    }
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
    await page.setViewportSize(BETWEEN);
    await fits(page, BETWEEN);
    await turned(page);
    await page.setViewportSize(WIDE);
  });
}

/** Once round the page by Tab and back, in light and dark. */
export async function lookByKeyboard(page) {
  await keepingFocus(page, async () => {
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await round(page);
    }
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
  });
}

/** No violation of any of these rules. */
async function accessible(page, rules, how) {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(AXE);
  const violations = await page.evaluate(async (runOnly) => {
    const { violations } = await window.axe.run(document, { runOnly, resultTypes: ['violations'] });
    return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => `${node.html.slice(0, 160)} (${(node.any[0] ?? node.all[0] ?? node.none[0])?.message ?? ''})`).slice(0, 3).join('; ')}`);
  }, rules);
  must(violations.length === 0, 'axe', `${how}: ${violations.join('\n    ')}`);
}

/** No wider than the window: nobody scrolls to and fro to read a line. */
async function fits(page, { width }) {
  const found = await page.evaluate(() => {
    const root = document.documentElement;
    const over = root.scrollWidth - root.clientWidth;
    if (over <= 0) return null;
    // What scrolls within itself, as code and wide tables do, is not what makes the page wide.
    const inner = (e) => { for (let at = e.parentElement; at && at !== root; at = at.parentElement) if (/auto|scroll|hidden|clip/.test(getComputedStyle(at).overflowX)) return true; return false; };
    const wide = [...document.body.querySelectorAll('*')].filter((e) => {
      const box = e.getBoundingClientRect();
      return (box.right > root.clientWidth + 0.5 || box.left < -0.5) && box.width > 1 && !inner(e);
    });
    return `${over} px too wide, by ${wide.slice(-3).map((e) => `<${e.localName}> “${(e.innerText ?? '').trim().slice(0, 30)}”`).join(', ') || 'nothing that is seen'}`;
  });
  must(!found, 'reflow', `at ${width} px the page is ${found}`);
  const cut = await page.evaluate(() => {
    const tables = [...document.querySelectorAll('table')].filter((table) => table.checkVisibility());
    return tables.filter((table) => table.getBoundingClientRect().width > table.parentElement.clientWidth + 1).map((table) => table.innerText.slice(0, 40))[0];
  });
  must(!cut, 'reflow', `at ${width} px a table has columns that nobody sees: “${cut}”`);
}

/** The same read from right to left. */
async function turned(page) {
  const before = await page.evaluate(() => {
    const { dir } = document.documentElement;
    document.documentElement.dir = 'rtl';
    return dir;
  });
  for (const size of [WIDE, NARROW]) {
    await page.setViewportSize(size);
    await fits(page, size).catch((flaw) => must(false, 'right to left', flaw.message));
    const astray = await page.evaluate(() => {
      const says = [...document.querySelectorAll('h1, h2, p, label, li')].filter((e) => e.checkVisibility() && getComputedStyle(e).direction === 'rtl');
      return says.filter((e) => ['left', 'right'].includes(getComputedStyle(e).textAlign) && getComputedStyle(e).textAlign === 'left').map((e) => `<${e.localName}> “${e.innerText.slice(0, 30)}” stays on the left`)[0];
    });
    must(!astray, 'right to left', astray);
  }
  await page.evaluate((dir) => (dir ? (document.documentElement.dir = dir) : document.documentElement.removeAttribute('dir')), before);
}

/** What has the focus has it afterwards, too. */
async function keepingFocus(page, look) {
  const focused = await page.evaluateHandle(() => document.activeElement);
  await look();
  await focused.evaluate((element) => element?.focus?.());
}
