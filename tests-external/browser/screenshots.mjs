// Takes a picture of each page that the journeys come to: node screenshots.mjs --binary FILE --folder DIR --out DIR [--only JOURNEY]…

import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { App } from './app.mjs';
import { openBrowser } from './browser.mjs';
import { chosen, noneOf } from './choose.mjs';
import { journeys } from './journeys/all.mjs';
import { NARROW, WIDE } from './looks.mjs';
import { calm, mustBeCalm, mustStay } from './mask.mjs';
import { Pass } from './pass.mjs';
import { Pointer } from './person.mjs';
import { Subject } from './subject.mjs';

/** For the whole folder: it is kept with the sources. */
const MOST_BYTES = 7_000_000;
const ENDING = '.webp';
/** Small enough to keep, large enough to read: what is narrow is small as it is. */
const SCALE = { [WIDE.width]: 0.6, [NARROW.width]: 1 };
/** What a picture must show as it is. */
const NAMES = ['danger.plain_client_secrets_in_the_store', 'endpoints.authorization.without_pkce_s256', 'customer-ann12@example.test', 'refresh_token_replayed'];
/** Pages that are shown in the other language as well. They can be asked for again without changing anything. */
const GERMAN = ['login', 'signup', 'consent', 'account', 'sessions', 'apps', 'console overview'];
for (const name of NAMES) mustStay(name, { places: {}, folder: '/nowhere' });
const HOWS = ['light', 'dark', 'narrow', 'german'];

const { values: options } = parseArgs({
  options: { binary: { type: 'string' }, folder: { type: 'string' }, out: { type: 'string' }, only: { type: 'string', multiple: true } },
});
const pictured = journeys.filter(({ agent }) => !agent);
const shown = chosen(pictured, options.only, ({ name }) => name);
if (shown.length === 0) noneOf(pictured.map(({ name }) => name), options.only);
mkdirSync(options.folder, { recursive: true });
mkdirSync(options.out, { recursive: true });
if (!options.only) for (const old of taken()) rmSync(path.join(options.out, old));

const app = await App.start();
const subject = await Subject.start({ binary: path.resolve(options.binary), folder: options.folder, origin: app.origin });
const browser = await openBrowser();
let outcomes;
try {
  const kind = { name: 'pictures', js: true, hands: Pointer, look: pictures };
  outcomes = await new Pass({ kind, subject, app, browser, folder: options.folder, quiet: true }).run(shown);
} finally {
  await browser.close();
  app.stop();
  await subject.stop();
}
const failed = outcomes.filter(({ flaw }) => flaw);
for (const { name, flaw } of failed) console.error(`${name}: ${flaw.message}`);
index();
const bytes = taken().reduce((sum, name) => sum + statSync(path.join(options.out, name)).size, 0);
console.log(`${taken().length} pictures, ${Math.ceil(bytes / 1000)} kB, in ${options.out}`);
if (bytes > MOST_BYTES) console.error(`that is more than ${MOST_BYTES / 1000} kB`);
process.exit(failed.length > 0 || bytes > MOST_BYTES ? 1 : 0);

async function pictures(page, name, subject) {
  await masked(page, subject, async () => {
    for (const [how, colorScheme, size] of [['light', 'light', WIDE], ['dark', 'dark', WIDE], ['narrow', 'light', NARROW]]) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize(size);
      await picture(page, `${file(name)}-${how}`);
    }
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
    await page.setViewportSize(WIDE);
  });
  if (!GERMAN.includes(name)) return;
  const another = await browser.newContext({
    locale: 'de-DE', viewport: WIDE, reducedMotion: 'reduce', ignoreHTTPSErrors: true, storageState: await page.context().storageState(),
  });
  const german = await another.newPage();
  await german.goto(page.url());
  await masked(german, subject, () => picture(german, `${file(name)}-german`));
  await another.close();
}

/** The whole page, as it is, and no pointer or caret on it. */
async function picture(page, name) {
  const session = await page.context().newCDPSession(page);
  const size = await page.evaluate(() => {
    document.activeElement?.blur?.();
    const { clientWidth, clientHeight, scrollHeight } = document.documentElement;
    return { width: clientWidth, height: Math.min(Math.max(clientHeight, scrollHeight), 4000) };
  });
  const { data } = await session.send('Page.captureScreenshot', {
    format: 'webp', quality: 50, captureBeyondViewport: true, clip: { x: 0, y: 0, ...size, scale: SCALE[size.width] },
  });
  writeFileSync(path.join(options.out, `${name}${ENDING}`), Buffer.from(data, 'base64'));
  await session.detach();
}

/** Does it while whatever differs from run to run, and every secret, is shown as something else. */
async function masked(page, subject, done) {
  const texts = await page.evaluate(() => {
    const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const spots = [];
    for (let node = nodes.nextNode(); node; node = nodes.nextNode()) spots.push([node, 'data']);
    for (const field of document.querySelectorAll('input:not([type=hidden], [type=file]), textarea')) spots.push([field, 'value']);
    window.spots = spots;
    return spots.map(([thing, key]) => thing[key]);
  });
  const show = (shown) => page.evaluate((all) => window.spots.forEach(([thing, key], at) => { if (thing[key] !== all[at]) thing[key] = all[at]; }), shown);
  await show(texts.map((text) => calm(text, subject)));
  // What spans several elements is seen here alone.
  mustBeCalm(await page.evaluate(() => document.body.innerText), subject);
  await done();
  await show(texts);
}

/** A page's name as that of a file. */
function file(name) {
  return name.replaceAll(/[^a-z0-9]+/gi, '-');
}

function taken() {
  return readdirSync(options.out).filter((name) => name.endsWith(ENDING)).sort();
}

/** The index, as Markdown and as one sheet to look over. */
function index() {
  const names = taken().map((name) => name.slice(0, -ENDING.length));
  const shown = [...new Set(names.map((name) => name.replace(/-[a-z]+$/, '')))];
  const cell = (name, how) => (names.includes(`${name}-${how}`) ? `[![${name}, ${how}](${name}-${how}${ENDING})](${name}-${how}${ENDING})` : '');
  const rows = shown.map((name) => `| ${name} | ${HOWS.map((how) => cell(name, how)).join(' | ')} |`);
  writeFileSync(path.join(options.out, 'README.md'), `# Every page, as a browser shows it

Made by \`cargo xtask screenshots\` from a server that was filled for it; addresses, times, secrets and whatever else is drawn are replaced, so that two runs are alike.
[One sheet](index.html) has them all.

| page | ${HOWS.join(' | ')} |
|---|${HOWS.map(() => '---|').join('')}
${rows.join('\n')}
`);
  const figures = shown.map((name) => `<h2>${name}</h2>\n<div>${HOWS.filter((how) => names.includes(`${name}-${how}`)).map((how) => `<figure><img src="${name}-${how}${ENDING}" alt="${name}, ${how}" loading="lazy"><figcaption>${how}</figcaption></figure>`).join('')}</div>`);
  writeFileSync(path.join(options.out, 'index.html'), `<!doctype html>
<html lang="en">
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Every page</title>
<style>body { font: 1rem/1.4 system-ui, sans-serif; margin: 1rem; background: #ddd; color: #111 } div { display: flex; flex-wrap: wrap; gap: 1rem; align-items: start } figure { margin: 0 } img { width: 22rem; max-width: 100%; border: 1px solid #888 } img[src*=-narrow] { width: 11rem }</style>
<h1>Every page</h1>
${figures.join('\n')}
</html>
`);
}
