//! What `serve --demo` made for each of several profiles, and how that is used.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::browser::Browser;
use crate::http::{Answer, Request};
use crate::world::{Server, World, shell};

/// What a demo made of a profile, and where that profile is.
pub(in crate::dialects) struct Party {
    pub(in crate::dialects) name: String,
    pub(in crate::dialects) preset: String,
    /// The listener, without a path.
    pub(in crate::dialects) listener: String,
    /// The path under which everything is.
    pub(in crate::dialects) prefix: String,
    pub(in crate::dialects) host: Option<String>,
    /// What the demo printed.
    pub(in crate::dialects) lines: Value,
    /// Every value of the profile.
    pub(in crate::dialects) profile: Value,
}

/// A server with these profiles, and what its demo made for each: name, preset, and further lines of TOML.
pub(in crate::dialects) fn demo(profiles: &[(&str, &str, &str)]) -> (World, Server, BTreeMap<String, Party>) {
    let world = World::new();
    let mut config = "[rate_limits]\nclient_authentication = \"off\"\nlogin = \"off\"\n".to_owned();
    for (name, preset, more) in profiles {
        config += &format!("[[profile]]\nname = \"{name}\"\npreset = \"{preset}\"\n{more}\n");
    }
    world.write("grantor.toml", &config);
    let server = world.serve(&["--json", "--demo"]);
    let started: Value = serde_json::from_str(&world.read("stdout")).unwrap();
    let party = |(name, preset, more): &(&str, &str, &str)| {
        let url = server.addresses["profiles"][name].as_str().unwrap();
        let named = url.starts_with("https://");
        let reached = if named { server.public() } else { url };
        let rest = reached.strip_prefix("http://").unwrap();
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let party = Party {
            name: (*name).to_owned(),
            preset: (*preset).to_owned(),
            listener: format!("http://{authority}"),
            prefix: if path.is_empty() { String::new() } else { format!("/{path}") },
            host: named.then(|| url.strip_prefix("https://").unwrap().to_owned()),
            lines: started["demo"]["profiles"][name].clone(),
            profile: world.json(&["profile", "show", name]),
        };
        assert!(party.lines.is_object(), "{name} {more}: {started}");
        ((*name).to_owned(), party)
    };
    let parties = profiles.iter().map(party).collect();
    (world, server, parties)
}

impl Party {
    pub(in crate::dialects) fn line(&self, name: &str) -> Option<&str> {
        self.lines[name].as_str()
    }

    pub(in crate::dialects) fn client(&self) -> (&str, &str) {
        (self.line("client_id").unwrap(), self.line("client_secret").unwrap())
    }

    /// What a line prints, after the line that exports the secrets.
    pub(in crate::dialects) fn paste(&self, lines: &[&str]) -> String {
        let all: Vec<&str> =
            std::iter::once(self.line("export").unwrap()).chain(lines.iter().copied()).collect();
        shell(&all.join("\n"))
    }

    pub(in crate::dialects) fn paste_json(&self, lines: &[&str]) -> Value {
        let printed = self.paste(lines);
        serde_json::from_str(&printed).unwrap_or_else(|e| panic!("{}: {e}: {printed}", self.name))
    }

    /// Sends a request that was written for a path of this profile.
    pub(in crate::dialects) fn send(&self, request: Request) -> Answer {
        match &self.host {
            Some(host) => request.header("Host", host).send(&self.listener),
            None => request.send(&self.listener),
        }
    }

    pub(in crate::dialects) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// The paths of its token endpoints, and whether they read JSON.
    pub(in crate::dialects) fn token_paths(&self) -> Vec<(String, bool)> {
        let all = self.profile["endpoints"]["token"].as_array().unwrap().iter();
        all.map(|endpoint| (self.at(endpoint["path"].as_str().unwrap()), endpoint["body"] == "json"))
            .collect()
    }

    /// The path of an endpoint, if it is on.
    pub(in crate::dialects) fn endpoint(&self, name: &str) -> Option<String> {
        self.profile["endpoints"][name].as_str().filter(|path| !path.is_empty()).map(|path| self.at(path))
    }

    /// Whether people approve here, in a browser that reaches it by its listener.
    pub(in crate::dialects) fn has_pages(&self) -> bool {
        self.line("authorize").is_some() && self.host.is_none()
    }

    /// A browser before the question whether its person approves: the page, and the browser.
    pub(in crate::dialects) fn asked(&self) -> (Browser, Answer) {
        let target = self.line("authorize").unwrap().strip_prefix(&self.listener).unwrap();
        let mut browser = Browser::new(&self.listener);
        let login = browser.open(target).unwrap();
        let fields = [("username", "demo"), ("password", self.line("password").unwrap())];
        let next = browser.submit(&login, &fields).unwrap();
        assert_eq!(next.status, 303, "{}: {}", self.name, next.body);
        let page = browser.open(next.header("location").unwrap()).unwrap();
        assert!(page.body.contains("name=\"decision\""), "{}: {} {}", self.name, page.status, page.body);
        (browser, page)
    }

    /// A code, by approving now.
    pub(in crate::dialects) fn code(&self) -> String {
        let (mut browser, page) = self.asked();
        let back = browser.submit(&page, &[("decision", "approve")]).unwrap();
        back.parameter("code").unwrap_or_else(|| panic!("{}: {} {}", self.name, back.status, back.body))
    }

    /// The answer to a code, by the line that redeems.
    pub(in crate::dialects) fn redeem(&self, code: &str) -> Value {
        self.paste_json(&[&self.line("redeem").unwrap().replace("THE_CODE", code)])
    }
}

/// What every preset's demo API is asked by, and how.
pub(in crate::dialects) fn api(preset: &str) -> (&'static str, &'static str) {
    match preset {
        "standard" => ("GET", "/demo/resource"),
        "wistia" => ("GET", "/v1/medias.json"),
        "api-video" => ("GET", "/videos"),
        "webmaker" => ("POST", "/projects"),
        "brightcove" => ("GET", "/v1/accounts/35/videos"),
        "flex" => ("GET", "/api/whoami"),
        _ => panic!("no preset {preset}"),
    }
}
