#!/usr/bin/env node
// GitLab, as the page "OAuth 2.0 identity provider API" has it, by passport-gitlab2: the strategy by which Node applications
// let people log in with GitLab. Nothing of it is changed; it has an option for GitLabs of one's own, `baseURL`.
//
//   BASE_URL       where the profile is, as http://127.0.0.1:PORT
//   CLIENT_ID, CLIENT_SECRET, REDIRECT_URI
//                  an application that is registered there, with the permissions read_user and read_api
//   USERNAME, PASSWORD, PERSON_NAME, EMAIL
//                  a person, and what is known of him
import GitLabStrategy from 'passport-gitlab2';

const NAME = 'gitlab';
const names = ['BASE_URL', 'CLIENT_ID', 'CLIENT_SECRET', 'REDIRECT_URI', 'USERNAME', 'PASSWORD', 'PERSON_NAME', 'EMAIL'];
for (const name of names) {
  if (!process.env[name]) {
    console.log(`${NAME}: ${name} is not set; the top of this file says what it is`);
    process.exit(1);
  }
}
const { BASE_URL, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, USERNAME, PASSWORD, PERSON_NAME, EMAIL } = process.env;

async function step(name, work) {
  try {
    console.log(`${NAME}: ${name}: ${await work()}`);
  } catch (error) {
    console.log(`${NAME}: ${name}: FAILED: ${String(error.message ?? error).split('\n')[0]}`);
    process.exit(1);
  }
}

function expect(what, expected, found) {
  const [wanted, seen] = [expected, found].map((value) => JSON.stringify(value));
  if (wanted !== seen) throw new Error(`expected ${what} ${wanted}, found ${seen}`);
}

function hex(what, text) {
  if (!/^[0-9a-f]{64}$/.test(text)) throw new Error(`expected ${what} of 64 hexadecimal digits, found ${text}`);
}

// ---- the person, in a browser ----

const cookies = new Map();

async function browse(target, fields) {
  const headers = { cookie: [...cookies].map((pair) => pair.join('=')).join('; ') };
  const method = fields ? 'POST' : 'GET';
  const body = fields && new URLSearchParams(fields);
  const answer = await fetch(new URL(target, BASE_URL), { method, body, headers, redirect: 'manual' });
  for (const cookie of answer.headers.getSetCookie()) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
    cookies.set(name, value);
  }
  return answer;
}

const attribute = (tag, name) => new RegExp(`${name}="([^"]*)"`).exec(tag)?.[1].replaceAll('&#38;', '&').replaceAll('&amp;', '&');

function form(html) {
  const last = html.split('<form').at(-1);
  const hidden = last.match(/<input[^>]*type="hidden"[^>]*>/g) ?? [];
  return [attribute(last, 'action'), Object.fromEntries(hidden.map((tag) => [attribute(tag, 'name'), attribute(tag, 'value') ?? '']))];
}

/** Where the browser ends up; `choice` is what the person says if he is asked. */
async function person(url, choice = 'approve') {
  let answer = await browse(url);
  for (;;) {
    const onward = answer.headers.get('location');
    if (onward && !onward.startsWith('/')) return new URL(onward);
    if (onward) {
      answer = await browse(onward);
      continue;
    }
    const html = await answer.text();
    if (answer.status !== 200) throw new Error(`the page says ${answer.status}: ${/<h1>(.*?)<\/h1>/s.exec(html)?.[1]}`);
    const [action, hidden] = form(html);
    const filled = html.includes('name="password"') ? { username: USERNAME, password: PASSWORD } : { decision: choice };
    answer = await browse(action, { ...hidden, ...filled });
  }
}

// ---- the application, which has the strategy ----

function strategy(options = {}) {
  const whole = {
    baseURL: BASE_URL,
    clientID: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    callbackURL: REDIRECT_URI,
    scope: ['read_user', 'read_api'],
    // The strategy's own default is a comma, which GitLab itself does not take.
    scopeSeparator: ' ',
    state: true,
    pkce: true,
    ...options,
  };
  return new GitLabStrategy(whole, (accessToken, refreshToken, answer, profile, done) => {
    done(null, { accessToken, refreshToken, answer, profile });
  });
}

/** What passport does with a strategy: one request in, and one of four ends. */
function run(of, request, session) {
  return new Promise((resolve, reject) => {
    const one = Object.create(of);
    one.redirect = (url) => resolve({ redirect: url });
    one.success = (user) => resolve({ user });
    one.fail = (challenge) => resolve({ fail: challenge });
    one.error = reject;
    one.authenticate({ headers: {}, connection: {}, query: {}, body: {}, session, ...request }, {});
  });
}

