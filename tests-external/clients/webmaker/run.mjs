#!/usr/bin/env node
// An application with passport-webmaker 1.1.1, unmodified but for its three URLs, and a browser that logs in at it.
//
// Environment: BASE_URL (the profile's), CLIENT_ID, CLIENT_SECRET, REDIRECT_URI (as registered; the browser here brings its
// query to the application, wherever that is), USERNAME, PASSWORD. The client needs the scopes user and email.
import express from 'express';
import session from 'express-session';
import passport from 'passport';
import WebmakerStrategy from 'passport-webmaker';

const { BASE_URL, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, USERNAME, PASSWORD } = process.env;
let failed = false;
const must = (name, condition, seen, found) => {
  if (condition) return console.log(`webmaker: ${name}: ${seen}`);
  console.log(`webmaker: ${name}: FAILED: expected ${seen}, found ${String(found).split('\n')[0]}`);
  failed = true;
  throw new Error(name);
};

/** A browser: cookies by host, no redirect followed by itself, and the last form of a page. */
class Browser {
  cookies = {};

  async open(url, fields) {
    const { host, origin } = new URL(url);
    const held = Object.entries((this.cookies[host] ??= {})).map(([name, value]) => `${name}=${value}`);
    const headers = { Cookie: held.join('; ') };
    if (fields) headers.Origin = origin;
    const body = fields && new URLSearchParams(fields);
    const answer = await fetch(url, { method: fields ? 'POST' : 'GET', redirect: 'manual', headers, body });
    for (const cookie of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
      this.cookies[host][name] = value;
    }
    const location = answer.headers.get('location');
    return { url, status: answer.status, text: await answer.text(), location: location && new URL(location, url).href };
  }

  submit(page, fields) {
    const form = page.text.split('<form').at(-1);
    const plain = (text) => text.replaceAll('&#38;', '&').replaceAll('&amp;', '&').replaceAll('&#34;', '"').replaceAll('&#39;', "'");
    const hidden = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)];
    const action = plain(/action="([^"]*)"/.exec(form)[1]);
    return this.open(new URL(action, page.url).href, { ...Object.fromEntries(hidden.map(([, n, v]) => [n, plain(v)])), ...fields });
  }
}

function application() {
  const app = express();
  app.use(session({ secret: 'of this run', resave: false, saveUninitialized: true }));
  app.use(passport.initialize());
  const strategy = new WebmakerStrategy(
    {
      authorizationURL: `${BASE_URL}/login/oauth/authorize`,
      tokenURL: `${BASE_URL}/login/oauth/access_token`,
      profileURL: `${BASE_URL}/user`,
      clientID: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      callbackURL: REDIRECT_URI,
      state: true,
    },
    (token, _refresh, params, profile, done) => done(null, { token, params, profile }),
  );
  passport.use(strategy);
  const ask = { session: false, scopes: ['user', 'email'], action: 'signin' };
  app.get('/auth', passport.authenticate('webmaker', ask));
  app.get('/callback', passport.authenticate('webmaker', { session: false }), (request, response) => response.json(request.user));
  app.use((error, _request, response, _next) => response.status(500).send(String(error.stack ?? error)));
  return new Promise((done) => {
    const server = app.listen(0, '127.0.0.1', () => done({ server, at: `http://127.0.0.1:${server.address().port}` }));
  });
}

const { server, at } = await application();
try {
  const browser = new Browser();
  const begun = await browser.open(`${at}/auth`);
  const asked = new URL(begun.location);
  must('request', asked.searchParams.get('scopes') === 'user email' && asked.searchParams.get('state'), 'the application sends the browser on with scopes and state', asked.search);
  let page = await browser.open(begun.location);
  while (page.location?.startsWith(BASE_URL)) page = await browser.open(page.location);
  must('login page', page.text.includes('name="password"'), 'it is shown', page.status);
  page = await browser.submit(page, { username: USERNAME, password: PASSWORD });
  while (page.location?.startsWith(BASE_URL)) page = await browser.open(page.location);
  if (!page.location) page = await browser.submit(page, { decision: 'approve' });
  must('approval', page.location?.startsWith(REDIRECT_URI), 'the browser is led back to the redirect URI', page.location ?? page.status);
  const back = new URL(page.location);
  must('answer', [...back.searchParams.keys()].slice(-3).join() === 'client_id,code,state' && back.searchParams.get('client_id') === CLIENT_ID, 'client_id, code and state', back.search);
  const done = await browser.open(`${at}/callback${back.search}`);
  must('exchange', done.status === 200, 'the strategy exchanges the code and reads the profile', done.text);
  const { token, params, profile } = JSON.parse(done.text);
  must('token', token && params.token_type === 'bearer' && params.scope.includes('user'), 'a token of the scopes it asked for', JSON.stringify(params));
  must('profile', profile.provider === 'webmaker' && profile.username === USERNAME && profile.id, 'the strategy knows who logged in', JSON.stringify(profile));

  const again = await browser.open((await browser.open(`${at}/auth`)).location);
  must('again', again.location?.startsWith(REDIRECT_URI), 'who accepted once is not asked again', again.location ?? again.status);
  const forged = await browser.open(`${at}/callback${new URL(again.location).search.replace(/state=[^&]*/, 'state=other')}`);
  must('forged state', forged.status !== 200, 'the strategy refuses a state that is not its own', forged.status);
  const left = await browser.open(`${BASE_URL}/logout?client_id=${CLIENT_ID}`);
  must('logout', left.location && new URL(left.location).searchParams.get('logout') === 'true', 'it leads back with logout=true', left.location ?? left.status);
  const after = await browser.open((await browser.open(`${at}/auth`)).location);
  must('after logout', !after.location?.startsWith(REDIRECT_URI), 'the session is over', after.location);
} catch (error) {
  if (!failed) console.log(`webmaker: the run: FAILED: expected no error, found ${String(error.message ?? error).split('\n')[0]}`);
  console.error(error.stack ?? error);
  process.exitCode = 1;
} finally {
  server.close();
  server.closeAllConnections();
}
