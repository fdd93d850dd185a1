"""The driver on known subjects: it must pass the stand-in as it is, and fail it, at the right step, with each fault."""

import json
import sys
import threading
from html import escape
from pathlib import Path

from authlib_client import Run
from fake_grantor import FAULTS, server
from pages import Page

REGISTRATIONS = json.loads(Path(__file__).with_name("registrations.json").read_text())


def subject_at(issuer):
    """The driver's description of the stand-in at `issuer`."""
    paths = {"authorization": "authorize", "token": "token", "introspection": "introspect", "revocation": "revoke"}
    return {
        "issuer": issuer,
        "endpoints": {f"{name}_endpoint": f"{issuer}/oauth2/{path}" for name, path in paths.items()},
        "registrations": REGISTRATIONS,
    }


def first_failure(fault):
    """The step at which the driver stops, and why; None when it is content."""
    serving = server(REGISTRATIONS, fault)
    thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        run = Run(subject_at(f"http://127.0.0.1:{serving.server_port}"))
        for step in run.steps():
            try:
                step()
            except Exception as error:
                return step.__name__.replace("_", " "), f"{type(error).__name__}: {error}"
        return None, None
    finally:
        serving.shutdown()
        thread.join()
        serving.server_close()


def check_pages():
    html = (
        '<input name="outside"><form action="/a?x=1&amp;y=2" method=POST><input name=username>'
        f'<input type=hidden name=csrf value="{escape(chr(34))}"><input type=checkbox name=off>'
        "<input type=checkbox name=on checked><select name=account><option value=1><option value=2 selected></select>"
        '<button type=button name=no>x</button><button name=decision value=approve>y</button></form><form></form>'
    )
    first, second = Page(html).forms
    assert (first.action, first.method) == ("/a?x=1&y=2", "post"), (first.action, first.method)
    assert first.fields == {"username": "", "csrf": '"', "on": "on", "account": "2"}, first.fields
    assert first.buttons == [("decision", "approve")], first.buttons
    assert (second.action, second.method, second.fields) == ("", "get", {}), vars(second)


def main():
    check_pages()
    wrong = []
    explain = "--explain" in sys.argv
    for fault, expected in [(None, None), *FAULTS.items()]:
        step, why = first_failure(fault)
        if explain:
            print(f"self-test: {fault}: {step}: {why}")
        if step != expected:
            wrong.append(f"with the fault {fault!r} the driver stopped at {step!r} ({why}), not at {expected!r}")
    for line in wrong:
        print(f"self-test: {line}", flush=True)
    if not wrong:
        print(f"self-test: the driver passes what is right and notices each of {len(FAULTS)} faults", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
