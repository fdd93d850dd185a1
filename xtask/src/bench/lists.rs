//! Lists: how long a page of them takes, and every search, with very many users, clients and grants.
//!
//! Times alone, and no processor time: whoever waits for a page does not care who else keeps the machine busy. What was
//! found is looked at, since a search that finds nothing is fast.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};

use crate::cli::BenchOptions;
use crate::external::server::{Deadlines, Server};
use crate::failure::{Failure, Outcome, While};
use crate::redis::RedisServer;
use crate::workspace;

use super::browser::{Browser, encoded};
use super::subject::{REDIS, address_of};
use super::tally::{Figure, number};
use super::{Bench, taken};

/// Of each: users, clients, grants.
const USUAL: usize = 100_000;
/// With fewer, a page deep inside is none.
const LEAST: usize = 1_000;
/// How long a page or a search may take, in the median.
pub(super) const HELD_MS: f64 = 500.0;
/// How often each is asked for.
pub(super) const REQUESTS: usize = 15;
/// How deep the page lies that is deep inside, unless that is beyond the middle.
const DEEP: usize = 10_000;
/// How many things a page has.
const PAGE: usize = 50;
/// How many things go into one file of an import.
const FILE: usize = 10_000;
/// Those who authorize clients, one beside the other, all that there are in equal parts.
const PERSONS: usize = 16;
/// How many clients each owner has.
const OWNED: usize = 10;
/// Of so many grants one is for the client that everybody has authorized.
const BELOVED: usize = 10;

const PASSWORD: &str = "correct horse battery staple";
const WORDS: [&str; 20] = [
    "album", "bridge", "candle", "desert", "engine", "forest", "garden", "harbour", "island", "journey",
    "kettle", "lantern", "meadow", "notebook", "orchard", "pencil", "quarry", "river", "studio", "window",
];
const REDIRECT: &str = "https://app.example.test/cb";
/// The pair of RFC 7636, appendix B: here nobody is to be kept from anything.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

const STORES: [&str; 2] = ["sqlite", "redis"];

/// Fills each store and asks it for everything that can be listed.
pub(super) fn run(bench: &Bench<'_>, options: &BenchOptions) -> Outcome<Value> {
    let count = options.count.unwrap_or(if options.quick { FILE } else { USUAL });
    if count < LEAST {
        return Err(Failure::new(format!("--count {count}: it takes {LEAST} at least")));
    }
    if let Some(unknown) = options.only.iter().find(|name| !STORES.contains(&name.as_str())) {
        return Err(Failure::new(format!("no {unknown} here; --only takes {}", STORES.join(", "))));
    }
    let mut results = taken(bench, options);
    let (mut rows, mut filled) = (Vec::new(), Vec::new());
    for store in STORES {
        if !options.only.is_empty() && !options.only.iter().any(|name| name == store) {
            continue;
        }
        let begun = Instant::now();
        let place = Place::of(bench, store)?;
        fill(&place, count)?;
        filled.push(json!({ "store": store, "seconds": begun.elapsed().as_secs() }));
        rows.extend(asked(&place, count)?);
        place.remove()?;
    }
    if let Value::Object(results) = &mut results {
        results.insert("count".to_owned(), json!(count));
        results.insert("filled".to_owned(), Value::Array(filled));
        results.insert("rows".to_owned(), Value::Array(rows));
    }
    Ok(results)
}

/// Fails where something takes longer than it may.
pub(super) fn check(results: &Value) -> Outcome {
    let rows = results.get("rows").and_then(Value::as_array).filter(|rows| !rows.is_empty());
    let rows = rows.ok_or_else(|| Failure::new("nothing was asked for"))?;
    let mut over = Vec::new();
    for row in rows {
        for how in ["api", "console"] {
            let median = number(row, &format!("{how}_median_ms"))?;
            if median > HELD_MS {
                let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
                over.push(format!(
                    "{}, {}, {}, {how}: {median:.0} ms",
                    text("store"),
                    text("list"),
                    text("what")
                ));
            }
        }
    }
    match over.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(format!("longer than {HELD_MS} ms in the median: {}", over.join("; ")))),
    }
}

/// A store, and a server's configuration for it, in a folder of their own.
struct Place {
    store: &'static str,
    program: PathBuf,
    folder: PathBuf,
    configuration: PathBuf,
    /// Not before the last server: it would complain.
    redis: Option<RedisServer>,
}

/// Whether what is written must be on the disk before anything is answered. Filling does without.
#[derive(Clone, Copy)]
enum Durability {
    Full,
    Relaxed,
}

