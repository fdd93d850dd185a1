#!/usr/bin/env node
// api.video's Node client 2.6.8, unmodified but for its base URL.
//
// Environment: BASE_URL (the profile's), API_KEY. At BASE_URL/videos there must be a resource that takes its tokens and
// keys, and answers 200 with a page of videos, which may be empty.
import ApiVideoClient from '@api.video/nodejs-client';

const { BASE_URL, API_KEY } = process.env;
const NAME = 'api-video-node-2.6.8';
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
  const first = await client.getAccessToken();
  must('token', first.tokenType === 'Bearer' && first.accessToken && first.refreshToken && first.expiresIn > 0, 'a key, shown in body and header at once, gives all four members', Object.keys(first));
  const page = await client.videos.list().catch((error) => error);
  must('resource', page.data?.length === 0, 'a page of videos for the key, shown by Basic', page.message ?? JSON.stringify(page));
  const renewed = await fetch(`${BASE_URL}/auth/refresh`, { method: 'POST', body: JSON.stringify({ refreshToken: first.refreshToken }) });
  const { access_token: accessToken, refresh_token: refreshToken } = await renewed.json();
  must('refresh', accessToken && refreshToken && refreshToken !== first.refreshToken, 'a new pair for a refresh token, sent as text/plain as its uploader does', renewed.status);

  const wrong = new ApiVideoClient({ apiKey: `${API_KEY}x`, baseUri: BASE_URL });
  const refused = await wrong.getAccessToken().then(() => undefined, (error) => error.response);
  must('wrong key', refused?.status === 400 && refused.data.title === 'The user credentials were incorrect.', 'the problem that is documented', `${refused?.status} ${JSON.stringify(refused?.data)}`);
  must('content type of a problem', refused.headers['content-type'] === 'application/problem+json', 'exactly application/problem+json', refused.headers['content-type']);
  const error = await wrong.videos.list().then(() => undefined, (error) => error);
  must('wrong key at a resource', error?.code === 401 && error.problemDetails?.status === 401, '401, and the client reads why', `${error?.code} ${JSON.stringify(error?.problemDetails)}`);
  const none = new ApiVideoClient({ baseUri: BASE_URL });
  const anonymous = await none.videos.list().then(() => undefined, (error) => error);
  must('no key', anonymous?.code === 401, '401 for the empty header that the client sends then', anonymous?.code);
} catch (error) {
  if (!failed) step('the run', `FAILED: expected no error, found ${error.message ?? error}`);
  console.error(error.stack ?? error);
  process.exit(1);
}
