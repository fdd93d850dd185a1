#!/bin/sh
# Brightcove's overview, with curl: a credential from the body as it is printed there, its token, and its end.
# Environment: BASE_URL, SESSION_TOKEN (of a user of the profile brightcove), ACCOUNT_IDS (two of his, parted by a comma).
set -eu
one=${ACCOUNT_IDS%%,*}
two=${ACCOUNT_IDS#*,}
two=${two%%,*}
at=$BASE_URL/v4/client_credentials
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# fail STEP EXPECTED FOUND
fail() {
    echo "brightcove-curl: $1: FAILED: expected $2, found $3"
    [ ! -s "$folder/body" ] || { cat "$folder/body"; echo; } >&2
    exit 1
}
# ask STEP STATUS CURL-ARGUMENTS…: the body is left in $folder/body
ask() {
    name=$1 wanted=$2
    shift 2
    got=$(curl -sS -o "$folder/body" -w '%{http_code}' "$@") || fail "$name" "an answer" none
    [ "$got" = "$wanted" ] || fail "$name" "$wanted" "$got"
    echo "brightcove-curl: $name: $got"
}
# The text under a name.
text() { sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p" "$folder/body"; }

cat >"$folder/printed" <<END
    {
      "type": "credential",
      "maximum_scope": [
        {
          "identity": {
            "type": "video-cloud-account",
            "type": "perform-account",
            "account-id": $one
          },
          "operations": [
            "video-cloud/player/all"
          ]
        },
        {
          "identity": {
          "type": "video-cloud-account",
          "type": "perform-account",
          "account-id": $two
        },
        "operations": [
          "video-cloud/player/all"
        ]
        }
      ],
      "name": "AnalyticsClient",
      "description": "My analytics app"
    }
END
token="Authorization: BC_TOKEN $SESSION_TOKEN"
json="Content-Type: application/json"
ask "the printed body makes a credential" 201 -X POST -H "$json" -H "$token" --data-binary "@$folder/printed" "$at"
id=$(text client_id) secret=$(text client_secret)
[ -n "$id" ] && [ -n "$secret" ] || fail "$name" "an id and a secret" "less"
grep -q "\"account-id\":$one}" "$folder/body" || fail "$name" "the account as it was sent" "another way"
ask "a form makes one, too" 201 -H "$token" -d name=Form --data-urlencode \
    "maximum_scope=[{\"identity\":{\"type\":\"video-cloud-account\",\"account-id\":\"$one\"},\"operations\":[\"video-cloud/video/read\"]}]" "$at"
second=$(text client_id)
ask "both are listed" 200 -H "$token" "$at?origin_account_ids=$one"
grep -q "$id" "$folder/body" && grep -q "$second" "$folder/body" || fail "$name" "both in the list" "less"
ask "it is read" 200 -H "$token" "$at/$id"
grep -q '"client_secret":null' "$folder/body" || fail "$name" "client_secret null" "another"
form="Content-Type: application/x-www-form-urlencoded"
ask "it gets a token, by the body" 200 -u "$id:$secret" -H "$form" -d grant_type=client_credentials "$BASE_URL/v4/access_token"
ask "and by the URL" 200 -X POST -u "$id:$secret" -H "$form" "$BASE_URL/v4/access_token?grant_type=client_credentials"
token_text=$(text access_token)
[ "${#token_text}" = 396 ] || fail "$name" "a token of 396 characters" "${#token_text}"
ask "a wrong secret gets none" 400 -u "$id:wrong" -d grant_type=client_credentials "$BASE_URL/v4/access_token"
ask "it is renamed" 200 -X PUT -H "$json" -H "$token" -d '{"name": "Renamed"}' "$at/$id"
ask "nobody else may look" 401 -H "Authorization: BC_TOKEN nonsense" "$at"
ask "it is deleted" 204 -X DELETE -H "$token" "$at/$id"
ask "and gets no token any more" 400 -u "$id:$secret" -d grant_type=client_credentials "$BASE_URL/v4/access_token"
ask "the other is deleted" 204 -X DELETE -H "$token" "$at/$second"
