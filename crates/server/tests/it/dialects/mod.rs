//! Each service's document, asked of a running server: what it prints is sent as printed, and answered as printed.

mod brightcove;
mod demo_api;
mod flex;
mod isolation;
mod party;
mod profiles;
mod video;
mod webmaker;
mod wistia;

use serde_json::Value;

use crate::http::{Answer, Request};
use crate::world::{Server, World};

/// A running server of one profile, of the preset of that name, on a listener of its own, with what a file imports.
pub(crate) struct Served {
    pub(crate) world: World,
    pub(crate) server: Server,
    /// Where the profile is.
    pub(crate) base: String,
}

/// `more` stands in the profile's own section, and may open others.
pub(crate) fn served(preset: &str, more: &str, import: &Value) -> Served {
    let world = deployment(preset, more, import);
    let server = world.serve(&[]);
    let base = at(&server, preset).to_owned();
    Served { world, server, base }
}

/// A deployment of one profile, on a listener of its own. `more` stands in the profile's own section.
pub(crate) fn deployment(preset: &str, more: &str, import: &Value) -> World {
    world(&[(preset, preset, more)], import)
}

/// Configures a world that is there for one profile.
pub(crate) fn configure(world: &World, preset: &str, more: &str) {
    let profile =
        format!("[[profile]]\nname = \"{preset}\"\npreset = \"{preset}\"\nlisten = \"127.0.0.1:0\"\n{more}");
    world.write("grantor.toml", &profile);
}

/// A world in which these profiles are configured, each `(name, preset or FILE.toml, more keys)` on a port of its own,
/// and a file was imported.
pub(crate) fn world(profiles: &[(&str, &str, &str)], import: &Value) -> World {
    let world = World::new();
    let profile = |(name, source, more): &(&str, &str, &str)| {
        let key = if source.ends_with(".toml") { "file" } else { "preset" };
        let source =
            if key == "file" { world.path(source).display().to_string() } else { (*source).to_owned() };
        format!("[[profile]]\nname = \"{name}\"\n{key} = \"{source}\"\nlisten = \"127.0.0.1:0\"\n{more}\n")
    };
    world.write("grantor.toml", &profiles.iter().map(profile).collect::<String>());
    for (_, source, _) in profiles.iter().filter(|(_, source, _)| source.ends_with(".toml")) {
        world.write(source, &with_userinfo(source.trim_end_matches(".toml")));
    }
    take(&world, import);
    world
}

pub(crate) fn take(world: &World, import: &Value) {
    world.write("import.json", &import.to_string());
    let said = world.run(&["import", "import.json"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
}

/// A preset that has no resource of its own, with one: `GET /me`.
fn with_userinfo(preset: &str) -> String {
    let text = grantor_core::Profile::preset(preset).unwrap();
    let text = text.replace("[endpoints]\n", "[endpoints]\nuserinfo = \"/me\"\n");
    format!("{text}\n[userinfo]\nfields = [{{ field = \"username = subject.username\", scope = \"me\" }}]\n")
}

pub(crate) fn at<'a>(server: &'a Server, profile: &str) -> &'a str {
    server.addresses["profiles"][profile].as_str().unwrap()
}

/// Where a profile is reached.
pub(crate) fn base(server: &Server, profile: &str) -> String {
    at(server, profile).to_owned()
}

/// A request with a JSON body.
pub(crate) fn with_json(method: &str, target: &str, body: &str) -> Request {
    Request::new(method, target, body.as_bytes()).header("Content-Type", "application/json")
}

/// The body of an answer of this status.
pub(crate) fn body(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/json"), "{}", answer.body);
    answer.json()
}

/// The status and the error of an answer, which must be JSON.
pub(crate) fn refusal(answer: &Answer) -> (u16, String) {
    let error = body(answer, answer.status)["error"].as_str().unwrap_or_default().to_owned();
    (answer.status, error)
}

/// The names in an object, in the order in which they were sent.
pub(crate) fn names(json: &str) -> Vec<String> {
    struct Names(Vec<String>);

    impl<'de> serde::Deserialize<'de> for Names {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Members;

            impl<'de> serde::de::Visitor<'de> for Members {
                type Value = Names;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                    let mut names = Vec::new();
                    while let Some((name, _)) = map.next_entry::<String, serde::de::IgnoredAny>()? {
                        names.push(name);
                    }
                    Ok(Names(names))
                }
            }

            deserializer.deserialize_map(Members)
        }
    }

    serde_json::from_str::<Names>(json).unwrap().0
}

/// Whether a text is a UUID of version 4.
pub(crate) fn is_uuid(text: &str) -> bool {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-');
    parts == [8, 4, 4, 4, 12] && text.bytes().all(hex) && text.as_bytes()[14] == b'4'
}
