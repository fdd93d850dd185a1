#!/usr/bin/env node
// api.video's Node client 2.3.2, unmodified but for its base URL.
//
// Environment: BASE_URL (the profile's), API_KEY. At BASE_URL/videos there must be a resource that takes its tokens, and
// answers 200 with a page of videos, which may be empty. Renewal is waited for: access tokens must live a minute or less.
import ApiVideoClient from '@api.video/nodejs-client';

const { BASE_URL, API_KEY } = process.env;
const NAME = 'api-video-node-2.3.2';
let failed = false;
const step = (name, seen) => console.log(`${NAME}: ${name}: ${seen}`);
const must = (name, condition, seen, found) => {
  if (condition) return step(name, seen);
  step(name, `FAILED: expected ${seen}, found ${found}`);
  failed = true;
  throw new Error(name);
};

try {
  const client = new ApiVideoClient({ apiKey: API_KEY, baseUri: BASE_URL, applicationName: 'grantor', applicationVersion: '1' });
  const page = await client.videos.list().catch((error) => error);
  must('resource', page.data?.length === 0, 'a page of videos for the token that the client got by itself', page.message ?? JSON.stringify(page));
  const first = await client.getAccessToken();
  must('token', first.tokenType === 'Bearer' && first.accessToken && first.refreshToken && first.expiresIn > 0, 'all four members', Object.keys(first));

  must('life of a token', first.expiresIn <= 60, 'at most a minute, so that renewal can be waited for', first.expiresIn);
  await new Promise((done) => setTimeout(done, (first.expiresIn + 1) * 1000));
  await client.videos.list();
  const second = await client.getAccessToken();
  must('renewal', second.accessToken !== first.accessToken, 'another token, since the client took a 401 as the sign to renew it', 'the same one');

  const wrong = new ApiVideoClient({ apiKey: `${API_KEY}x`, baseUri: BASE_URL });
  const error = await wrong.videos.list().then(() => undefined, (error) => error);
  must('wrong key', error?.response?.statusCode === 400 || error?.code === 400, '400', error?.code ?? error?.response?.statusCode);
  const body = error.problemDetails ?? error.response.body;
  must('why', JSON.stringify(body).includes('The user credentials were incorrect.'), 'The user credentials were incorrect.', JSON.stringify(body));
} catch (error) {
  if (!failed) step('the run', `FAILED: expected no error, found ${error.message ?? error}`);
  console.error(error.stack ?? error);
  process.exit(1);
}
