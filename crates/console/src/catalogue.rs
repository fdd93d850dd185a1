//! Everything that operators look after.

use crate::thing::{
    Act, By, Field, Related, Thing, actor, count, dangers, ending, flag, lines, long, mail, members, of, ofs,
    one, password, permissions, secrets, some, text, time, values, word,
};

/// All of it, in the order of the menu.
pub(crate) const THINGS: &[&Thing] = &[
    &CLIENTS,
    &USERS,
    &ACCOUNTS,
    &GRANTS,
    &API_KEYS,
    &SESSION_TOKENS,
    &REGISTRATION_KEYS,
    &KEYS,
    &PROFILES,
    &AUDIT,
    &EXPIRING,
    &SESSIONS,
];

/// The thing of that name.
pub(crate) fn thing(name: &str) -> Option<&'static Thing> {
    THINGS.iter().copied().find(|thing| thing.name == name)
}

const GRANT_TYPES: &[&str] =
    &["authorization_code", "refresh_token", "client_credentials", "implicit", "password"];
const AUTH_METHODS: &[&str] = &["client_secret_basic", "client_secret_post", "none"];

const OWNER: Field = of("users", "owner");
const PROFILE: Field = of("profiles", "profile");
/// The profile of a token that acts for a person: of the API of operators, unless another is chosen.
const TOKEN_PROFILE: Field = PROFILE.or(grantor_admin::PROFILE);
const CREATED: Field = time("created_at");
const EXPIRES: Field = time("expires_at");
const STATE: Field = word("state");

const CLIENT: &[Field] = &[
    text("client_name"),
    long("description"),
    text("client_uri"),
    text("logo_uri"),
    OWNER,
    lines("redirect_uris"),
    some(GRANT_TYPES, "grant_types").or("authorization_code"),
    some(&["code", "token"], "response_types").or("code"),
    text("scope"),
    text("default_scope"),
    one(AUTH_METHODS, "token_endpoint_auth_method").required().or("client_secret_basic"),
    flag("require_pkce").or("on"),
    one(&["reference", "jwt"], "access_token_format"),
    text("access_token_audience"),
    text("audience"),
    one(&["text", "list", "commas"], "token_response_scope"),
    ofs("users", "act_as"),
    permissions("permissions"),
];

static CLIENTS: Thing = Thing {
    name: "clients",
    api: "/api/clients",
    id: "client_id",
    list: Some(&[text("prefix"), text("name"), OWNER]),
    more: "/api/clients/{id}/details",
    columns: &[of("clients", "client_id"), text("client_name"), PROFILE, OWNER, flag("disabled")],
    shown: &[
        text("client_id"),
        text("client_name"),
        long("description"),
        flag("disabled"),
        PROFILE,
        OWNER,
        text("client_uri"),
        text("logo_uri"),
        lines("redirect_uris"),
        some(GRANT_TYPES, "grant_types"),
        some(&[], "response_types"),
        text("scope"),
        text("default_scope"),
        one(AUTH_METHODS, "token_endpoint_auth_method"),
        flag("require_pkce").or("on"),
        one(&[], "access_token_format"),
        text("access_token_audience"),
        text("audience"),
        one(&[], "token_response_scope"),
        ofs("users", "act_as"),
        permissions("permissions"),
        time("registered_at"),
        secrets("secrets"),
    ],
    make: &[text("client_id"), PROFILE],
    change: CLIENT,
    acts: &[
        Act {
            // As whoever owns an application is offered it: those who use the old one have time to change over.
            fields: &[text("overlap").or("7d")],
            once: "client_secret",
            when: Some(("token_endpoint_auth_method", "!none")),
            ..act("rotate-secret", By::Post, "/api/clients/{id}/rotate-secret", "/clients/show?id={id}")
        },
        Act {
            when: Some(("disabled", "")),
            ends: true,
            ..act("disable", By::Setting("disabled", true), "/api/clients/{id}", "/clients/show?id={id}")
        },
        Act {
            when: Some(("disabled", "on")),
            ..act("enable", By::Setting("disabled", false), "/api/clients/{id}", "/clients/show?id={id}")
        },
        Act {
            when: Some(("has_logo", "on")),
            ..act("delete-logo", By::Delete, "/api/clients/{id}/logo", "/clients/show?id={id}")
        },
        Act { grave: true, ..act("delete", By::Delete, "/api/clients/{id}", "/clients") },
    ],
    related: &[
        Related { thing: "grants", api: "/api/grants?client={id}", all: "/grants?client={id}" },
        Related { thing: "audit", api: "", all: "/audit?client={id}" },
    ],
    pictured: true,
    usage: "/api/clients/{id}/usage",
    once: "client_secret",
};

