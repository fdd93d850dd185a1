#!/usr/bin/env python3
"""api.video's Python client 1.4.7, unmodified but for its base URL.

Environment: BASE_URL (the profile's), API_KEY. At BASE_URL/videos there must be a resource that takes its tokens, and
answers 200 with a page of videos, which may be empty. The client renews ten seconds before a token ends, by itself:
where access tokens live a minute or less, that is waited for. They must live longer than ten seconds.
"""

import os
import sys
import time
import traceback

import apivideo
from apivideo import auth_api_client
from apivideo.apis import VideosApi

BASE_URL, API_KEY = os.environ["BASE_URL"], os.environ["API_KEY"]
auth_api_client.HOST_ENVIRONMENT["production"] = BASE_URL


def step(condition, what):
    if not condition:
        raise AssertionError(what)
    print(f"ok  {what}", flush=True)


def run():
    with apivideo.AuthenticatedApiClient(API_KEY) as client:
        access, refresh, kind = client._access_token, client._refresh_token, client.token_type
        step(access and refresh and kind == "Bearer", "a key gives a pair")
        lives = client.next_refresh - time.time() + 10
        videos = VideosApi(client)
        videos.list()
        step(True, "a resource takes the token")
        if lives <= 60:
            give_up = time.time() + lives + 30
            while client._access_token == access and time.time() < give_up:
                time.sleep(0.2)
            step(client._access_token != access, "the client renewed by itself, with its refresh token")
            step(client._refresh_token != refresh, "and was given another refresh token")
            time.sleep(max(0.0, lives - 8))
            videos.list()
            step(True, "a resource takes the renewed token when the first has ended")
        else:
            print("skipped: the client's own renewal, since access tokens live longer than a minute here")
            client.refresh_token()
            step(client._access_token != access, "the client renews with its refresh token")
        renewed = client._refresh_token
        client._refresh_token = refresh
        try:
            client.refresh_token()
        except apivideo.ApiException as error:
            step(error.status == 400, "the first refresh token is worth nothing any more")
        else:
            raise AssertionError("a replaced refresh token was taken")
        client._refresh_token = renewed
        client.refresh_token()
        step(True, "and trying it did no harm to the one that is current")

    wrong = apivideo.AuthenticatedApiClient(API_KEY + "x")
    try:
        wrong.connect()
    except apivideo.ApiException as error:
        step(error.status == 400 and "incorrect" in str(error.body), "a wrong key is the problem that is documented")
    else:
        raise AssertionError("a wrong key was taken")
    finally:
        wrong.close()


try:
    run()
    code = 0
except Exception:
    traceback.print_exc()
    print("FAILED", file=sys.stderr)
    code = 1
sys.stdout.flush()
# The client's own thread for renewal may still be waiting.
os._exit(code)
