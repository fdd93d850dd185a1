//! Where cases take place: a running `grantor`, the records of one backend, and the parties of the cases in it.

use std::process::Command;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::backend::Backend;
use crate::http::Asked;
use crate::judge::{Found, broken};
use crate::tools;
use crate::world::{Said, Server, World};

pub(crate) const ISSUER: &str = "https://auth.example.test";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// Where the clients whose name is in front are answered at.
pub(crate) const REDIRECTS: [(&str, &str); 15] = [
    ("web", "https://app.test/cb"),
    ("web2", "https://app2.test/cb"),
    ("post", "https://post.test/cb"),
    ("spa", "https://spa.test/cb"),
    ("spa2", "https://spa2.test/cb"),
    ("cli", "http://127.0.0.1/cb"),
    ("cli6", "http://[::1]/cb"),
    ("native", "com.example.app:/cb"),
    ("tenant", "https://app.test/cb?tenant=a"),
    ("two", "https://two.test/a"),
    ("legacy", "https://legacy.test/cb"),
    ("once", "https://once.test/cb"),
    ("jwt", "https://jwt.test/cb"),
    ("strict", "https://strict.test/cb"),
    ("strictspa", "https://strictspa.test/cb"),
];
/// Those that have no secret.
pub(crate) const PUBLIC: [&str; 6] = ["spa", "spa2", "cli", "cli6", "native", "strictspa"];

/// What is behind a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Memory,
    Sled,
    Redis,
    Cluster,
}

impl Kind {
    pub(crate) const EVERY: &'static [Self] =
        &[Self::Sqlite, Self::Memory, Self::Sled, Self::Redis, Self::Cluster];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Memory => "memory",
            Self::Sled => "sled",
            Self::Redis => "redis",
            Self::Cluster => "cluster",
        }
    }

    /// The backend with its servers, unless this run goes without; then that was said.
    pub(crate) fn start(self) -> Option<Option<Backend>> {
        match self {
            Self::Memory => Some(None),
            Self::Sqlite => Backend::sqlite("").map(Some),
            Self::Sled => Backend::sled("").map(Some),
            Self::Redis => Backend::redis("the cases").map(Some),
            Self::Cluster => Backend::redis_cluster("the cases").map(Some),
        }
    }
}

/// How a server is started.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    /// Sections of the configuration beside those that every server has.
    pub(crate) config: String,
    /// What the environment says otherwise.
    pub(crate) environment: Vec<(&'static str, &'static str)>,
    /// A line for the shell that runs the binary, `"$0" "$@"`; that alone if empty.
    pub(crate) program: &'static str,
    /// The umask it is started under, if not that of whoever tests.
    pub(crate) umask: &'static str,
    /// Whether its time of day is what [`Place::set_clock`] says.
    pub(crate) by_clock: bool,
    /// Whether there are limits on tries. Most cases try much.
    pub(crate) limits: bool,
}

pub(crate) struct Place {
    pub(crate) world: World,
    /// None is memory.
    pub(crate) backend: Mutex<Option<Backend>>,
    pub(crate) settings: Settings,
    server: Mutex<Option<Server>>,
    addresses: Mutex<(String, String)>,
    /// By which an operator is let in.
    pub(crate) operator: String,
}

impl Place {
    /// A server with all parties in it.
    pub(crate) fn open(kind: Kind, settings: Settings) -> Result<Option<Self>, Found> {
        let Some(backend) = kind.start() else { return Ok(None) };
        let world = World::new();
        let url = backend.as_ref().map_or("memory:".to_owned(), Backend::url);
        world.write("grantor.toml", &config(&url, &settings));
        let mut place = Self {
            world,
            backend: Mutex::new(backend),
            settings,
            server: Mutex::default(),
            addresses: Mutex::default(),
            operator: String::new(),
        };
        if place.settings.by_clock {
            place.set_clock(0);
        }
        place.start(&["--json", "--demo"])?;
        let started: Value = serde_json::from_str(&place.world.read("stdout"))
            .map_err(|e| broken(format!("what the server says at its start: {e}")))?;
        let export = started["demo"]["operators"]["export"].as_str().unwrap_or_default();
        export.split('\'').nth(1).unwrap_or_default().clone_into(&mut place.operator);
        let imported = place.operate("POST", "/api/import", Some(&parties()))?;
        if imported.status != 200 {
            return Err(broken(format!("the import: {imported}")));
        }
        Ok(Some(place))
    }