static USERS: Thing = Thing {
    name: "users",
    api: "/api/users",
    id: "username",
    list: Some(&[text("prefix"), mail("email"), of("accounts", "account")]),
    columns: &[of("users", "username"), text("name"), mail("email"), STATE, flag("admin")],
    shown: &[
        text("username"),
        text("name"),
        mail("email"),
        text("avatar"),
        STATE,
        flag("admin"),
        members("accounts"),
        CREATED,
    ],
    make: &[text("username").required(), password("password"), flag("admin")],
    change: &[text("name"), mail("email"), text("avatar"), members("accounts")],
    acts: &[
        Act {
            fields: &[password("password").required()],
            ..act("set-password", By::Patch, "/api/users/{id}", "/users/show?id={id}")
        },
        act("end-sessions", By::Delete, "/api/users/{id}/sessions", "/users/show?id={id}"),
        Act {
            when: Some(("admin", "")),
            ..act("make-admin", By::Setting("admin", true), "/api/users/{id}", "/users/show?id={id}")
        },
        Act {
            when: Some(("admin", "on")),
            ends: true,
            ..act("unmake-admin", By::Setting("admin", false), "/api/users/{id}", "/users/show?id={id}")
        },
        Act {
            when: Some(("state", "active")),
            ends: true,
            ..act("disable", By::Post, "/api/users/{id}/disable", "/users/show?id={id}")
        },
        Act {
            when: Some(("state", "disabled")),
            ..act("enable", By::Post, "/api/users/{id}/enable", "/users/show?id={id}")
        },
        Act { grave: true, ..act("delete", By::Delete, "/api/users/{id}", "/users") },
    ],
    related: &[
        Related { thing: "sessions", api: "/api/users/{id}/sessions", all: "" },
        Related { thing: "grants", api: "/api/grants?user={id}", all: "/grants?user={id}" },
        Related { thing: "clients", api: "/api/clients?owner={id}", all: "/clients?owner={id}" },
        Related {
            thing: "session-tokens",
            api: "/api/session-tokens?user={id}",
            all: "/session-tokens?user={id}",
        },
        Related { thing: "audit", api: "", all: "/audit?subject={id}" },
    ],
    once: "password",
    ..Thing::BARE
};

static SESSIONS: Thing = Thing {
    name: "sessions",
    columns: &[text("user_agent"), time("authenticated_at"), time("last_seen"), EXPIRES],
    acts: &[act("end", By::Delete, "/api/users/{of}/sessions/{id}", "/users/show?id={of}")],
    ..Thing::BARE
};

static ACCOUNTS: Thing = Thing {
    name: "accounts",
    api: "/api/accounts",
    list: Some(&[text("prefix")]),
    columns: &[of("accounts", "id"), text("name"), text("url"), flag("oauth_enabled")],
    shown: &[text("id"), text("name"), text("url"), flag("oauth_enabled"), CREATED],
    make: &[text("id").required()],
    change: &[text("name"), text("url"), flag("oauth_enabled").or("on")],
    acts: &[Act { grave: true, ..act("delete", By::Delete, "/api/accounts/{id}", "/accounts") }],
    related: &[Related { thing: "users", api: "/api/users?account={id}", all: "/users?account={id}" }],
    ..Thing::BARE
};

const SUBJECT: Field = of("users", "subject");
const GRANTED_TO: Field = of("clients", "client");

static GRANTS: Thing = Thing {
    name: "grants",
    api: "/api/grants",
    list: Some(&[of("users", "user"), GRANTED_TO]),
    columns: &[of("grants", "id"), GRANTED_TO, SUBJECT, text("scope"), CREATED, STATE],
    shown: &[
        text("id"),
        GRANTED_TO,
        SUBJECT,
        of("accounts", "account"),
        text("scope"),
        text("audience"),
        CREATED,
        time("last_used_at"),
        EXPIRES,
        STATE,
        word("cause"),
    ],
    acts: &[Act {
        when: Some(("state", "!revoked")),
        ends: true,
        ..act("revoke", By::Post, "/api/grants/{id}/revoke", "/grants/show?id={id}")
    }],
    ..Thing::BARE
};

