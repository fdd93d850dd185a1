#!/bin/sh
# The page "OAuth2 App Registration" of Ooyala Flex, with curl: an application is registered, read, changed, gets a
# token, and is deleted.
# Environment: BASE_URL, REGISTRATION_KEY (of the profile flex).
set -eu
at=$BASE_URL/api/authentication/applications
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# fail STEP EXPECTED FOUND
fail() {
    echo "flex-curl: $1: FAILED: expected $2, found $3"
    [ ! -s "$folder/body" ] || { cat "$folder/body"; echo; } >&2
    exit 1
}
# ask STEP STATUS CURL-ARGUMENTS…: the body is left in $folder/body
ask() {
    name=$1 wanted=$2
    shift 2
    got=$(curl -sS -o "$folder/body" -w '%{http_code}' "$@") || fail "$name" "an answer" none
    [ "$got" = "$wanted" ] || fail "$name" "$wanted" "$got"
    echo "flex-curl: $name: $got"
}
text() { sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p" "$folder/body"; }

key="X-App-Registration-Key: $REGISTRATION_KEY"
json="Content-Type: application/json"
reviewer='{ "applicationName": "Reviewer", "description": "Tool to review media" }'
ask "the applications are listed" 200 -H "$key" "$at/"
ask "without the key they are not" 401 "$at/"
ask "an application is registered" 201 -X POST -H "$key" -H "$json" -d "$reviewer" "$at"
number=$(sed -n 's/^{"id":\([0-9]*\),.*/\1/p' "$folder/body") id=$(text clientId) secret=$(text clientSecret)
[ -n "$number" ] && [ -n "$id" ] && [ -n "$secret" ] || fail "$name" "a number, an id and a secret" "less"
ask "it is read" 200 -H "$key" "$at/$number"
[ "$(text secret)" = "$secret" ] || fail "$name" "the same secret" "another or none"
ask "it is changed" 200 -X PUT -H "$key" -H "$json" -d "$reviewer" "$at/$number"
[ "$(text clientSecret)" = "$secret" ] || fail "$name" "the same secret" "another or none"
for path in /oauth/token /api/authentication/oauth/token; do
    ask "GET $path gives a token" 200 -u "$id:$secret" "$BASE_URL$path?grant_type=client_credentials"
    [ "$(text scope)" = client_credentials_default_scope ] || fail "$name" "client_credentials_default_scope" "another scope"
    case $(text access_token) in eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.*) ;; *) fail "$name" "the printed header of a JWT" "another" ;; esac
    ask "POST $path does as well" 200 -u "$id:$secret" -d grant_type=client_credentials "$BASE_URL$path"
done
ask "a wrong secret gets none" 401 -u "$id:wrong" "$BASE_URL/oauth/token?grant_type=client_credentials"
ask "a secret in the URL gets none" 400 "$BASE_URL/oauth/token?grant_type=client_credentials&client_id=$id&client_secret=$secret"
ask "it is deleted" 204 -X DELETE -H "$key" "$at/$number"
ask "and gets no token any more" 401 -u "$id:$secret" "$BASE_URL/oauth/token?grant_type=client_credentials"
ask "and is not there" 404 -H "$key" "$at/$number"