    pub(crate) fn public(&self) -> String {
        lock(&self.addresses).0.clone()
    }

    pub(crate) fn admin(&self) -> String {
        lock(&self.addresses).1.clone()
    }

    /// The public listener is that of another server from now on.
    pub(crate) fn lead_to(&self, public: &str) {
        public.clone_into(&mut lock(&self.addresses).0);
    }

    pub(crate) fn process(&self) -> Option<u32> {
        lock(&self.server).as_ref().map(Server::id)
    }

    /// Starts a server on these records.
    pub(crate) fn start(&self, arguments: &[&str]) -> Result<(), Found> {
        let server = self.serve_as("", arguments)?;
        *lock(&self.addresses) = (server.public().to_owned(), server.admin().to_owned());
        *lock(&self.server) = Some(server);
        Ok(())
    }

    /// Another server on the same records.
    pub(crate) fn serve_as(&self, name: &str, arguments: &[&str]) -> Result<Server, Found> {
        let ready = format!("{name}ready.json");
        let command = self.command(&[&["serve", "--ready-file", &ready], arguments].concat());
        let started = std::panic::AssertUnwindSafe(|| self.world.serve_by(name, command));
        std::panic::catch_unwind(started).map_err(|_| {
            broken(format!("the server does not start: {}", self.world.read(&format!("{name}stderr"))))
        })
    }

    /// Ends the server at once, as a crash would.
    pub(crate) fn kill(&self) {
        lock(&self.server).take().into_iter().for_each(Server::kill);
    }

    /// Tells the server to stop, and gives how it ended.
    pub(crate) fn stop(&self) -> Option<i32> {
        lock(&self.server).take().and_then(|server| server.stop("-TERM").code())
    }