static API_KEYS: Thing = Thing {
    name: "api-keys",
    api: "/api/api-keys",
    list: Some(&[PROFILE]),
    columns: &[of("api-keys", "id"), text("name"), OWNER, PROFILE],
    shown: &[text("id"), text("name"), OWNER, PROFILE],
    make: &[text("name"), OWNER, PROFILE],
    acts: &[act("delete", By::Delete, "/api/api-keys/{id}", "/api-keys")],
    related: &[Related { thing: "grants", api: "/api/grants?client={id}", all: "/grants?client={id}" }],
    once: "key",
    ..Thing::BARE
};

static SESSION_TOKENS: Thing = Thing {
    name: "session-tokens",
    api: "/api/session-tokens",
    list: Some(&[of("users", "user"), TOKEN_PROFILE]),
    columns: &[text("id"), of("users", "user"), PROFILE, CREATED, EXPIRES],
    make: &[of("users", "user").required(), TOKEN_PROFILE.required(), text("expires_in")],
    acts: &[act("delete", By::Delete, "/api/session-tokens/{id}", "/session-tokens")],
    once: "token",
    ..Thing::BARE
};

static REGISTRATION_KEYS: Thing = Thing {
    name: "registration-keys",
    api: "/api/registration-keys",
    list: Some(&[PROFILE]),
    columns: &[text("id"), PROFILE, CREATED],
    make: &[PROFILE.required()],
    acts: &[act("delete", By::Delete, "/api/registration-keys/{id}", "/registration-keys")],
    once: "key",
    ..Thing::BARE
};

static KEYS: Thing = Thing {
    name: "keys",
    api: "/api/keys",
    id: "kid",
    list: Some(&[]),
    columns: &[text("kid"), text("alg"), STATE, time("since"), time("until")],
    acts: &[
        Act {
            fields: &[one(&["ES256", "EdDSA", "RS256"], "algorithm"), text("ahead")],
            ..act("rotate", By::Post, "/api/keys/rotate", "/keys")
        },
        Act {
            grave: true,
            when: Some(("state", "!retired")),
            ends: true,
            ..act("retire", By::Post, "/api/keys/{id}/retire", "/keys")
        },
    ],
    ..Thing::BARE
};

static PROFILES: Thing = Thing {
    name: "profiles",
    api: "/api/profiles",
    id: "name",
    list: Some(&[]),
    columns: &[of("profiles", "name"), text("description"), text("url"), count("dangers")],
    shown: &[text("name"), text("url"), dangers("dangers"), values("values")],
    ..Thing::BARE
};

/// What the ledger keeps.
const ENTRY_KINDS: &[&str] = &[
    "request_approved",
    "request_denied",
    "grant_revoked",
    "access_token_revoked",
    "code_replayed",
    "refresh_token_replayed",
    "logged_in",
    "login_failed",
    "signed_up",
    "password_changed",
    "password_change_failed",
    "session_ended",
    "client_registered",
    "client_changed",
    "client_secret_rotated",
    "client_deleted",
    "keys_changed",
    "operator_acted",
    "server_started",
    "entries_lost",
];

static AUDIT: Thing = Thing {
    name: "audit",
    api: "/api/audit",
    list: Some(&[one(ENTRY_KINDS, "kind"), GRANTED_TO, SUBJECT, text("by"), time("since"), time("until")]),
    columns: &[
        time("at"),
        word("kind"),
        actor("by"),
        GRANTED_TO,
        SUBJECT,
        of("accounts", "account"),
        of("grants", "grant"),
        word("detail"),
        count("times"),
    ],
    ..Thing::BARE
};

static EXPIRING: Thing = Thing {
    name: "expiring",
    api: "/api/expiring",
    list: Some(&[text("within")]),
    columns: &[word("kind"), ending("id"), OWNER, EXPIRES],
    ..Thing::BARE
};

const fn act(name: &'static str, by: By, api: &'static str, then: &'static str) -> Act {
    let ends = matches!(by, By::Delete);
    Act { name, by, api, fields: &[], grave: false, ends, when: None, once: "", then }
}
