//! What is wrong in a configuration is named in one line.

use crate::world::World;

/// A file with one mistake, and what its line says.
const MISTAKES: &[(&str, &str)] = &[
    (
        "[lifetimes]\n\nacces_token = \"1h\"",
        ":3: [lifetimes] acces_token: unknown key; did you mean access_token?",
    ),
    ("[lifetimes]\naccess_token = \"1w\"", ":2: [lifetimes] access_token: `1w` is no time span"),
    ("[lifetimes]\naccess_token = \"0\"", ":2: [lifetimes] access_token: must be at least 1s"),
    ("[lifetimes]\nauthorization_code = \"11m\"", ":2: [lifetimes] authorization_code: at most 10m"),
    ("[lifetimes]\nrefresh_token = \"soon\"", "or \"never\""),
    ("isuer = \"https://a.test\"", ":1: isuer: unknown key; did you mean issuer?"),
    ("issuer = \"http://a.test\"", ":1: issuer: an issuer is an https URL"),
    ("[listen]\npublic = \"8080\"", ":2: [listen] public: expected an address and a port"),
    ("[listen]\npublic = \"0.0.0.0:8080\"", "issuer: needed"),
    (
        "[listen]\nadmin_origin = \"https://a.test/admin\"",
        ":2: [listen] admin_origin: `https://a.test/admin`: an origin is scheme, host and port",
    ),
    ("[listen]\ntrusted_proxies = \"10.0.0.1\"", ":2: [listen] trusted_proxies: expected a list"),
    ("[storage]\nurl = \"postgres://u:pw@h/0\"", ":2: [storage] url: not a storage URL; use sqlite:PATH"),
    ("[storage]\nurl = \"ftp://u:pw@h\"", ":2: [storage] url: not a storage URL"),
    ("[storage]\ndurability = \"most\"", ":2: [storage] durability: expected one of full, relaxed"),
    ("[keys]\nserver_key = \"00\"", ":2: [keys] server_key: a key does not belong here"),
    ("[rate_limits]\nlogin = \"10\"", ":2: [rate_limits] login: write a number and a time span"),
    ("[scopes]\nread = { descripton = \"x\" }", ":2: [scopes] read: descripton: unknown key"),
    (
        "[scopes]\nread = { description = { de_CH = \"x\" } }",
        ":2: [scopes] read: description: \"de_CH\" is no language tag",
    ),
    ("[scopes]\nread = { description.de = 1 }", ":2: [scopes] read: description.de: expected a text"),
    ("[scopes]\n\"a b\" = {}", ":2: [scopes] a b: not a scope"),
    (
        "[[profile]]\nname = \"w\"\npreset = \"wista\"",
        ":3: [profile.0] preset: there is no preset `wista`; there are standard, wistia,",
    ),
    ("[[profile]]\npreset = \"standard\"\npath = \"w\"", ":3: [profile.0] path: a path begins with a slash"),
    ("[nonsense]\nx = 1", ":2: [nonsense] x: unknown section"),
    ("[lifetimes]\nsession = = \"1h\"", ":2: not TOML: "),
];

#[test]
fn a_mistake_is_named_by_file_line_key_and_reason() {
    let world = World::new();
    for (file, says) in MISTAKES {
        world.write("grantor.toml", file);
        // Only the file is to speak: the environment would hide what it says of the listeners.
        let mut command = world.command(&["check-config"]);
        command.env_remove("GRANTOR__LISTEN__PUBLIC").env_remove("GRANTOR__LISTEN__ADMIN");
        let output = command.output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{file}: {err}");
        assert_eq!((err.lines().count(), output.stdout.len()), (1, 0), "{file}: {err}");
        assert!(err.contains(says), "{file}: {err}");
        assert!(!err.contains("pw@"), "a password was repeated: {err}");
    }
}

#[test]
fn everything_the_contract_shows_is_understood() {
    let world = World::new();
    world.write(
        "all.toml",
        r#"
        issuer = "https://auth.example.com"
        [listen]
        public = "127.0.0.1:8080"
        admin = "127.0.0.1:8081"
        trusted_proxies = ["10.0.0.0/8", "::1"]
        [storage]
        url = "sqlite:grantor-data/grantor.db"
        durability = "full"
        [lifetimes]
        authorization_code = "60s"
        access_token = "1s"
        refresh_token = "never"
        grant = "never"
        interaction = "10m"
        session = "12h"
        session_idle = "1h"
        [refresh]
        mode = "rotate"
        grace = 0
        [access_token]
        format = "jwt"
        [keys]
        server_key_file = "k"
        algorithm = "EdDSA"
        [rate_limits]
        client_authentication = "30/1m"
        login = "off"
        [log]
        level = "trace"
        file = "log"
        format = "json"
        [scopes]
        read = { description = "Read", implies = [] }
        write = { description.en = "Write", description.de = "Schreiben" }
        all = { implies = ["*"] }
        [[profile]]
        name = "standard"
        preset = "standard"
        set = { access_token = "2h" }
        "#,
    );
    let checked = world.json(&["check-config", "--config", "all.toml"]);
    assert_eq!(checked["ok"], true);
    let dangers = checked["dangers"].as_array().unwrap();
    assert!(dangers.iter().any(|d| d.as_str().unwrap().contains("rate_limits.login")), "{dangers:?}");
    assert!(!world.path("k").exists() && !world.path("log").exists(), "a check changed something");
}

#[test]
fn the_environment_overrides_the_file_and_is_as_strict() {
    let world = World::new();
    world.write("grantor.toml", "[storage]\nurl = \"sqlite:from-file/a.db\"\n");
    let with = |name: &str, value: &str, arguments: &[&str]| {
        let output = world.command(arguments).env(name, value).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, err) = with("GRANTOR__STORAGE__URL", "sqlite:from-env/b.db", &["store", "info"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(world.path("from-env/b.db").exists() && !world.path("from-file").exists());
    for (name, value, says) in [
        ("GRANTOR__LIFETIMES__ACCES_TOKEN", "1h", "unknown key; did you mean access_token?"),
        ("GRANTOR__LIFETIMES__ACCESS_TOKEN", "1w", "no time span"),
        ("GRANTOR__ISSUER", "http://a.test", "an issuer is an https URL"),
        ("GRANTOR__KEYS__SERVER_KEY", "secret-but-wrong", "expected 64 hexadecimal digits"),
    ] {
        let (code, err) = with(name, value, &["check-config"]);
        assert_eq!((code, err.lines().count()), (Some(2), 1), "{err}");
        assert!(err.starts_with(&format!("{name}: ")) && err.contains(says), "{err}");
        assert!(!err.contains("secret-but"), "{err}");
    }
}

#[test]
fn a_server_key_from_the_environment_leaves_no_file() {
    let world = World::new();
    let key = "0123456789abcdef".repeat(4);
    let with = |key: &str| {
        let mut command = world.command(&["store", "info"]);
        command.env("GRANTOR__KEYS__SERVER_KEY", key).output().unwrap().status.code()
    };
    assert_eq!(with(&key), Some(0));
    assert!(!world.path("grantor-data/server.key").exists());
    assert_eq!(with(&key.to_uppercase()), Some(0), "the same key, written otherwise");
    assert_eq!(with(&key.replace('0', "1")), Some(1), "another key");
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let said = World::new().run(&["check-config", "--config", "none.toml"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.starts_with("none.toml: cannot be read"), "{}", said.err);
}
