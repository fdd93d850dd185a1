//! `serve --demo` with every preset: what it prints works as it is printed, and its APIs let nobody else in.

use serde_json::{Value, json};

use super::party::{api, demo};
use crate::http::{Request, basic};
use crate::world::World;

const LISTEN: &str = "listen = \"127.0.0.1:0\"";

const ALL: &[(&str, &str, &str)] = &[
    ("standard", "standard", ""),
    ("wistia", "wistia", LISTEN),
    ("api-video", "api-video", LISTEN),
    ("webmaker", "webmaker", LISTEN),
    ("brightcove", "brightcove", LISTEN),
    ("flex", "flex", LISTEN),
];

/// The printed lines end in a token and in an answer of the demo's API.
#[test]
fn the_printed_lines_of_every_preset_end_in_a_call_of_its_api() {
    let (_world, _server, parties) = demo(ALL);
    for (name, party) in &parties {
        let keep = match party.line("token") {
            Some(token) => {
                let answer = party.paste_json(&[token]);
                assert!(answer["access_token"].is_string(), "{name}: {answer}");
                party.line("keep").unwrap().to_owned()
            }
            None => party.line("keep").unwrap().replace("THE_CODE", &party.code()),
        };
        let call = party.line("call").unwrap_or_else(|| panic!("{name} has no call"));
        let printed = party.paste(&[&keep, call]);
        let answer: Value =
            serde_json::from_str(&printed).unwrap_or_else(|e| panic!("{name}: {e}: {printed}"));
        let client = party.client().0;
        let expected = match name.as_str() {
            "standard" => json!({"demo": true, "scope": "read write", "hello": {
                "client": client, "person": null, "account": null}}),
            "flex" => json!({"clientId": client, "actsFor": "demo", "scope": answer["scope"]}),
            "webmaker" => json!({"id": answer["id"], "title": "Hello", "author": "demo"}),
            "brightcove" => {
                json!([{"id": "1", "account_id": "35", "name": "Welcome", "asked_by": client}])
            }
            "wistia" => {
                assert_eq!(answer[0]["account"], "35", "{answer}");
                answer.clone()
            }
            "api-video" => {
                assert_eq!(answer["data"], json!([]), "{answer}");
                answer.clone()
            }
            _ => panic!("{name}"),
        };
        assert_eq!(answer, expected, "{name}");
        // The same call without the token, and with another.
        let (method, path) = api(&party.preset);
        let bare = party.send(Request::new(method, path, b""));
        assert_eq!(bare.status, 401, "{name}: {}", bare.body);
        let scheme = bare.header("www-authenticate").unwrap().split(' ').next().unwrap().to_owned();
        assert_eq!(scheme, if name == "webmaker" { "token" } else { "Bearer" });
        let wrong =
            party.send(Request::new(method, path, b"").header("Authorization", &format!("{scheme} x")));
        assert_eq!(wrong.status, 401, "{name}: {}", wrong.body);
        let style = if name == "api-video" { "application/problem+json" } else { "application/json" };
        assert_eq!(wrong.header("content-type"), Some(style), "{name}");
    }
}

