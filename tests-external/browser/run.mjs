// Runs the journeys: node run.mjs --binary FILE --folder DIR [--only JOURNEY] [--js | --no-js] [--backend URL] [--known-bad] [--headed]

import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { App } from './app.mjs';
import { openBrowser } from './browser.mjs';
import { journeys } from './journeys/all.mjs';
import { knownBad, notice } from './known_bad.mjs';
import { Pass, passes } from './pass.mjs';
import { Subject } from './subject.mjs';

/** Longer than any run takes: whatever hangs is ended, and everything with it. */
const MOST = 60 * 60_000;

const { values: options } = parseArgs({
  options: {
    binary: { type: 'string' },
    folder: { type: 'string' },
    only: { type: 'string' },
    js: { type: 'boolean' },
    'no-js': { type: 'boolean' },
    backend: { type: 'string' },
    'known-bad': { type: 'boolean' },
    headed: { type: 'boolean' },
  },
});

const named = (all, name) => all.filter((one) => !options.only || slug(name(one)) === slug(options.only));
const chosen = options['known-bad'] ? [] : named(journeys, ({ name }) => name);
// A harness that notices nothing would pass on any pages.
const spoilt = options['known-bad'] || !(options.only || options.js || options['no-js']);
const bads = spoilt ? named(knownBad, ({ what }) => what) : [];
if (chosen.length + bads.length === 0) {
  const all = options['known-bad'] ? knownBad.map(({ what }) => what) : journeys.map(({ name }) => name);
  console.error(`there is no “${options.only}”; there are ${all.map(slug).join(', ')}`);
  process.exit(2);
}
setTimeout(() => {
  console.error(`the run was not over after ${MOST / 60_000} minutes`);
  process.exit(1);
}, MOST).unref();

// So that what was started ends as well.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));

mkdirSync(options.folder, { recursive: true });
const app = await App.start();
const subject = await Subject.start({
  binary: path.resolve(options.binary), folder: options.folder, storage: options.backend, origin: app.origin,
});
const browser = await openBrowser({ headed: options.headed });
const table = [];
let failed = 0;
try {
  for (const kind of passes.filter(({ js }) => chosen.length > 0 && (js ? !options['no-js'] : !options.js))) {
    const pass = new Pass({ kind, subject, app, browser, folder: options.folder });
    table.push(...(await pass.run(chosen)));
  }
  for (const bad of bads) table.push(await notice(bad, { subject, app, browser, folder: options.folder }));
} finally {
  await browser.close();
  app.stop();
  await subject.stop().catch((error) => {
    console.error(error.message);
    failed += 1;
  });
}

console.log();
const width = Math.max(...table.map(({ name }) => name.length));
for (const { name, how, seconds, flaw } of table) {
  console.log(`${name.padEnd(width)}  ${how.padEnd(18)}  ${seconds.toFixed(1).padStart(5)} s  ${flaw ? 'FAILED' : 'ok'}`);
}
failed += table.filter(({ flaw }) => flaw).length;
if (failed > 0) console.log(`\n${failed} failed`);
process.exit(failed > 0 || table.length === 0 ? 1 : 0);

function slug(name) {
  return name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
}
