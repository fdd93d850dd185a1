//! What the README tells a newcomer to paste works as it is printed.

use serde_json::Value;

use crate::world::{World, shell};

const README: &str = include_str!("../../../../README.md");
const ORIGIN: &str = "http://127.0.0.1:8080";

/// The fenced blocks of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    README.split(&*fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn the_curl_lines_work_as_printed() {
    let world = World::new();
    // On the very ports that the README names, or, where somebody else has them, on others.
    let free =
        ["127.0.0.1:8080", "127.0.0.1:8081"].iter().all(|port| std::net::TcpListener::bind(port).is_ok());
    let server = if free { world.serve_unconfigured(&["--demo"]) } else { world.serve(&["--demo"]) };
    let stdout = world.read("stdout");
    let export = stdout.lines().find(|line| line.starts_with("export SECRET=")).expect("the secret");
    let curls: Vec<&str> = blocks("sh").into_iter().filter(|block| block.contains("curl ")).collect();
    let [token, introspect] = curls.as_slice() else { panic!("{curls:?}") };
    let run = |block: &str| -> Value {
        let block = if free { block.to_owned() } else { block.replace(ORIGIN, server.public()) };
        serde_json::from_str(&shell(&format!("{export}\n{block}"))).unwrap()
    };
    let token = run(token);
    assert_eq!(token["token_type"], "Bearer");
    assert!(token["access_token"].as_str().unwrap().starts_with("gra_at_"));
    assert_eq!(run(introspect)["active"], true);
    // And the server prints the very lines that the README does.
    for line in curls.iter().flat_map(|block| block.lines()) {
        assert!(stdout.contains(&line.replace(ORIGIN, server.public())), "{line}");
    }
}

#[test]
fn the_start_is_the_binarys_own() {
    let starts: Vec<&str> = blocks("sh").into_iter().filter(|block| block.contains("serve")).collect();
    assert_eq!(starts, ["cargo run --release -p grantor -- serve --demo\n"]);
}

#[test]
fn the_configuration_is_right() {
    let world = World::new();
    for (at, block) in blocks("toml").into_iter().enumerate() {
        let file = world.write(&format!("{at}.toml"), block);
        let said = world.run(&["check-config", "--config", file.to_str().unwrap()]);
        assert_eq!(said.code, Some(0), "{}", said.err);
    }
}
