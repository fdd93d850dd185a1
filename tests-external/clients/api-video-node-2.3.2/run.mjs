#!/usr/bin/env node
// api.video's Node client 2.3.2, unmodified but for its base URL.
//
// Environment: BASE_URL (the profile's), API_KEY. At BASE_URL/videos there must be a resource that takes its tokens, and
// answers 200 with a page of videos, which may be empty. Where access tokens live a minute or less, renewal is waited for.
import ApiVideoClient from '@api.video/nodejs-client';

const { BASE_URL, API_KEY } = process.env;
const step = (what) => console.log(`ok  ${what}`);
const must = (condition, what) => {
  if (!condition) throw new Error(what);
  step(what);
};

try {
  const client = new ApiVideoClient({ apiKey: API_KEY, baseUri: BASE_URL, applicationName: 'grantor', applicationVersion: '1' });
  await client.videos.list();
  step('the client got a token by itself, and a resource takes it');
  const first = await client.getAccessToken();
  must(first.tokenType === 'Bearer' && first.accessToken && first.refreshToken && first.expiresIn > 0, 'all four members are there');

  if (first.expiresIn <= 60) {
    await new Promise((done) => setTimeout(done, (first.expiresIn + 1) * 1000));
    await client.videos.list();
    const second = await client.getAccessToken();
    must(second.accessToken !== first.accessToken, 'the token ended, and the client took a 401 as the sign to renew it');
  } else {
    console.log('skipped: renewal, since access tokens live longer than a minute here');
  }

  const wrong = new ApiVideoClient({ apiKey: `${API_KEY}x`, baseUri: BASE_URL });
  const error = await wrong.videos.list().then(() => undefined, (error) => error);
  must(error?.response?.statusCode === 400 || error?.code === 400, 'a wrong key is refused with 400');
  const body = error.problemDetails ?? error.response.body;
  must(JSON.stringify(body).includes('The user credentials were incorrect.'), 'and the client reads why');
} catch (error) {
  console.error(`FAILED  ${error.stack ?? error}`);
  process.exit(1);
}
