//! The dialects: each service's own document, sent as it is printed and answered as it is printed.

mod wistia;

use serde_json::Value;

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
    let world = World::new();
    let profile =
        format!("[[profile]]\nname = \"{preset}\"\npreset = \"{preset}\"\nlisten = \"127.0.0.1:0\"\n");
    world.write("grantor.toml", &format!("{profile}{more}"));
    imported(&world, import);
    let server = world.serve(&[]);
    let base = server.addresses["profiles"][preset].as_str().unwrap().to_owned();
    Served { world, server, base }
}

pub(crate) fn imported(world: &World, import: &Value) {
    world.write("import.json", &import.to_string());
    let said = world.run(&["import", "import.json"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
}
