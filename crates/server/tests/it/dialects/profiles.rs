//! `profile list`, `show` and `check`, and how a configuration names profiles.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::http::Request;
use crate::world::World;

const PRESETS: [&str; 6] = ["standard", "wistia", "api-video", "webmaker", "brightcove", "flex"];

#[test]
fn a_list_has_what_is_served_and_what_comes_with_grantor() {
    let world = World::new();
    world.write(
        "grantor.toml",
        "[[profile]]\nname = \"mine\"\npreset = \"wistia\"\norigins = [\"https://w.example.test\"]\n",
    );
    let all = world.json(&["profile", "list"]);
    let all: Vec<&Value> = all.as_array().unwrap().iter().collect();
    assert_eq!((&all[0]["name"], &all[0]["url"]), (&json!("mine"), &json!("https://w.example.test")));
    let presets: Vec<&str> = all[1..].iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    assert_eq!(presets, PRESETS);
    assert!(all[1..].iter().all(|entry| entry.get("url").is_none()));
    let dangers = |name: &str| all.iter().find(|e| e["name"] == name).unwrap()["dangers"].as_u64().unwrap();
    assert_eq!((dangers("standard"), dangers("mine")), (0, dangers("wistia")));
    assert!(PRESETS[1..].iter().all(|name| dangers(name) > 0));
    let said = world.run(&["profile", "list"]);
    assert!(said.out.contains("SERVED AT") && said.out.contains("https://w.example.test"), "{}", said.out);
}

