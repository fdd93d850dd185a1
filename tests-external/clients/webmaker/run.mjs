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
const must = (condition, what) => {
  if (!condition) throw new Error(what);
  console.log(`ok  ${what}`);
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
  must(asked.searchParams.get('scopes') === 'user email' && asked.searchParams.get('state'), 'the application sends the browser on with scopes and state');
  let page = await browser.open(begun.location);
  while (page.location?.startsWith(BASE_URL)) page = await browser.open(page.location);
  must(page.text.includes('name="password"'), 'the login page is shown');
  page = await browser.submit(page, { username: USERNAME, password: PASSWORD });
  while (page.location?.startsWith(BASE_URL)) page = await browser.open(page.location);
  if (!page.location) page = await browser.submit(page, { decision: 'approve' });
  must(page.location.startsWith(REDIRECT_URI), 'the browser is led back to the redirect URI');
  const back = new URL(page.location);
  must([...back.searchParams.keys()].slice(-3).join() === 'client_id,code,state' && back.searchParams.get('client_id') === CLIENT_ID, 'with client_id, code and state');
  const done = await browser.open(`${at}/callback${back.search}`);
  must(done.status === 200, `the strategy exchanges the code and reads the profile${done.status === 200 ? '' : `: ${done.text}`}`);
  const { token, params, profile } = JSON.parse(done.text);
  must(token && params.token_type === 'bearer' && params.scope.includes('user'), 'it has a token of the scopes it asked for');
  must(profile.provider === 'webmaker' && profile.username === USERNAME && profile.id, 'it knows who logged in');

  const again = await browser.open((await browser.open(`${at}/auth`)).location);
  must(again.location?.startsWith(REDIRECT_URI), 'who accepted once is not asked again');
  const forged = await browser.open(`${at}/callback${new URL(again.location).search.replace(/state=[^&]*/, 'state=other')}`);
  must(forged.status !== 200, 'the strategy refuses a state that is not its own');
  const left = await browser.open(`${BASE_URL}/logout?client_id=${CLIENT_ID}`);
  must(new URL(left.location).searchParams.get('logout') === 'true', 'logging out leads back with logout=true');
  const after = await browser.open((await browser.open(`${at}/auth`)).location);
  must(!after.location?.startsWith(REDIRECT_URI), 'and the session is over');
} catch (error) {
  console.error(`FAILED  ${error.stack ?? error}`);
  process.exitCode = 1;
} finally {
  server.close();
  server.closeAllConnections();
}
