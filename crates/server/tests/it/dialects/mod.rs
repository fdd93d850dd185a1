//! Services as their own documents describe them: requests as they are printed there, and answers as they are printed.

mod brightcove;
mod flex;

use serde_json::Value;

use crate::http::{Answer, Request};
use crate::world::{Server, World};

/// A deployment of one profile, on a listener of its own. `set` is what its configuration changes of the preset.
pub(crate) fn deployment(preset: &str, set: &str, import: &Value) -> World {
    let world = World::new();
    configure(&world, preset, set);
    world.write("deployment.json", &import.to_string());
    let said = world.run(&["import", "deployment.json"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    world
}

pub(crate) fn configure(world: &World, preset: &str, set: &str) {
    let profile =
        format!("[[profile]]\nname = \"{preset}\"\npreset = \"{preset}\"\nlisten = \"127.0.0.1:0\"\n{set}");
    world.write("grantor.toml", &profile);
}

/// Where a profile is reached.
pub(crate) fn base(server: &Server, profile: &str) -> String {
    server.addresses["profiles"][profile].as_str().unwrap().to_owned()
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