#[test]
fn what_is_shown_of_a_profile_is_a_profile_file() {
    let world = World::new();
    for preset in PRESETS {
        let shown = world.run(&["profile", "show", preset]);
        assert_eq!(shown.code, Some(0), "{}", shown.err);
        let file = world.write(&format!("{preset}.toml"), &shown.out);
        let file = file.to_str().unwrap().to_owned();
        let checked = world.json(&["profile", "check", &file]);
        assert_eq!(checked["ok"], true);
        // And it serves as one.
        let config = format!("[[profile]]\nname = \"own\"\nfile = \"{file}\"\n");
        world.write("own.toml", &config);
        let again = world.json(&["profile", "show", "own", "--config", "own.toml"]);
        assert_eq!(again, world.json(&["profile", "show", preset]), "{preset}");
    }
    let said = world.run(&["profile", "show", "nothing"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("there is no profile nothing"), "{}", said.err);
}

#[test]
fn a_check_lists_each_danger_and_why() {
    let world = World::new();
    let file = |text: &str| {
        let file = world.write("p.toml", text);
        world.json(&["profile", "check", file.to_str().unwrap()])["dangers"].clone()
    };
    assert_eq!(file("description = \"x\""), json!([]));
    for (text, key) in [
        ("grant_types = [\"implicit\"]\nresponse_types = [\"token\"]", "grant_types = [\"implicit\"]"),
        ("grant_types = [\"password\"]\nresponse_types = []", "grant_types = [\"password\"]"),
        ("[endpoints]\ntoken = [{ path = \"/t\", danger_get = true }]", "endpoints.token.danger_get"),
        (
            "[endpoints]\ntoken = [{ path = \"/t\", danger_parameters_in_url = true }]",
            "endpoints.token.danger_parameters_in_url",
        ),
        ("[clients]\ndanger_pkce_optional = true", "clients.danger_pkce_optional"),
        ("[clients]\ndanger_secrets_shown_again = true", "clients.danger_secrets_shown_again"),
        (
            "grant_types = [\"password\"]\n[clients]\ndanger_password_without_secret = true",
            "clients.danger_password_without_secret",
        ),
        (
            "[authorization]\nredirect_match = \"added_query\"",
            "authorization.redirect_match = \"added_query\"",
        ),
        ("[refresh]\nmode = \"reuse\"", "refresh.mode = \"reuse\""),
        ("[lifetimes]\naccess_token = \"never\"", "lifetimes.access_token = \"never\""),
        ("[resource]\ndanger_query = [\"access_token\"]", "resource.danger_query"),
        ("[resource]\ndanger_api_key_as_token = true", "resource.danger_api_key_as_token"),
        ("[resource]\nact_as_header = \"X-As\"", "resource.act_as_header"),
    ] {
        let dangers = file(text);
        let found = dangers.as_array().unwrap().iter().find(|danger| danger["key"] == key);
        let found = found.unwrap_or_else(|| panic!("{key}: {dangers}"));
        assert!(!found["why"].as_str().unwrap().is_empty(), "{key}");
    }
    let file = world.write("p.toml", "[refresh]\nmode = \"reuse\"");
    let said = world.run(&["profile", "check", file.to_str().unwrap()]);
    assert!(said.out.contains("danger: refresh.mode = \"reuse\""), "{}", said.out);
}

#[test]
fn a_broken_file_is_named_by_line_key_and_reason() {
    let world = World::new();
    for (text, line, says) in [
        ("[token]\n\nanswr = []", Some(3), "answr"),
        ("grant_types = [\"magic\"]", Some(1), "magic"),
        ("[lifetimes]\naccess_token = \"soon\"", Some(2), "soon"),
        ("[token]\nanswer = [\"x = nothing\"]", Some(2), "nothing that can be said here"),
        ("[endpoints]\ntoken = []", None, "endpoints.token"),
        ("[token]\nanswer = [\"token_type\"]", None, "it has no access_token"),
        ("[formats]\nrefresh_token = \"{hex:40}\"", None, "formats.refresh_token"),
        ("[access_token]\nformat = \"jwt\"\nclaims = [\"exp\"]", None, "access_token.claims"),
        ("a = = 1", Some(1), ""),
    ] {
        let file = world.write("p.toml", text);
        let said = world.run(&["profile", "check", file.to_str().unwrap()]);
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{text}");
        assert!(said.err.contains("p.toml") && said.err.contains(says), "{text}: {}", said.err);
        if let Some(line) = line {
            assert!(
                said.err.contains(&format!("line {line}")) || said.err.contains(&format!(":{line}")),
                "{}",
                said.err
            );
        }
        // A configuration that names it says as much.
        world.write("grantor.toml", "[[profile]]\nname = \"own\"\nfile = \"p.toml\"\n");
        let said = world.run(&["check-config"]);
        assert_eq!((said.code, said.err.lines().count()), (Some(2), 1), "{text}: {}", said.err);
        assert!(said.err.contains("grantor.toml:") && said.err.contains(says), "{text}: {}", said.err);
    }
    assert_eq!(world.run(&["profile", "check", "none.toml"]).code, Some(2));
}

#[test]
fn what_is_wrong_with_a_profile_of_the_configuration_is_named() {
    let world = World::new();
    for (config, says) in [
        ("[[profile]]\nname = \"a\"\n[[profile]]\nname = \"a\"\n", "two profiles have this name"),
        ("[[profile]]\npreset = \"wista\"\n", ":2: [profile"),
        ("[[profile]]\npreset = \"wista\"\n", "there is no preset `wista`; there are standard, wistia"),
        ("[[profile]]\npreset = \"wistia\"\nfile = \"x.toml\"\n", "a preset or a file, and not both"),
        ("[[profile]]\nfile = \"x.toml\"\npreset = \"wistia\"\n", "a preset or a file, and not both"),
        ("[[profile]]\nfile = \"none.toml\"\n", "none.toml: cannot be read"),
        ("[[profile]]\npath = \"w\"\n", "a path begins with a slash"),
        ("[[profile]]\npath = \"/w/\"\n", "a path begins with a slash"),
        ("[[profile]]\npath = \"/a/../b\"\n", "a path begins with a slash"),
        ("[[profile]]\npath = \"/{x}\"\n", "a path begins with a slash"),
        ("[[profile]]\nname = \"A b\"\n", "a-z, 0-9 and -"),
        ("[[profile]]\nname = \"admin\"\n", "kept for the operators' API"),
        ("[[profile]]\norigins = [\"https://a.test/x\"]\n", "an origin is scheme, host and port"),
        ("[[profile]]\norigins = [\"http://a.test\"]\n", "an issuer is an https URL"),
        ("[[profile]]\norigins = \"https://a.test\"\n", "expected a list of origins"),
        ("[[profile]]\nlisten = \"9101\"\n", "expected an address and a port"),
        ("[[profile]]\nprest = \"wistia\"\n", "unknown key; a profile has name, preset"),
        ("[[profile]]\npreset = \"wistia\"\nset = { lifetime = \"2h\" }\n", "lifetime"),
        ("[[profile]]\npreset = \"wistia\"\nset = { access_token = \"soon\" }\n", "soon"),
        ("profile = [1]\n", "write each profile as a [[profile]] table"),
    ] {
        world.write("grantor.toml", config);
        let said = world.run(&["check-config"]);
        assert_eq!((said.code, said.err.lines().count()), (Some(2), 1), "{config}: {}", said.err);
        assert!(said.err.contains(says), "{config}: {}", said.err);
    }
}

#[test]
fn any_value_of_a_preset_can_be_set_in_the_file_and_by_environment() {
    let world = World::new();
    world.write(
        "grantor.toml",
        "[[profile]]\nname = \"w\"\npreset = \"wistia\"\n\
         [profile.set]\naccess_token = \"2h\"\n\"token.token_type\" = \"Bearer\"\n\
         \"clients.danger_pkce_optional\" = false\n\"resource.danger_query\" = []\n\
         \"errors.status.invalid_client\" = 403\n",
    );
    let shown = world.json(&["profile", "show", "w"]);
    assert_eq!(shown["lifetimes"]["access_token"], "2h");
    assert_eq!(shown["lifetimes"]["refresh_token"], "never", "the preset's");
    assert_eq!(shown["token"]["token_type"], "Bearer");
    assert_eq!(shown["clients"]["danger_pkce_optional"], false);
    assert_eq!(shown["resource"]["danger_query"], json!([]));
    assert_eq!(shown["errors"]["status"]["invalid_client"], 403);

    let with = |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = world.command(arguments);
        let output = command.envs(variables.iter().copied()).output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap(),
        )
    };
    let show = ["--json", "profile", "show", "w"];
    let (code, shown) = with(&[("GRANTOR__PROFILE__0__SET__ACCESS_TOKEN", "3h")], &show);
    assert_eq!(code, Some(0), "{shown}");
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["lifetimes"]["access_token"], "3h", "the environment has the last word");
    let renamed = [("GRANTOR__PROFILE__0__NAME", "other")];
    assert_eq!(with(&renamed, &["--json", "profile", "show", "other"]).0, Some(0));
    for (name, value, says) in [
        ("GRANTOR__PROFILE__0__PREST", "x", "unknown key"),
        ("GRANTOR__PROFILE__0__PATH", "x", "a path begins with a slash"),
        ("GRANTOR__PROFILE__0__SET__NOTHING", "x", "nothing"),
    ] {
        let (code, said) = with(&[(name, value)], &["check-config"]);
        assert_eq!(code, Some(2), "{name}: {said}");
        assert!(said.contains(says), "{name}: {said}");
    }
}