    /// The binary, as the settings have it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let Settings { program, umask, .. } = self.settings;
        let mut command = if program.is_empty() && umask.is_empty() {
            self.world.command(arguments)
        } else {
            let umask = if umask.is_empty() { String::new() } else { format!("umask {umask}; ") };
            let program = if program.is_empty() { "exec \"$0\" \"$@\"" } else { program };
            let mut shell = Command::new("sh");
            self.world.at_home(&mut shell).args([
                "-c",
                &format!("{umask}{program}"),
                env!("CARGO_BIN_EXE_grantor"),
            ]);
            shell.args(arguments);
            shell
        };
        command.envs(self.settings.environment.iter().copied());
        if self.settings.by_clock {
            command.env("LD_PRELOAD", tools::faketime());
            command.env("FAKETIME_TIMESTAMP_FILE", self.world.path("clock"));
            // Read at each look; and only the time of day jumps, as it does when somebody sets it.
            command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
            command.env("DONT_FAKE_MONOTONIC", "1");
        }
        command
    }

    /// What a command says, and how it ends.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Said, Found> {
        let output = self.command(arguments).output().map_err(|e| broken(e.to_string()))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) })
    }

    /// The server's time of day is the machine's, and so many seconds more or less.
    pub(crate) fn set_clock(&self, seconds: i64) {
        self.world.write("clock.new", &format!("{seconds:+}"));
        // At once, so that nobody reads half of it.
        std::fs::rename(self.world.path("clock.new"), self.world.path("clock")).unwrap();
    }

    /// What an operator's program asks.
    pub(crate) fn operate(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<crate::http::Told, Found> {
        let asked = body.map_or_else(|| Asked::new(method, path, ""), |body| Asked::json(method, path, body));
        asked.header("Authorization", &format!("Bearer {}", self.operator)).send(&self.admin())
    }

    /// All that the server wrote of itself.
    pub(crate) fn logs(&self) -> String {
        let read = |name: &str| std::fs::read_to_string(self.world.path(name)).unwrap_or_default();
        // What it prints at its start is meant to be pasted by whoever asked for a demo.
        read("log") + &read("stderr")
    }

    /// Whether the process that was started is there still.
    pub(crate) fn is_running(&self) -> bool {
        let id = self.process().unwrap_or_default();
        std::path::Path::new(&format!("/proc/{id}/exe")).exists() && self.is_alive()
    }

    /// Whether the server answers.
    pub(crate) fn is_alive(&self) -> bool {
        crate::world::get(&self.public(), "/health/alive").0 == 200
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `standard` on the public listener; under a path of it `strict`, which has no grace.
fn config(url: &str, settings: &Settings) -> String {
    let limits = if settings.limits { "" } else { "client_authentication = \"off\"\nlogin = \"off\"\n" };
    let strict =
        "name = \"strict\"\npreset = \"standard\"\npath = \"/strict\"\nset = { refresh.grace = \"0\" }\n";
    format!(
        "issuer = \"{ISSUER}\"\n[storage]\nurl = \"{url}\"\n[log]\nlevel = \"trace\"\nfile = \"log\"\n{}\n\
         [rate_limits]\n{limits}[[profile]]\nname = \"standard\"\npreset = \"standard\"\n[[profile]]\n{strict}",
        settings.config
    )
}

pub(crate) fn secret(client: &str) -> String {
    format!("the-secret-of-the-client-{client}")
}

pub(crate) fn redirect(client: &str) -> &'static str {
    REDIRECTS.iter().find(|(id, _)| *id == client).map_or("", |(_, uri)| uri)
}

/// The parties of the cases: the names are those of the document.
pub(crate) fn parties() -> Value {
    let client = |(id, redirect): (&str, &str)| {
        let is_public = PUBLIC.contains(&id);
        let method = match id {
            _ if is_public => "none",
            "post" => "client_secret_post",
            _ => "client_secret_basic",
        };
        let grants: &[&str] =
            if id == "once" { &["authorization_code"] } else { &["authorization_code", "refresh_token"] };
        let mut client = json!({
            "client_id": id, "client_name": format!("The {id} app"), "redirect_uris": [redirect], "grant_types": grants,
            "scope": "read write", "token_endpoint_auth_method": method, "require_pkce": id != "legacy",
            "profile": if id.starts_with("strict") { "strict" } else { "standard" },
            "access_token_format": if id == "jwt" { "jwt" } else { "reference" },
        });
        if id == "two" {
            client["redirect_uris"] = json!([redirect, "https://two.test/b"]);
        }
        if !is_public {
            client["client_secret"] = secret(id).into();
        }
        client
    };
    let service = |(id, format): (&str, &str)| {
        json!({
            "client_id": id, "client_secret": secret(id), "grant_types": ["client_credentials"], "scope": "read",
            "access_token_format": format,
        })
    };
    let server = |(id, audience): (&str, &str)| json!({"client_id": id, "client_secret": secret(id), "audience": audience});
    let clients: Vec<_> = REDIRECTS
        .into_iter()
        .map(client)
        .chain([("svc", "reference"), ("jws", "jwt")].map(service))
        .collect();
    let servers = [("rs1", "https://api.test"), ("rs2", "https://other.test")].map(server);
    json!({
        "clients": clients,
        "users": [
            {"username": "alice", "password": PASSWORD, "email": "alice@example.test"},
            {"username": "bob", "password": PASSWORD},
        ],
        "resource_servers": servers,
    })
}
