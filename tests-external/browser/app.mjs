// The application at the other end: on another site, as applications are. It sends people to the subject, takes what comes
// back, and gets its tokens by calls of its own, as its server would.

import { createHash, randomBytes } from 'node:crypto';
import https from 'node:https';

import { certificate } from './certificate.mjs';
import { must } from './flaw.mjs';
import { PATIENCE } from './person.mjs';

const PAGE = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Application</title><link rel="icon" href="data:,"></head>
<body><main><h1>Back at the application</h1></main></body></html>`;

export class App {
  static async start() {
    const server = https.createServer(certificate('localhost'), (_, response) => {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(PAGE);
    });
    await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
    const app = new App();
    app.server = server;
    // Another site than 127.0.0.1 is, by the browser's reckoning; and by https, as whoever is to be let pass unasked must be.
    app.origin = `https://localhost:${server.address().port}`;
    return app;
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }

  /** A request for authorization: where to send a person, and what is needed once he comes back. */
  request(base, client, more = {}) {
    const verifier = randomBytes(32).toString('base64url');
    const state = more.state ?? randomBytes(12).toString('base64url');
    const url = new URL(client.endpoints.authorize, base);
    const parameters = {
      client_id: client.client_id,
      redirect_uri: client.redirect_uris[0],
      response_type: 'code',
      state,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...more,
    };
    for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.set(name, value);
    return { url: url.href, base, client, verifier, state };
  }

  /** What the browser brings back to a redirect URI, once it is there. */
  async brought(page, uri) {
    const there = (url) => url.href.split(/[?#]/)[0] === uri.split('?')[0];
    await page.waitForURL(there, { timeout: PATIENCE }).catch(() => must(false, 'way', `not back at ${uri} but at ${page.url()}`));
    const url = new URL(page.url());
    return { ...Object.fromEntries(url.searchParams), ...Object.fromEntries(new URLSearchParams(url.hash.slice(1))) };
  }

  /** Redeems a code, and gives the answer's body. */
  async redeem({ base, client, verifier }, code) {
    const form = { grant_type: 'authorization_code', code, redirect_uri: client.redirect_uris[0], code_verifier: verifier };
    return this.post(new URL(client.endpoints.token, base), client, form);
  }

  /** Whether a token is worth anything. */
  async isLive({ base, client }, token) {
    const answer = await this.post(new URL(client.endpoints.introspect, base), client, { token });
    return answer.active;
  }

  /** Whether a client's secret is right: with it a code that is none is refused as that, and without it the client is. */
  async isKnownWith(base, client) {
    const form = { grant_type: 'authorization_code', code: 'none', redirect_uri: client.redirect_uris[0], code_verifier: 'x'.repeat(43) };
    const error = await this.post(new URL(client.endpoints.token, base), client, form).catch((flaw) => flaw.message);
    must(/invalid_(grant|client)/.test(error), 'token', `the answer is ${error}`);
    return error.includes('invalid_grant');
  }

  /** A token for a client itself. */
  async clientToken(base, id, secret) {
    const client = { client_id: id, client_secret: secret, token_endpoint_auth_method: 'client_secret_basic' };
    return this.post(new URL('/oauth2/token', base), client, { grant_type: 'client_credentials' });
  }

  /** Whether a client gets tokens at all. */
  async isKnown(base, id, secret) {
    return this.clientToken(base, id, secret).then(() => true, () => false);
  }

  async post(url, client, form) {
    const body = new URLSearchParams(form);
    const headers = {};
    if (client.token_endpoint_auth_method === 'none') body.set('client_id', client.client_id);
    else if (client.token_endpoint_auth_method === 'client_secret_post') {
      body.set('client_id', client.client_id);
      body.set('client_secret', client.client_secret);
    } else headers.authorization = `Basic ${Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')}`;
    const response = await fetch(url, { method: 'POST', headers, body });
    const text = await response.text();
    must(response.ok, 'token', `${url} answered ${response.status}: ${text}`);
    return JSON.parse(text);
  }
}
