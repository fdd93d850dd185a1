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

const step = (name, is, seen, found) => {
  console.log(`brightcove: ${name}: ${is ? seen : `FAILED: expected ${seen}, found ${JSON.stringify(found)}`}`);
  if (!is) process.exit(1);
};

(async () => {
  const { api, error, json } = await ask(process.env.CLIENT_ID, process.env.CLIENT_SECRET);
  step('token', !error && typeof json.access_token === 'string', 'an access token', error ?? json);
  step('life', json.expires_in === 300 && json.token_type === 'Bearer', '300 seconds, Bearer', json);
  const again = await new Promise((done) => api.getAccessToken((_, kept) => done(kept)));
  step('again', again.access_token === json.access_token, 'the client keeps its token', again);
  const wrong = await ask(process.env.CLIENT_ID, 'wrong');
  step('wrong secret', Boolean(wrong.error), 'an error that the client can read', wrong.json);
})().catch((fault) => {
  console.log(`brightcove: the run: FAILED: expected no error, found ${fault}`);
  process.exit(1);
});