impl Place {
    fn of(bench: &Bench<'_>, store: &'static str) -> Outcome<Self> {
        let folder = bench.folder.join(store);
        fs::create_dir_all(&folder).during(folder.display())?;
        let redis = match store {
            "redis" => Some(RedisServer::start(REDIS).map_err(Failure::new)?),
            _ => None,
        };
        let url = redis.as_ref().map_or_else(|| "sqlite:grantor.db".to_owned(), RedisServer::url);
        let configuration = folder.join("grantor.toml");
        let text = format!(
            "[listen]\npublic = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n[storage]\nurl = \"{url}\"\n"
        );
        fs::write(&configuration, text).during(configuration.display())?;
        Ok(Self { store, program: bench.program("grantor")?.to_owned(), folder, configuration, redis })
    }

    fn grantor(&self, durability: Durability) -> Command {
        let mut grantor = Command::new(&self.program);
        grantor.current_dir(&self.folder);
        if let Durability::Relaxed = durability {
            grantor.env("GRANTOR__STORAGE__DURABILITY", "relaxed");
        }
        grantor
    }

    fn serve(&self, durability: Durability) -> Outcome<Server> {
        // That of the server before would be taken for this one's.
        let ready = self.folder.join("ready.json");
        if ready.exists() {
            fs::remove_file(&ready).during(ready.display())?;
        }
        Server::start(self.grantor(durability), &self.configuration, &self.folder, Deadlines::default())
    }

    fn import(&self, registrations: &Value) -> Outcome {
        let file = self.folder.join("import.json");
        fs::write(&file, registrations.to_string()).during(file.display())?;
        let mut import = self.grantor(Durability::Relaxed);
        import.arg("import").arg(&file).arg("--config").arg(&self.configuration);
        import.stdout(Stdio::null()).stderr(Stdio::null());
        workspace::succeed(import)
    }

    /// A token of the administrator's.
    fn token(&self) -> Outcome<String> {
        let mut create = self.grantor(Durability::Full);
        create.args(["--json", "session-token", "create", "--profile", "admin", "--user", "root"]);
        create.args(["--expires-in", "1d", "--config"]).arg(&self.configuration);
        let said: Value =
            serde_json::from_str(&workspace::output_of(create)?).during("reading a session token")?;
        let token = said.get("token").and_then(Value::as_str);
        token.map(str::to_owned).ok_or_else(|| Failure::new("a session token without a token"))
    }

    fn remove(self) -> Outcome {
        drop(self.redis);
        fs::remove_dir_all(&self.folder).during(self.folder.display())
    }
}

fn client_id(number: usize) -> String {
    format!("client-{number:06}")
}

fn username(number: usize) -> String {
    format!("user-{number:06}")
}

fn person(number: usize) -> String {
    format!("person-{number:02}")
}

/// Two words, so that many have each of them, and a number that none has twice.
fn client_name(number: usize) -> String {
    let word = |at: usize| WORDS.get(at % WORDS.len()).copied().unwrap_or_default();
    format!("{} {} {number}", word(number), word(number / WORDS.len()))
}

fn client(number: usize) -> Value {
    json!({
        "client_id": client_id(number), "client_name": client_name(number), "owner": username(number / OWNED),
        "redirect_uris": [REDIRECT], "scope": "read", "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"], "token_endpoint_auth_method": "none", "require_pkce": true,
    })
}

fn user(number: usize) -> Value {
    let name = username(number);
    json!({ "username": name, "name": format!("Person {number}"), "email": format!("{name}@example.test") })
}

/// The client that a person's so manieth grant is for: now and then the one that everybody has, else one that he has once.
fn granted(count: usize, person: usize, turn: usize) -> usize {
    if turn.is_multiple_of(BELOVED) { 0 } else { 1 + (turn * PERSONS + person) % (count - 1) }
}

fn fill(place: &Place, count: usize) -> Outcome {
    let who = |name: String, admin: bool| json!({ "username": name, "password": PASSWORD, "admin": admin });
    let mut people = vec![who("root".to_owned(), true)];
    people.extend((0..PERSONS).map(|number| who(person(number), false)));
    place.import(&json!({ "users": people }))?;
    for section in ["users", "clients"] {
        let entry = if section == "users" { user } else { client };
        for from in (0..count).step_by(FILE) {
            let to = count.min(from + FILE);
            place.import(&json!({ section: (from..to).map(entry).collect::<Vec<_>>() }))?;
            eprintln!("{}: {to} {section} of {count}", place.store);
        }
    }
    let server = place.serve(Durability::Relaxed)?;
    let address = address_of(server.public())?;
    let made = AtomicUsize::new(0);
    let outcome = thread::scope(|scope| {
        let authorizing: Vec<_> = (0..PERSONS)
            .map(|person| {
                scope.spawn({
                    let made = &made;
                    move || authorize(place, address, person, count, made)
                })
            })
            .collect();
        // All are waited for, so that none goes on asking a server that has ended.
        let outcomes: Vec<_> = authorizing
            .into_iter()
            .map(|one| one.join().unwrap_or_else(|_| Err(Failure::new("somebody who authorizes panicked"))))
            .collect();
        outcomes.into_iter().collect::<Outcome<Vec<()>>>()
    });
    if let Err(failure) = outcome {
        server.show_log();
        return Err(failure);
    }
    server.stop()
}

