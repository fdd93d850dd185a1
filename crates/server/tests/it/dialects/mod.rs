//! Each service's document, asked of a running server: what it prints is sent as printed, and answered as printed.

mod video;
mod webmaker;

use serde_json::Value;

use crate::world::{Server, World};

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
