#!/usr/bin/env node
// api.video's Node client 2.6.8, unmodified but for its base URL.
//
// Environment: BASE_URL (the profile's), API_KEY. At BASE_URL/videos there must be a resource that takes its tokens and
// keys, and answers 200 with a page of videos, which may be empty.
import ApiVideoClient from '@api.video/nodejs-client';

const { BASE_URL, API_KEY } = process.env;
const step = (what) => console.log(`ok  ${what}`);
const must = (condition, what) => {
  if (!condition) throw new Error(what);
  step(what);
};

try {
  const client = new ApiVideoClient({ apiKey: API_KEY, baseUri: BASE_URL, applicationName: 'grantor', applicationVersion: '1' });
  const first = await client.getAccessToken();
  must(first.tokenType === 'Bearer' && first.accessToken && first.refreshToken && first.expiresIn > 0, 'a key, shown in body and header at once, gives all four members');
  await client.videos.list();
  step('a resource takes the key by Basic');
  const renewed = await fetch(`${BASE_URL}/auth/refresh`, { method: 'POST', body: JSON.stringify({ refreshToken: first.refreshToken }) });
  const { access_token: accessToken, refresh_token: refreshToken } = await renewed.json();
  must(accessToken && refreshToken !== first.refreshToken, 'a refresh token, sent as text/plain as its uploader does, gives a new pair');

  const wrong = new ApiVideoClient({ apiKey: `${API_KEY}x`, baseUri: BASE_URL });
  const refused = await wrong.getAccessToken().then(() => undefined, (error) => error.response);
  must(refused?.status === 400 && refused.data.title === 'The user credentials were incorrect.', 'a wrong key is the problem that is documented');
  must(refused.headers['content-type'] === 'application/problem+json', 'its content type is exactly application/problem+json');
  const error = await wrong.videos.list().then(() => undefined, (error) => error);
  must(error?.code === 401 && error.problemDetails?.status === 401, 'a resource refuses it, and the client reads why');
  const none = new ApiVideoClient({ baseUri: BASE_URL });
  const anonymous = await none.videos.list().then(() => undefined, (error) => error);
  must(anonymous?.code === 401, 'without a key the client sends an empty header, which is none');
} catch (error) {
  console.error(`FAILED  ${error.stack ?? error}`);
  process.exit(1);
}