/// One person authorizes his part of the clients, and each of them redeems its code.
fn authorize(place: &Place, address: SocketAddr, number: usize, count: usize, made: &AtomicUsize) -> Outcome {
    let (mut browser, name) = (Browser::at(address)?, person(number));
    for turn in 0..(count - number).div_ceil(PERSONS) {
        let id = client_id(granted(count, number, turn));
        let redirect = encoded(REDIRECT);
        let request = format!(
            "/oauth2/authorize?response_type=code&client_id={id}&redirect_uri={redirect}&scope=read&state=0123456789\
             &code_challenge={CHALLENGE}&code_challenge_method=S256"
        );
        let answer = browser.walk(&request, &name, PASSWORD)?;
        let back = answer.location.as_deref().and_then(|location| location.strip_prefix(REDIRECT));
        let code = back.and_then(|back| back.split(['?', '&']).find_map(|pair| pair.strip_prefix("code=")));
        let code = code.ok_or_else(|| answer.wrong("an authorization request"))?;
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", id.as_str()),
            ("redirect_uri", REDIRECT),
            ("code", code),
            ("code_verifier", VERIFIER),
        ];
        browser.post("/oauth2/token", &form)?.good("/oauth2/token")?;
        let all = made.fetch_add(1, Ordering::Relaxed) + 1;
        if all.is_multiple_of(FILE) {
            eprintln!("{}: {all} grants of {count}", place.store);
        }
    }
    Ok(())
}

/// What is asked for.
struct Asked {
    list: &'static str,
    what: &'static str,
    /// What the answer goes by, in a path's query.
    query: String,
    /// How many things are to come of it.
    expected: usize,
}

