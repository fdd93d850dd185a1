// Pages that are wrong on purpose: a proxy between the browser and the real server spoils each in one way, and the check that
// is there for it must find it.

import http from 'node:http';
import { connect } from 'node:net';

import { journeys } from './journeys/all.mjs';
import { mustBeCalm, mustStay } from './mask.mjs';
import { Pass, passes } from './pass.mjs';

const POLICY = 'content-security-policy';
const [seen, keyed, withoutScript] = passes;
const before = (tag, what) => (html) => html.replace(tag, `${what}${tag}`);
const style = (css) => before('</head>', `<style>${css}</style>`);

const unescaped = (html) => html.replaceAll(/&(#60|lt);/g, '<').replaceAll(/&(#62|gt);/g, '>').replaceAll(/&(#34|quot);/g, '"').replaceAll(/&(#39|#x27);/g, "'");

const unlabelled = (html) => html.replace(/<label for="password">.*?<\/label>/s, '<p>Password</p>');

/** A server that there is none of, for what is proved without one. */
const HERE = { places: { standard: 'http://127.0.0.1:1' }, folder: '/home/somebody/run-7' };

/** What is wrong, how a page becomes so, which check must find it, in which pass, on which journey. */
export const knownBad = [
  { what: 'an inline script', spoil: before('</body>', '<script>window.x = 1</script>'), check: 'content security policy' },
  { what: 'a form that may lead nowhere else', policy: (text) => `${text}; form-action 'self'`, check: 'content security policy' },
  { what: 'the same to a program of the machine', policy: (text) => `${text}; form-action 'self'`, check: 'content security policy', journey: 'an application on the device' },
  { what: 'a picture of somebody else', policy: null, spoil: before('</main>', '<img alt="" src="http://third-party.invalid/x.png">'), check: 'third party' },
  { what: 'a picture that is not there', policy: null, spoil: before('</main>', '<img alt="" src="/no-such-picture.png">'), check: 'failed request' },
  { what: 'a script that throws', policy: null, spoil: before('</body>', '<script>throw new Error("spoilt")</script>'), check: 'console' },
  { what: 'a page of sixty thousand bytes', spoil: before('</body>', `<!-- ${'x'.repeat(60_000)} -->`), check: 'weight' },
  { what: 'a name that becomes markup', spoil: unescaped, check: 'content security policy', journey: 'hostile names' },
  { what: 'a name that becomes markup, and no policy', policy: null, spoil: unescaped, check: 'canary', journey: 'hostile names' },
  { what: 'a name that becomes markup, where no script runs', spoil: unescaped, check: 'canary', journey: 'hostile names', pass: withoutScript },
  { what: 'a field without its label', spoil: unlabelled, check: 'axe' },
  { what: 'a page in no language', spoil: (html) => html.replace(/ lang="[a-z]+"/, ''), check: 'axe' },
  { what: 'grey on grey', policy: null, spoil: style('p, label { color: #999 !important; background: #aaa !important }'), check: 'axe' },
  { what: 'a page as wide as a desk', policy: null, spoil: style('main { min-width: 900px !important }'), check: 'reflow' },
  { what: 'a table of which half is out of sight', policy: null, spoil: before('</main>', '<div role="region" aria-label="t" tabindex="0" style="overflow-x: auto"><table style="width: 1400px"><tr><td>a</td></tr></table></div>'), check: 'reflow' },
  { what: 'a page that sticks to the left', policy: null, spoil: style('h1, p, label { text-align: left }'), check: 'right to left' },
  { what: 'no outline', policy: null, spoil: style('* { outline: none !important }'), check: 'focus', pass: keyed },
  { what: 'an outline that nobody sees', policy: null, spoil: style(':focus-visible { outline: 3px solid color-mix(in srgb, canvas 90%, canvastext) !important }'), check: 'focus', pass: keyed },
  { what: 'a field that keeps the focus', policy: null, spoil: before('</body>', '<script>document.querySelector("[name=password]")?.addEventListener("keydown", (e) => e.key === "Tab" && e.preventDefault())</script>'), check: 'keyboard', pass: keyed },
  { what: 'a button that is out of turn', spoil: (html) => html.replace('<button ', '<button tabindex="3" '), check: 'keyboard', pass: keyed },
  { what: 'a button that is none', spoil: (html) => html.replaceAll(/<button (.*?)>(.*?)<\/button>/gs, '<span role="button" $1>$2</span>'), check: 'keyboard', pass: keyed },
  { what: 'an error that is not told', spoil: (html) => html.replaceAll('role="alert"', '').replaceAll(' autofocus', ''), check: 'announcement', journey: 'a wrong password', pass: withoutScript },
  // What is looked at is each state of a page, and not the first that somebody comes to.
  { what: 'a field without its label, once there is a problem', spoil: (html) => (html.includes('role="alert"') ? unlabelled(html) : html), check: 'axe', journey: 'a wrong password' },
  { what: 'a tick without its words', spoil: (html) => html.replaceAll(/(<label class="tick"><input type="checkbox"[^>]*>) <span>.*?<\/span>/gs, '$1'), check: 'axe', journey: 'leave something out' },
  { what: 'what was approved before, without a heading to unfold it', spoil: (html) => html.replace(/<summary>.*?<\/summary>/s, ''), check: 'way', journey: 'asked for more' },
  { what: "a profile's page with a field that nobody names", spoil: (html) => (/<h1>Profile /.test(html) ? html.replace('</main>', '<input id="nameless" name="nameless"></main>') : html), check: 'axe', journey: 'operator: look around' },
  { what: 'an application without its picture', spoil: (html) => html.replaceAll(/<img class="logo"[^>]*>/g, ''), check: 'content', journey: 'register an application' },
  { what: "a brand without its mark", spoil: (html) => html.replace(/(<header[^>]*>.*?)<img[^>]*>/s, '$1'), check: 'brand', journey: 'a brand' },
  { what: 'a brand in another colour', policy: null, spoil: style('@media (prefers-color-scheme: light) { :root { --accent: #1a5fb4 !important } }'), check: 'brand', journey: 'a brand' },
  { what: 'a brand without its own style', policy: null, spoil: style('.card { border-block-start-width: 1px !important }'), check: 'brand', journey: 'a brand' },
  { what: 'a secret in a picture', check: 'mask', prove: () => mustBeCalm('The token gra_at_3QNrcA7P9DWAF2lQUt1O7S1WOBgrslEODCSwKuZYQLAI46rk', HERE) },
  { what: 'the folder of a run in a picture', check: 'mask', prove: () => mustBeCalm('sqlite:/home/somebody/run-7/grantor.db', HERE) },
  { what: 'the hour of a run in a picture', check: 'mask', prove: () => mustBeCalm('2026-11-29 13:07', HERE) },
  { what: 'a name that no picture shows', check: 'mask', prove: () => mustStay('3QNrcA7P9DWAF2lQUt1O7S1W', HERE) },
  { what: 'a form that needs a script', policy: null, spoil: (html) => html.replaceAll('<button type="submit"', '<button type="button"').replace('</body>', '<script>for (const button of document.querySelectorAll("button")) button.onclick = () => button.form.requestSubmit(button)</script></body>'), check: 'way', pass: withoutScript },
];

/** Runs a journey on a subject that is spoilt, and is content only if that fails by its own check. */
export async function notice(bad, { subject, app, browser, folder }) {
  const begun = performance.now();
  const kind = bad.pass ?? seen;
  const found = bad.prove ? caught(bad.prove) : await walked(bad, kind, { subject, app, browser, folder });
  const well = found?.check === bad.check;
  const flaw = well ? null : new Error(found ? `${bad.check} was to find it, and ${found.message} did` : 'nobody noticed');
  const name = `known bad: ${bad.what}`;
  console.log(flaw ? `${name}: FAILED: ${flaw.message}` : `${name}: found by “${bad.check}”`);
  return { name, how: bad.prove ? 'no browser' : kind.name, seconds: (performance.now() - begun) / 1000, flaw };
}

/** What a check that needs no browser finds. */
function caught(prove) {
  try {
    prove();
    return null;
  } catch (found) {
    return found;
  }
}

/** What a journey over spoilt pages finds. */
async function walked(bad, kind, { subject, app, browser, folder }) {
  const journey = journeys.find(({ name }) => name === (bad.journey ?? 'log in and approve'));
  const { origins } = journey.branded ? await subject.branded() : subject;
  const proxy = await spoiling(bad, origins);
  const through = `http://127.0.0.1:${proxy.address().port}`;
  try {
    const [outcome] = await new Pass({ kind, subject, app, browser, folder, proxy: through, quiet: true }).run([journey]);
    return outcome.flaw;
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
}

/** A proxy that spoils the pages of the subject, and hands on all else as it is. */
async function spoiling({ spoil = (html) => html, policy }, ours) {
  const server = http.createServer((request, response) => {
    const url = new URL(request.url);
    const headers = { ...request.headers };
    delete headers['proxy-connection'];
    delete headers['accept-encoding'];
    const onward = http.request(url, { method: request.method, headers, agent: false }, (answer) => {
      const isPage = ours.includes(url.origin) && (answer.headers['content-type'] ?? '').startsWith('text/html');
      if (!isPage) {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
        return;
      }
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('end', () => {
        const spoilt = Buffer.from(spoil(Buffer.concat(parts).toString('utf8')));
        const changed = { ...answer.headers, 'content-length': spoilt.length };
        delete changed['transfer-encoding'];
        if (policy === null) delete changed[POLICY];
        else if (policy) changed[POLICY] = policy(changed[POLICY] ?? '');
        response.writeHead(answer.statusCode, changed);
        response.end(spoilt);
      });
    });
    onward.on('error', () => response.writeHead(502).end());
    request.pipe(onward);
  });
  // What is encrypted is the application's, and none of ours.
  server.on('connect', (request, socket) => {
    const { hostname, port } = new URL(`http://${request.url}`);
    const onward = connect(Number(port), hostname === 'localhost' ? '127.0.0.1' : hostname, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    for (const one of [onward, socket]) one.on('error', () => [onward, socket].forEach((each) => each.destroy()));
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return server;
}