#[test]
fn a_profile_can_be_made_by_environment_alone() {
    let world = World::new();
    let mut command = world.command(&["--json", "profile", "list"]);
    command.env("GRANTOR__PROFILE__0__NAME", "w").env("GRANTOR__PROFILE__0__PRESET", "webmaker");
    command.env("GRANTOR__PROFILE__0__PATH", "/w");
    let output = command.output().unwrap();
    let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(listed[0]["name"], "w", "{listed}");
    assert!(listed[0]["url"].as_str().unwrap().ends_with("/w"), "{listed}");
}

#[test]
fn what_is_set_is_what_is_served() {
    let world = World::new();
    world.write(
        "grantor.toml",
        "[[profile]]\nname = \"s\"\npreset = \"standard\"\n[profile.set]\n\"token.token_type\" = \"bearer\"\n\
         access_token = \"7s\"\n",
    );
    let server = world.serve(&["--json", "--demo"]);
    let started: Value = serde_json::from_str(&world.read("stdout")).unwrap();
    let of = |name: &str| started["demo"][name].as_str().unwrap().to_owned();
    let asked = Request::post("/oauth2/token", &[("grant_type", "client_credentials")]);
    let answer = asked.by(&of("client_id"), &of("client_secret")).send(server.public());
    assert_eq!(answer.text("token_type"), "bearer");
    assert!((6..=7).contains(&answer.json()["expires_in"].as_u64().unwrap()), "{}", answer.body);
}

const KEYS: &str = include_str!("../../../../../docs/dialects/README.md");

/// The keys of a shown profile. What is a list of tables has those of its tables; what is a map by names of the file's own
/// making ends there.
fn keys_of(value: &Value, path: &str, into: &mut BTreeSet<String>) {
    const MAPS: [&str; 5] = ["parameters", "scopes", "errors.status", "errors.code", "errors.description"];
    let tables = value.as_array().filter(|items| items.iter().any(Value::is_object));
    let Some(inner) = value.as_object().filter(|_| !MAPS.contains(&path)) else {
        into.insert(path.to_owned());
        tables.into_iter().flatten().for_each(|item| keys_of(item, path, into));
        return;
    };
    for (key, value) in inner {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        keys_of(value, &path, into);
    }
}

#[test]
fn the_documentation_names_every_key_and_no_other() {
    let world = World::new();
    let mut shown = BTreeSet::new();
    for preset in PRESETS {
        keys_of(&world.json(&["profile", "show", preset]), "", &mut shown);
    }
    let section = KEYS.split("## Every key").nth(1).unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let named: BTreeSet<String> = rows.map(str::to_owned).collect();
    let missing: Vec<_> = shown.difference(&named).collect();
    let made_up: Vec<_> = named.difference(&shown).collect();
    assert!(shown.len() > 50, "{shown:?}");
    assert_eq!((missing, made_up), (vec![], vec![]), "docs/dialects/README.md");
}

#[test]
fn the_documentations_example_is_a_configuration() {
    let world = World::new();
    let example = KEYS.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    world.write("grantor.toml", example);
    let shown = world.json(&["profile", "show", "wistia"]);
    assert_eq!(
        (&shown["lifetimes"]["access_token"], &shown["token"]["token_type"]),
        (&json!("2h"), &json!("Bearer"))
    );
}