async function logIn(of, choice) {
  const session = {};
  const { redirect } = await run(of, {}, session);
  const back = await person(redirect, choice);
  expect('to come back to', REDIRECT_URI, back.origin + back.pathname);
  const query = Object.fromEntries(back.searchParams);
  return [redirect, query, () => run(of, { query }, session)];
}

const refresh = (of, token) =>
  new Promise((resolve, reject) => {
    of._oauth2.getOAuthAccessToken(token, { grant_type: 'refresh_token', redirect_uri: REDIRECT_URI }, (error, access, next, answer) => {
      if (error) reject(Object.assign(new Error(error.data ?? String(error)), { status: error.statusCode }));
      else resolve({ access, next, answer });
    });
  });

const api = async (token, inQuery) => {
  const url = new URL('/api/v4/user', BASE_URL);
  if (inQuery) url.searchParams.set('access_token', token);
  return fetch(url, { headers: inQuery ? {} : { authorization: `Bearer ${token}` } });
};

// As the library hands it on: it takes the refresh token out.
const ANSWER = ['access_token', 'token_type', 'expires_in', 'created_at'];
const gitlab = strategy();
let user;

await step('deny', async () => {
  const [, query, finish] = await logIn(gitlab, 'deny');
  expect('the error', 'access_denied', query.error);
  const { fail } = await finish();
  return `the strategy fails the login: ${fail.message}`;
});

await step('log in', async () => {
  const [asked, query, finish] = await logIn(gitlab);
  const sent = new URL(asked).searchParams;
  expect('the scope', 'read_user read_api', sent.get('scope'));
  expect('the method', 'S256', sent.get('code_challenge_method'));
  expect('the parameters', ['code', 'state'], Object.keys(query));
  hex('a code', query.code);
  user = (await finish()).user;
  hex('an access token', user.accessToken);
  hex('a refresh token', user.refreshToken);
  expect('the answer', ANSWER, Object.keys(user.answer));
  expect('the type', 'bearer', user.answer.token_type);
  expect('the time to live', 7200, user.answer.expires_in);
  if (Math.abs(user.answer.created_at - Date.now() / 1000) > 600) throw new Error(`expected now, found ${user.answer.created_at}`);
  return 'by code, state and PKCE';
});

await step('the profile', async () => {
  const { id, username, displayName, emails, provider } = user.profile;
  expect('the person', [USERNAME, PERSON_NAME, EMAIL], [username, displayName, emails[0].value]);
  return `${provider} ${id} is ${displayName}`;
});

await step('the API', async () => {
  for (const inQuery of [false, true]) expect('the status', 200, (await api(user.accessToken, inQuery)).status);
  expect('without a token', 401, (await api('0'.repeat(64), false)).status);
  return 'by the header and by access_token';
});

await step('refresh', async () => {
  const first = await refresh(gitlab, user.refreshToken);
  if (first.next === user.refreshToken || first.access === user.accessToken) throw new Error('expected other tokens, found the same');
  expect('the answer', ANSWER, Object.keys(first.answer));
  const late = await refresh(gitlab, user.refreshToken).then(() => 'tokens', (error) => error.message);
  expect('the old refresh token to be', 'invalid_grant', JSON.parse(late).error);
  user = { ...user, accessToken: first.access, refreshToken: first.next };
  return 'other tokens each time, and the refresh token before is over';
});

await step('log in again', async () => {
  const [, , finish] = await logIn(gitlab, 'nothing is asked, so nothing is said');
  const again = (await finish()).user;
  hex('an access token', again.accessToken);
  return 'without a page';
});

await step('a wrong secret, another state', async () => {
  const wrong = strategy({ clientSecret: 'f'.repeat(64) });
  const [, , finish] = await logIn(wrong);
  const end = await finish().then(() => 'tokens', (error) => error.code);
  expect('the error', 'invalid_client', end);
  const session = {};
  const { redirect } = await run(gitlab, {}, session);
  const back = await person(redirect);
  const query = { ...Object.fromEntries(back.searchParams), state: 'x' };
  const { fail } = await run(gitlab, { query }, session);
  return `refused; ${fail.message}`;
});

await step('revoke', async () => {
  const fields = { client_id: CLIENT_ID, client_secret: CLIENT_SECRET, token: user.refreshToken };
  const answer = await fetch(new URL('/oauth/revoke', BASE_URL), { method: 'POST', body: new URLSearchParams(fields) });
  expect('the answer', [200, '{}'], [answer.status, await answer.text()]);
  expect('the API', 401, (await api(user.accessToken, false)).status);
  return '200 and an empty JSON hash; the tokens are over';
});
