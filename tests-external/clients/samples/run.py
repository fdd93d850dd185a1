#!/usr/bin/env python3
"""The code that the page of an application gives to copy, run as it stands there.

An application is registered at /apps, once with a secret and once without; each sample is taken from the page that comes of
it, saved, and run to its token, which must open the protected API. Nothing in a sample is changed but where it says so
itself: the code that curl redeems is put where the comment says.

Environment: BASE_URL, USERNAME, PASSWORD, REDIRECT_URI, WORK.
"""

import html
import os
import re
import subprocess
import sys
import traceback
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

sys.path.insert(0, "..")
from pages import Page, Walk  # noqa: E402

NAME = "samples"
BASE_URL, REDIRECT_URI = os.environ["BASE_URL"], os.environ["REDIRECT_URI"]
WORK = Path(os.environ["WORK"])
PATIENCE = 60

# How each is run. openid-client is found from where it is installed, and so that sample lies there.
PROGRAMS = {
    "python": (["python3", "-u"], WORK / "application.py"),
    "node": (["node"], Path.cwd() / "token.mjs"),
    "ruby": (["ruby", "-r", str(WORK / "sync.rb")], WORK / "application.rb"),
}


class Failed(Exception):
    pass


def step(name, condition, seen, found="something else"):
    if not condition:
        print(f"{NAME}: {name}: FAILED: expected {seen}, found {found}", flush=True)
        raise Failed(name)
    print(f"{NAME}: {name}: {seen}", flush=True)


class Person:
    """Somebody with one browser, in which he is logged in."""

    def __init__(self):
        self.session = requests.Session()
        self.walk = Walk(self.session, os.environ["USERNAME"], os.environ["PASSWORD"])
        self.walk.to(f"{BASE_URL}/apps/new", f"{BASE_URL}/apps/new")

    def registers(self, kind):
        """An application of this kind: the page that is shown once."""
        page = self.session.get(f"{BASE_URL}/apps/new").text
        form = next(form for form in Page(page).forms if "csrf" in form.fields)
        ticks = re.findall(r'name="(scope\.[^"]+|grant\.(?:authorization_code|refresh_token))"', page)
        # A client that cannot keep a secret cannot act for itself.
        ticks += ["grant.client_credentials"] if kind == "confidential" else []
        form.fields.update({tick: "on" for tick in ticks}, name=f"A {kind} one", redirect_uris=REDIRECT_URI, kind=kind)
        answer = self.session.post(urljoin(f"{BASE_URL}/apps/new", form.action), data=form.fields)
        assert answer.status_code == 200 and 'id="client_id"' in answer.text, f"{answer.status_code}: {answer.text[:2000]}"
        return answer.text

    def approves(self, url):
        """The address that the browser ends at."""
        return self.walk.to(REDIRECT_URI, url)[0]


def shown(page, name):
    """What a field of the page holds."""
    found = re.search(rf'<input id="{name}"[^>]* value="([^"]*)"', page)
    return html.unescape(found[1]) if found else None


def samples(page):
    found = re.findall(r'<summary>([^<]*)</summary>\s*<pre id="code-(\w+)"[^>]*>(.*?)</pre>', page, re.S)
    return {name: (html.unescape(title), html.unescape(code)) for title, name, code in found}


def asks_and_answers(name, code, secret, person):
    """Runs a sample that prints where to go and asks where the browser ended: (whether it ended well, all that it said)."""
    program, file = PROGRAMS[name]
    file.write_text(code)
    with subprocess.Popen(
        [*program, str(file)], env=environment(secret), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    ) as running:
        said = [running.stdout.readline()]
        url = re.search(r"https?://\S+", said[0])
        if url:
            location = person.approves(url[0])
            # Ruby's asks for the code, the others for the whole address.
            answer = parse_qs(urlsplit(location).query)["code"][0] if name == "ruby" else location
            rest, _ = running.communicate(answer + "\n", timeout=PATIENCE)
        else:
            rest, _ = running.communicate(timeout=PATIENCE)
        said.append(rest)
        return running.returncode == 0, "".join(said)


def environment(secret):
    return {**os.environ, **({"CLIENT_SECRET": secret} if secret else {})}


def curl(code, secret):
    ran = subprocess.run(["sh", "-c", code], env=environment(secret), capture_output=True, text=True, timeout=PATIENCE)
    return ran.stdout + ran.stderr


def opens(said):
    """Whether the last word that was said is a token: the protected API takes it."""
    words = re.findall(r'gra_at_[\w-]+|eyJ[\w.-]+', said)
    if not words:
        return False
    answer = requests.get(f"{BASE_URL}/demo/resource", headers={"Authorization": f"Bearer {words[-1]}"})
    return answer.status_code == 200


def run():
    (WORK / "sync.rb").write_text("$stdout.sync = true\n")
    person = Person()
    for kind, how in [("confidential", "with a secret"), ("public", "without one")]:
        page = person.registers(kind)
        secret, all_of_it = shown(page, "secret"), samples(page)
        expected = ["curl", "python", "node", "ruby"] + (["itself"] if secret else [])
        step(f"samples {how}", list(all_of_it) == expected, ", ".join(expected), list(all_of_it))
        step(f"an application {how}", bool(secret) == (kind == "confidential"), "has one" if secret else "has none", "the other")
        link = shown(page, "link")
        code = parse_qs(urlsplit(person.approves(link)).query)["code"][0]
        for name, (title, text) in all_of_it.items():
            if name in PROGRAMS:
                ended, said = asks_and_answers(name, text, secret, person)
            else:
                ended, said = True, curl(text.replace("CODE='…'", f"CODE='{code}'"), secret)
            step(f"{title}, {how}", ended and opens(said), "a token that opens the protected API", said[-600:])
        if secret:
            # A run that notices nothing would pass whatever stood on the page.
            ended, said = asks_and_answers("python", all_of_it["python"][1], secret + "x", person)
            step("a wrong secret", not ended and "invalid_client" in said, "invalid_client", said[-600:])
    file = PROGRAMS["ruby"][1]
    spelt = lambda: subprocess.run(["ruby", "-c", str(file)], capture_output=True).returncode == 0  # noqa: E731
    step("Ruby's grammar", spelt(), "keeps to it")
    file.write_text(file.read_text().replace("(", "", 1))
    step("Ruby without a bracket", not spelt(), "does not")


try:
    run()
except Failed:
    sys.exit(1)
except Exception:
    print(f"{NAME}: run: FAILED: {traceback.format_exc().splitlines()[-1]}", flush=True)
    traceback.print_exc()
    sys.exit(1)
