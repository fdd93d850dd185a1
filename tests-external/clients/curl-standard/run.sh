#!/bin/sh
# curl against the standard profile: a token, what it opens, what it does not, and its end.
set -u
NAME=curl-standard

step() { # NAME WHAT-WAS-SEEN
    printf '%s: %s: %s\n' "$NAME" "$1" "$2"
}

equal() { # STEP WHAT EXPECTED FOUND
    [ "$3" = "$4" ] && return 0
    step "$1" "FAILED: $2: expected $3, found $4"
    exit 1
}

# The text under a name of a flat JSON object.
member() { # NAME
    sed -n 's/.*"'"$1"'":"\{0,1\}\([^",}]*\).*/\1/p' "$WORK/body"
}

# Sends a request; the status is printed, the body is in $WORK/body and the head in $WORK/head.
send() {
    curl -sS -m 20 -o "$WORK/body" -D "$WORK/head" -w '%{http_code}' "$@"
}

as_client="$CLIENT_ID:$CLIENT_SECRET"

status=$(send "$BASE_URL/.well-known/oauth-authorization-server")
equal "metadata" "status" 200 "$status"
equal "metadata" "token_endpoint" "$BASE_URL/oauth2/token" "$(member token_endpoint)"
step "metadata" "names $(member token_endpoint)"

status=$(send -u "$as_client" -d grant_type=client_credentials "$BASE_URL/oauth2/token")
equal "client credentials" "status" 200 "$status"
equal "client credentials" "token_type" Bearer "$(member token_type)"
equal "client credentials" "expires_in" 3600 "$(member expires_in)"
equal "client credentials" "scope" read "$(member scope)"
equal "client credentials" "cache-control" no-store "$(sed -n 's/^cache-control: \([^\r]*\).*/\1/Ip' "$WORK/head")"
token=$(member access_token)
step "client credentials" "a token for $(member scope)"

status=$(send -u "$CLIENT_ID:not-the-secret" -d grant_type=client_credentials "$BASE_URL/oauth2/token")
equal "wrong secret" "status" 401 "$status"
equal "wrong secret" "error" invalid_client "$(member error)"
step "wrong secret" "401 $(member error)"

status=$(send -H "Authorization: Bearer $token" "$BASE_URL/demo/resource")
equal "protected resource" "status" 200 "$status"
equal "protected resource" "client" "$CLIENT_ID" "$(member client)"
step "protected resource" "answers $(member client)"

status=$(send "$BASE_URL/demo/resource")
equal "no token" "status" 401 "$status"
equal "no token" "challenge" 'Bearer realm="grantor"' "$(sed -n 's/^www-authenticate: \([^\r]*\).*/\1/Ip' "$WORK/head" | tr -d '\r')"
step "no token" "401 and a challenge"

status=$(send -u "$as_client" -d grant_type=client_credentials -d scope=write "$BASE_URL/oauth2/token")
equal "wrong scope" "status of the token" 200 "$status"
status=$(send -H "Authorization: Bearer $(member access_token)" "$BASE_URL/demo/resource")
equal "wrong scope" "status" 403 "$status"
equal "wrong scope" "error" insufficient_scope "$(member error)"
step "wrong scope" "403 $(member error)"

status=$(send "$BASE_URL/demo/resource?access_token=$token")
equal "token in the URL" "status" 401 "$status"
step "token in the URL" "401: it is not looked at there"

status=$(send -u "$as_client" -d "token=$token" "$BASE_URL/oauth2/introspect")
equal "introspection" "status" 200 "$status"
equal "introspection" "active" true "$(member active)"
step "introspection" "active"

status=$(send -u "$as_client" -d "token=$token" "$BASE_URL/oauth2/revoke")
equal "revocation" "status" 200 "$status"
status=$(send -H "Authorization: Bearer $token" "$BASE_URL/demo/resource")
equal "revocation" "status of the resource after it" 401 "$status"
equal "revocation" "error" invalid_token "$(member error)"
step "revocation" "the token opens nothing any more"