#[test]
fn each_way_in_is_there_and_each_scope_is_asked_for() {
    let (_world, _server, parties) = demo(ALL);
    // Wistia: three ways, and an upload that takes two of them.
    let wistia = &parties["wistia"];
    let token = wistia.redeem(&wistia.code())["access_token"].as_str().unwrap().to_owned();
    let header = |scheme: &str| format!("{scheme} {token}");
    let get = |target: &str| wistia.send(Request::get(target)).status;
    assert_eq!(get(&format!("/v1/medias.json?access_token={token}")), 200);
    assert_eq!(get(&format!("/v1/medias/a1b2c3d4e5.json?bearer_token={token}")), 200);
    assert_eq!(get(&format!("/v1/medias/other.json?bearer_token={token}")), 404);
    assert_eq!(get(&format!("/v1/stats/account.json?access_token={token}")), 200);
    assert_eq!(get(&format!("/v1/medias.json?access_token={token}&bearer_token={token}")), 400);
    let upload = |target: &str| Request::new("POST", target, b"the bytes");
    assert_eq!(wistia.send(upload(&format!("/upload?access_token={token}"))).json()["bytes"], 9);
    let by_header = upload("/upload").header("Authorization", &header("Bearer"));
    assert_eq!(wistia.send(by_header).status, 400);
    assert_eq!(wistia.send(upload("/upload")).status, 401);

    // api.video: a token or the key itself, and videos of one's own.
    let video = &parties["api-video"];
    let token =
        video.paste_json(&[video.line("token").unwrap()])["access_token"].as_str().unwrap().to_owned();
    let by_token = |request: Request| video.send(request.header("Authorization", &format!("Bearer {token}")));
    let create = |body: &str| {
        Request::new("POST", "/videos", body.as_bytes()).header("Content-Type", "application/json")
    };
    assert_eq!(by_token(create("{}")).status, 400);
    let made = by_token(create(r#"{"title":"One"}"#));
    assert_eq!((made.status, made.text("title")), (201, "One".to_owned()));
    let key = basic(video.client().1, "");
    let listed = video.send(Request::get("/videos").header("Authorization", &key)).json();
    assert_eq!(listed["data"][0]["videoId"], made.json()["videoId"]);
    let at = format!("/videos/{}", made.text("videoId"));
    assert_eq!(by_token(Request::new("POST", &format!("{at}/source"), b"...")).status, 201);
    assert_eq!(by_token(Request::new("DELETE", &at, b"")).status, 204);
    assert_eq!(by_token(Request::get(&at)).status, 404);

    // Brightcove: the account that the credential has a permission on, and no other.
    let brightcove = &parties["brightcove"];
    let token = brightcove.paste_json(&[brightcove.line("token").unwrap()])["access_token"].clone();
    let authorization = format!("Bearer {}", token.as_str().unwrap());
    for (account, expected) in [("35", 200), ("36", 403)] {
        let request = Request::get(&format!("/v1/accounts/{account}/videos"));
        assert_eq!(brightcove.send(request.header("Authorization", &authorization)).status, expected);
    }

    // Webmaker: the scope of that name, under either scheme.
    let webmaker = &parties["webmaker"];
    let (user, projects) = ("'scopes=user'", "'scopes=projects'");
    let all = webmaker.line("token").unwrap();
    let (before, rest) = all.split_once("'scopes=").unwrap();
    let (_, after) = rest.split_once('\'').unwrap();
    for (scopes, expected) in [(user, 403), (projects, 201)] {
        let line = format!("{before}{scopes}{after}");
        let token = webmaker.paste_json(&[&line])["access_token"].as_str().unwrap().to_owned();
        for scheme in ["token", "Bearer"] {
            let request = Request::post("/projects", &[("title", "x")]);
            let answer = webmaker.send(request.header("Authorization", &format!("{scheme} {token}")));
            assert_eq!(answer.status, expected, "{scopes} {scheme}: {}", answer.body);
        }
    }
}

#[test]
fn a_flex_client_acts_for_people_who_are_there() {
    let (world, _server, parties) = demo(&[("standard", "standard", ""), ALL[5]]);
    let flex = &parties["flex"];
    let token = flex.paste_json(&[flex.line("token").unwrap()])["access_token"].as_str().unwrap().to_owned();
    let ask = |person: &str| {
        let request = Request::get("/api/whoami").header("Authorization", &format!("Bearer {token}"));
        flex.send(request.header("actAsUserId", person))
    };
    assert_eq!(ask("demo").json()["actsFor"], "demo");
    assert_eq!(ask("").json()["actsFor"], Value::Null);
    assert_eq!(ask("nobody").status, 403);
    world.json(&["user", "disable", "demo"]);
    assert_eq!(ask("demo").status, 403);
}

#[test]
fn there_is_no_such_api_without_demo() {
    let world = World::new();
    world.write("grantor.toml", "[[profile]]\nname = \"wistia\"\npreset = \"wistia\"\n");
    let server = world.serve(&[]);
    for target in ["/v1/medias.json", "/demo/resource", "/upload"] {
        assert_eq!(Request::get(target).send(server.public()).status, 404, "{target}");
    }
}

#[test]
fn every_start_gives_new_secrets_and_ends_the_old() {
    let world = World::new();
    world.write("grantor.toml", "[[profile]]\nname = \"api-video\"\npreset = \"api-video\"\n");
    let mut keys = Vec::new();
    for _ in 0..2 {
        let server = world.serve(&["--json", "--demo"]);
        let started: Value = serde_json::from_str(&world.read("stdout")).unwrap();
        keys.push(started["demo"]["profiles"]["api-video"]["client_secret"].as_str().unwrap().to_owned());
        let ask = |key: &str| {
            Request::get("/videos").header("Authorization", &basic(key, "")).send(server.public()).status
        };
        let answers: Vec<u16> = keys.iter().map(|key| ask(key)).collect();
        assert_eq!(answers.split_last().unwrap(), (&200, &vec![401; keys.len() - 1][..]));
        assert_eq!(server.stop("-TERM").code(), Some(0));
    }
}
