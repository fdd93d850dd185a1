#!/usr/bin/env python3
"""api.video's Python client 1.4.7, unmodified but for its base URL.

Environment: BASE_URL (the profile's), API_KEY. At BASE_URL/videos there must be a resource that takes its tokens, and
answers 200 with a page of videos, which may be empty. The client renews ten seconds before a token ends, by itself,
and that is waited for: access tokens must live longer than ten seconds, and a minute at most.
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


NAME = "api-video-python"


class Failed(Exception):
    pass


def step(name, condition, seen, found="something else"):
    if not condition:
        print(f"{NAME}: {name}: FAILED: expected {seen}, found {found}", flush=True)
        raise Failed(name)
    print(f"{NAME}: {name}: {seen}", flush=True)


def run():
    with apivideo.AuthenticatedApiClient(API_KEY) as client:
        access, refresh, kind = client._access_token, client._refresh_token, client.token_type
        step("token", access and refresh and kind == "Bearer", "a Bearer pair for a key", kind)
        lives = client.next_refresh - time.time() + 10
        step("life of a token", 10 < lives <= 60, "more than ten seconds and at most a minute", lives)
        videos = VideosApi(client)
        page = videos.list()
        step("resource", page.data == [], "a page of videos for the token", page)
        give_up = time.time() + lives + 30
        while client._access_token == access and time.time() < give_up:
            time.sleep(0.2)
        step("renewal", client._access_token != access, "another token, which the client got by itself", "the same one")
        step("rotation", client._refresh_token != refresh, "another refresh token with it", "the same one")
        time.sleep(max(0.0, lives - 8))
        videos.list()
        step("renewed token", True, "a resource takes it when the first has ended")
        renewed = client._refresh_token
        client._refresh_token = refresh
        try:
            client.refresh_token()
            status = "a new pair"
        except apivideo.ApiException as error:
            status = error.status
        step("replaced refresh token", status == 400, "400", status)
        client._refresh_token = renewed
        client.refresh_token()
        step("current refresh token", True, "it is good for a new pair, after the replaced one was tried")

    wrong = apivideo.AuthenticatedApiClient(API_KEY + "x")
    try:
        wrong.connect()
        seen = "a token"
    except apivideo.ApiException as error:
        seen = f"{error.status} {error.body}"
    finally:
        wrong.close()
    step("wrong key", seen.startswith("400") and "incorrect" in seen, "the problem that is documented", seen)


try:
    run()
    code = 0
except Exception as error:
    if not isinstance(error, Failed):
        print(f"{NAME}: the run: FAILED: expected no error, found {type(error).__name__}: {' '.join(str(error).split())}")
        traceback.print_exc()
    code = 1
sys.stdout.flush()
# The client's own thread for renewal may still be waiting.
os._exit(code)
