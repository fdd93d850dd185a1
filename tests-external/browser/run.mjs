// Runs the journeys: node run.mjs --binary FILE --folder DIR [--only JOURNEY]… [--js | --no-js] [--backend URL] [--known-bad] [--headed]

import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { App } from './app.mjs';
import { openBrowser } from './browser.mjs';
import { chosen, noneOf } from './choose.mjs';
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
    only: { type: 'string', multiple: true },
    js: { type: 'boolean' },
    'no-js': { type: 'boolean' },
    backend: { type: 'string' },
    'known-bad': { type: 'boolean' },
    headed: { type: 'boolean' },
  },
});

const walked = options['known-bad'] ? [] : chosen(journeys, options.only, ({ name }) => name);
// A harness that notices nothing would pass on any pages.
const spoilt = options['known-bad'] || !(options.only || options.js || options['no-js']);
const bads = spoilt ? chosen(knownBad, options.only, ({ what }) => what) : [];
if (walked.length + bads.length === 0) {
  noneOf(options['known-bad'] ? knownBad.map(({ what }) => what) : journeys.map(({ name }) => name), options.only);
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
  for (const kind of passes.filter(({ js }) => walked.length > 0 && (js ? !options['no-js'] : !options.js))) {
    const pass = new Pass({ kind, subject, app, browser, folder: options.folder });
    table.push(...(await pass.run(walked)));
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
// Once more at the end, which is what is seen first of a long run.
for (const { name, how, flaw } of table.filter(({ flaw }) => flaw)) console.log(`\n${name} [${how}]: ${flaw.message}`);
if (failed > 0) console.log(`\n${failed} failed`);
process.exit(failed > 0 || table.length === 0 ? 1 : 0);