/// Everything that can be asked of a list that is full.
fn questions(count: usize, deep: &[(&'static str, String)]) -> Vec<Asked> {
    let of = |list, what, query: String, expected| Asked { list, what, query, expected };
    let middle = count / 2;
    let his = |turn: usize| client_id(granted(count, 0, turn));
    let mut all = Vec::new();
    for list in ["users", "clients", "grants"] {
        all.push(of(list, "first page", String::new(), PAGE));
        let after = deep.iter().find(|(this, _)| *this == list).map(|(_, after)| encoded(after));
        all.push(of(list, "a page deep inside", format!("after={}", after.unwrap_or_default()), PAGE));
    }
    all.extend([
        of("users", "beginning of the name, many", "prefix=user-".to_owned(), PAGE),
        of("users", "beginning of the name, one", format!("prefix={}", username(middle)), 1),
        of(
            "users",
            "e-mail address",
            format!("email={}", encoded(&format!("{}@example.test", username(middle)))),
            1,
        ),
        of("clients", "beginning of the id, many", "prefix=client-".to_owned(), PAGE),
        of("clients", "beginning of the id, one", format!("prefix={}", client_id(middle)), 1),
        of("clients", "word of the name, many", format!("name={}", WORDS[11]), PAGE),
        of("clients", "word of the name, one", format!("name={middle}"), 1),
        of("clients", "owner", format!("owner={}", username(middle / OWNED)), OWNED),
        of("grants", "user", format!("user={}", person(0)), PAGE),
        of("grants", "client, many", format!("client={}", client_id(0)), PAGE),
        of("grants", "client, one", format!("client={}", his(1)), 1),
        of(
            "grants",
            "user and client, many",
            format!("user={}&client={}", person(0), his(0)),
            PAGE.min(count / PERSONS / BELOVED),
        ),
        // Found among the first of his that are looked at, or with the next page.
        of("grants", "user and client, one", format!("user={}&client={}", person(0), his(1)), 0),
    ]);
    all
}

/// Asks for everything by the API and on the console's pages.
fn asked(place: &Place, count: usize) -> Outcome<Vec<Value>> {
    let token = place.token()?;
    let server = place.serve(Durability::Full)?;
    let admin = server.addresses().get("admin").and_then(Value::as_str).unwrap_or_default();
    let address = address_of(admin)?;
    let mut api = Browser::at(address)?.with_token(&token);
    let mut console = Browser::at(address)?;
    let outcome = answers(place, count, &mut api, &mut console).inspect_err(|_| server.show_log())?;
    server.stop()?;
    Ok(outcome)
}

fn answers(place: &Place, count: usize, api: &mut Browser, console: &mut Browser) -> Outcome<Vec<Value>> {
    console.walk("/", "root", PASSWORD)?.good("the console")?;
    let mut deep = Vec::new();
    for list in ["users", "clients", "grants"] {
        deep.push((list, next_after(api, list, DEEP.min(count / 2))?));
    }
    let mut rows = Vec::new();
    for Asked { list, what, query, expected } in questions(count, &deep) {
        let (by_api, page) = (format!("/api/{list}?{query}"), format!("/{list}?{query}"));
        let (times, answer) = timed(api, &by_api)?;
        let part: Value = serde_json::from_str(&answer).during(&by_api)?;
        let items = part.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if items.len() < expected {
            return Err(Failure::new(format!("{by_api}: {} things came, not {expected}", items.len())));
        }
        let (seen, shown) = timed(console, &page)?;
        let name = items
            .first()
            .and_then(|item| ["username", "client_id", "id"].iter().find_map(|id| item.get(id)?.as_str()));
        if name.is_some_and(|name| !shown.contains(name)) {
            return Err(Failure::new(format!("{page} does not show {name:?}")));
        }
        eprintln!(
            "{}: {list}, {what}: {:.1} ms, {:.1} at the console",
            place.store, times.median, seen.median
        );
        rows.push(json!({
            "store": place.store, "list": list, "what": what, "found": items.len(),
            "api_median_ms": times.median, "api_longest_ms": times.most,
            "console_median_ms": seen.median, "console_longest_ms": seen.most,
        }));
    }
    Ok(rows)
}

/// What leads on after so many things, page by page.
fn next_after(api: &mut Browser, list: &str, skipped: usize) -> Outcome<String> {
    const MOST: usize = 500;
    let (mut after, mut seen) = (String::new(), 0);
    while seen < skipped {
        let after_that = if after.is_empty() { String::new() } else { format!("&after={}", encoded(&after)) };
        let target = format!("/api/{list}?limit={}{after_that}", MOST.min(skipped - seen));
        let part: Value = serde_json::from_str(&api.get(&target)?.good(&target)?.body).during(&target)?;
        seen += part.get("items").and_then(Value::as_array).map_or(0, Vec::len);
        let next = part.get("next").and_then(Value::as_str);
        after = next.ok_or_else(|| Failure::new(format!("{target}: {list} end after {seen}")))?.to_owned();
    }
    Ok(after)
}

/// How long each of several requests took, in milliseconds, and what came of the last.
fn timed(browser: &mut Browser, target: &str) -> Outcome<(Figure, String)> {
    browser.reconnect()?;
    let (mut times, mut body) = (Vec::new(), String::new());
    for _ in 0..REQUESTS {
        let begun = Instant::now();
        let answer = browser.get(target)?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        body = answer.good(target)?.body;
    }
    let figure = Figure::of(times.into_iter()).ok_or_else(|| Failure::new("nothing was timed"))?;
    Ok((figure, body))
}

/// What the page says of each: the name of a store as people write it.
pub(super) fn title(store: &str) -> &str {
    match store {
        "sqlite" => "SQLite",
        "redis" => "Redis",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(api: f64, console: f64) -> Value {
        json!({ "store": "redis", "list": "grants", "what": "user", "api_median_ms": api, "console_median_ms": console })
    }

    #[test]
    fn one_median_that_is_too_long_is_named_and_nothing_measured_is_no_pass() {
        let results = |rows: Vec<Value>| json!({ "rows": rows });
        assert!(check(&results(vec![row(499.0, 500.0)])).is_ok());
        let slow = check(&results(vec![row(1.0, 1.0), row(2.0, 501.0)])).unwrap_err().to_string();
        assert!(slow.contains("redis, grants, user, console: 501 ms") && !slow.contains("api"), "{slow}");
        assert!(check(&results(Vec::new())).is_err());
        assert!(check(&json!({})).is_err());
        assert!(check(&results(vec![json!({ "store": "redis" })])).is_err());
    }

    #[test]
    fn each_grant_of_a_person_but_the_beloved_is_for_a_client_of_its_own() {
        let mut once = std::collections::BTreeSet::new();
        let (mut beloved, mut all) = (0, 0);
        for person in 0..PERSONS {
            for turn in 0..(LEAST - person).div_ceil(PERSONS) {
                all += 1;
                match granted(LEAST, person, turn) {
                    0 => beloved += 1,
                    client => assert!(once.insert(client), "{client} twice"),
                }
            }
        }
        assert_eq!(all, LEAST);
        assert!(beloved > PAGE && beloved + once.len() == LEAST);
    }
}
