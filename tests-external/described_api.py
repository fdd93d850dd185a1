"""Tries the operators' API by its own document, with a program that is not ours.

    described_api.py '{"admin": URL, "token": TOKEN}'

Schemathesis makes requests of what the document describes, right and wrong ones, and holds each answer to it. What it
finds it prints, with a curl line for each.
"""

import json
import pathlib
import subprocess
import sys

CONFIGURATION = pathlib.Path(__file__).with_name("schemathesis.toml")
OPTIONS = [
    "--phases=examples,coverage",
    "--continue-on-failure",
    "--request-timeout=30",
    # The same requests at each run.
    "--seed=1",
    # A rule refuses more than a schema can say: a redirect URI that is none, a profile that is not configured.
    "--exclude-checks=positive_data_acceptance",
    "--warnings=off",
    "--no-color",
]


def try_api(admin, token):
    """Whether everything was as described."""
    arguments = [f"{admin}/api/openapi.json", "--header", f"Authorization: Bearer {token}", *OPTIONS]
    program = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION)]
    run = subprocess.run([*program, "run", *arguments], check=False)
    return run.returncode == 0


if __name__ == "__main__":
    SUBJECT = json.loads(sys.argv[1])
    sys.exit(0 if try_api(SUBJECT["admin"], SUBJECT["token"]) else 1)
