#!/usr/bin/env node
// The npm client `brightcove` 0.5.0 gets an access token. Its code is as it is published.
// Environment: BASE_URL, CLIENT_ID, CLIENT_SECRET (of a client of the profile brightcove).
'use strict';

const http = require('http');
const https = require('https');

const base = new URL(process.env.BASE_URL);

// The client has its server's name in it, and speaks https to port 443 there. Only where that leads is changed: what it
// sends is what it makes.
const realRequest = https.request;
https.request = (options, answered) => {
  const to = { ...options, hostname: base.hostname, port: base.port || (base.protocol === 'https:' ? 443 : 80) };
  return (base.protocol === 'https:' ? realRequest : http.request)(to, answered);
};

const { OAuthApi } = require('brightcove');

const ask = (id, secret) => new Promise((done) => {
  const api = new OAuthApi(id, secret);
  api.getAccessToken((error, json) => done({ api, error, json }));
});

const step = (what, is) => {
  console.log(`${is ? 'ok  ' : 'FAIL'} ${what}`);
  if (!is) process.exit(1);
};

(async () => {
  const { api, error, json } = await ask(process.env.CLIENT_ID, process.env.CLIENT_SECRET);
  step('an access token is given', !error && typeof json.access_token === 'string');
  step('it lives 300 seconds', json.expires_in === 300 && json.token_type === 'Bearer');
  const again = await new Promise((done) => api.getAccessToken((_, kept) => done(kept)));
  step('the client keeps it', again.access_token === json.access_token);
  const wrong = await ask(process.env.CLIENT_ID, 'wrong');
  step('a wrong secret is an error that it can read', Boolean(wrong.error));
})().catch((fault) => {
  console.log(`FAIL ${fault}`);
  process.exit(1);
});
