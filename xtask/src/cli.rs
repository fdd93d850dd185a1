//! The command line. Parsed by hand: a few verbs do not pay for a parser's build time.

use std::path::{Path, PathBuf};

pub(crate) const USAGE: &str = "\
usage: cargo xtask VERB [OPTIONS]

  ci                      format, clippy, docs, purity, then the test command README.md names;
                          that runs the light ones of `clients`, too
  test [--skip-external] [--skip-browser] [--package NAME]…
                          every test: the workspace's, its doctests, the third-party clients and the pages in a
                          browser; either of these is left out when that is said; then `requirements --check`
                          by what ran
                            --package NAME  those of this package alone
  requirements [--check] [--listed]
                          renders docs/CONFORMANCE.md and docs/THREATS.md, and checks that each test they
                          name exists, and ran and passed in the last `test`
                            --check   changes nothing, and fails where a page is not as rendered
                            --listed  checks only that they exist, which takes no run
  purity                  the core stays pure, and no dependency points up the table of rooms
  external [--only NAME] [--binary FILE]
                          clients that are not ours, against the real grantor binary
                            --only NAME    one of them: authlib
                            --binary FILE  drive this binary instead of building one
  clients [--only NAME] [--skip NAME]… [--light] [--json] [--binary FILE]
                          programs of others, each in its own folder of tests-external/clients
                            --only NAME    one of them
                            --skip NAME    leave one out, and say so
                            --light        those that need little, as `ci` does
                            --json         one JSON value at the end, and nothing else on standard output
                            --binary FILE  as above
  mutants [--only NAME] [--some] [--json] [--page]
                          flaws planted in a copy of the core: does the proof of the policies find each?
                            --only NAME    one of them, and its whole story
                            --some         a handful of different kinds
                            --json         one JSON value at the end, and nothing else on standard output
                            --page         plants none, and writes docs/stories.md by what was found so far
  prove [--schedules N] [--histories N] [--switches N] [--seed N] [--only POLICY [--way WAY]] [--json]
                          the proof of every policy of ours, far beyond what `test` tries: a million schedules
                            --switches N   how often one of two requests waits, where every order is tried
                            --seed N       the first seed: that of a story leads to it again
                            --only POLICY  one of those in crates/testkit/tests/proofs
                            --way WAY      histories, orders or schedules
                            --json         as above
  browser [--only JOURNEY]… [--js | --no-js] [--known-bad] [--backend URL] [--binary FILE] [--headed]
                          the pages in a real Chromium, by pointer and by keyboard, with JavaScript and without it
                            --only JOURNEY this one and such others, without the pages that are wrong on purpose
                            --js, --no-js  only with JavaScript, only without it
                            --known-bad    only the pages that are wrong on purpose
                            --backend URL  over this store, as storage.url names it; SQLite otherwise
                            --binary FILE  as above
                            --headed       to be watched
  screenshots [--only JOURNEY]… [--out DIR] [--binary FILE]
                          each page, light, dark and narrow; into docs/screenshots otherwise
                            --only JOURNEY the pages of this one and such others; the pictures that are there stay
  fuzz [--seconds N] [--only TARGET]
                          the targets of crates/fuzz, fed by libFuzzer; each for ten minutes, or so long
                            --only TARGET  one of them
  coverage [--report]     lines and branches of the core's state machines that its tests do not reach
                            --report  tells of them, whether crates/core/gaps.toml says why or not
  survivors [--file GLOB] [--shard K/N]
                          bugs planted in the core's state machines, and which of them no test notices
                            --file GLOB   those of these files alone
                            --shard K/N   one part of them
  bench [growth | pressure | purge | size | lists | page] [--quick] [--only NAME]… [--seconds N] [--repeat N]
        [--connections N,N] [--tokens N] [--count N] [--binary FILE] [--json]
                          what a request costs, for each second of processor time, beside floors and servers of others;
                          then docs/BENCHMARKS.md and its charts are made of what was measured last
                            growth         the same with ever more live tokens, and what each of them takes
                            pressure       beside a storm of guessed passwords or tokens, and idle connections
                            purge          beside the removal of what is long past
                            size           the program, its start, its rest; the core's build and its crates
                            lists          a page and every search, with 100,000 users, clients and grants
                            page           measures nothing and makes the page
                            --quick        minutes, with fewer connections and shorter
                            --only NAME    a subject or an endpoint; nothing is written down then
                            --seconds N    how long one measurement is
                            --repeat N     how often each is taken
                            --connections  how many, as in 1,16,64
                            --tokens N     how far `growth` goes, ten times as far on SQLite and Redis, and how many
                                           `purge` removes
                            --count N      how many of each `lists` makes
                            --binary FILE  `lists` of this binary instead of building one
                            --json         as above
  scale [--seed N] [--json]
                          how grants spread over shards and nodes, and how a fleet bears 100,000 requests a second, by
                          what `bench` measured last; puts the tables into docs/SCALE.md
                            --seed N       of what is drawn; the same seed gives the same tables
                            --json         as above
  redis up [--cluster]    a Redis, or a cluster of six nodes, until standard input ends; prints its URL
  help                    this text";

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Help,
    Ci,
    Test(TestOptions),
    Purity,
    Requirements(RequirementsOptions),
    External(ExternalOptions),
    Clients(ClientsOptions),
    Mutants(MutantsOptions),
    Prove(ProveOptions),
    Browser(BrowserOptions),
    Screenshots(ScreenshotsOptions),
    Bench(BenchOptions),
    Scale(ScaleOptions),
    Redis(RedisOptions),
    Fuzz(FuzzOptions),
    Coverage(CoverageOptions),
    Survivors(SurvivorsOptions),
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct TestOptions {
    /// Leave the third-party clients out, and say so.
    pub(crate) skip_external: bool,
    /// Leave the pages in a browser out, and say so.
    pub(crate) skip_browser: bool,
    /// The packages to test; all of them when empty.
    pub(crate) packages: Vec<String>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct RequirementsOptions {
    /// Write nothing, and fail where something would be written.
    pub(crate) check: bool,
    /// Ask only that the tests exist.
    pub(crate) listed: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ExternalOptions {
    /// The one client to drive; all of them when absent.
    pub(crate) only: Option<String>,
    /// A binary built elsewhere, such as a release to be checked.
    pub(crate) binary: Option<PathBuf>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientsOptions {
    /// The one client to run; all of them when absent.
    pub(crate) only: Option<String>,
    /// Clients to leave out.
    pub(crate) skip: Vec<String>,
    /// Only those that need little.
    pub(crate) light: bool,
    /// One JSON value at the end.
    pub(crate) json: bool,
    /// A binary built elsewhere.
    pub(crate) binary: Option<PathBuf>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FuzzOptions {
    /// How long each target runs.
    pub(crate) seconds: u64,
    /// The one target to run; all of them when absent.
    pub(crate) only: Option<String>,
}

impl Default for FuzzOptions {
    fn default() -> Self {
        Self { seconds: 600, only: None }
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct CoverageOptions {
    /// Only tell what is not reached.
    pub(crate) report: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SurvivorsOptions {
    /// The files to plant them in; all state machines when absent.
    pub(crate) file: Option<String>,
    /// Which part of them, as in `0/4`.
    pub(crate) shard: Option<String>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct MutantsOptions {
    /// The one flaw to plant; all of them when absent.
    pub(crate) only: Option<String>,
    /// Only those that are planted with every run of all tests.
    pub(crate) some: bool,
    /// One JSON value at the end, and all else on standard error.
    pub(crate) json: bool,
    /// Plant none, and write the page.
    pub(crate) page: bool,
}

impl MutantsOptions {
    /// Whether a flaw is to be planted.
    pub(crate) fn chooses(&self, name: &str, always: bool) -> bool {
        match &self.only {
            Some(only) => only == name,
            None => always || !self.some,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ProveOptions {
    /// How many schedules are tried, of all policies together.
    pub(crate) schedules: u64,
    /// How many histories.
    pub(crate) histories: u64,
    /// How often one of two requests is made to wait, where every order is tried.
    pub(crate) switches: u64,
    /// The first seed.
    pub(crate) seed: u64,
    /// The one policy to prove; all of them when absent.
    pub(crate) only: Option<String>,
    /// The one way to prove it; all of them when absent.
    pub(crate) way: Option<String>,
    /// One JSON value on standard output, and all else on standard error.
    pub(crate) json: bool,
}

impl Default for ProveOptions {
    fn default() -> Self {
        Self {
            schedules: 1_000_000,
            histories: 100_000,
            switches: 1,
            seed: 1,
            only: None,
            way: None,
            json: false,
        }
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct BrowserOptions {
    /// What the run itself takes, as it was given.
    pub(crate) passed_on: Vec<String>,
    /// A binary built elsewhere.
    pub(crate) binary: Option<PathBuf>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ScreenshotsOptions {
    /// What the run itself takes, as it was given.
    pub(crate) passed_on: Vec<String>,
    /// Where they go.
    pub(crate) out: Option<PathBuf>,
    /// A binary built elsewhere.
    pub(crate) binary: Option<PathBuf>,
}

/// What of the benches is run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum BenchPart {
    #[default]
    Table,
    Growth,
    Pressure,
    Purge,
    Size,
    Lists,
    /// Nothing: the page is made of what was measured.
    Page,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct BenchOptions {
    pub(crate) part: BenchPart,
    /// Fewer connections, and shorter.
    pub(crate) quick: bool,
    /// Subjects and endpoints; all of them when empty.
    pub(crate) only: Vec<String>,
    /// How long one measurement is.
    pub(crate) seconds: Option<u64>,
    /// How often each is taken.
    pub(crate) repeat: Option<usize>,
    /// How many connections; what the part takes usually when empty.
    pub(crate) connections: Vec<usize>,
    /// How many live tokens growth ends with, and a purge begins with.
    pub(crate) tokens: Option<u64>,
    /// How many users, clients and grants lists have.
    pub(crate) count: Option<usize>,
    /// A binary built elsewhere.
    pub(crate) binary: Option<PathBuf>,
    /// One JSON value on standard output.
    pub(crate) json: bool,
}

impl BenchOptions {
    /// What was typed to have this.
    pub(crate) fn line(&self) -> String {
        let mut line = "cargo xtask bench".to_owned();
        line.push_str(match self.part {
            BenchPart::Table => "",
            BenchPart::Growth => " growth",
            BenchPart::Pressure => " pressure",
            BenchPart::Purge => " purge",
            BenchPart::Size => " size",
            BenchPart::Lists => " lists",
            BenchPart::Page => " page",
        });
        if self.quick {
            line.push_str(" --quick");
        }
        for name in &self.only {
            line.push_str(&format!(" --only {name}"));
        }
        if !self.connections.is_empty() {
            let numbers: Vec<_> = self.connections.iter().map(ToString::to_string).collect();
            line.push_str(&format!(" --connections {}", numbers.join(",")));
        }
        let wide = |number: Option<usize>| number.map(|number| u64::try_from(number).unwrap_or(u64::MAX));
        let (repeat, count) = (wide(self.repeat), wide(self.count));
        for (name, number) in
            [("seconds", self.seconds), ("repeat", repeat), ("tokens", self.tokens), ("count", count)]
        {
            line.push_str(&number.map(|number| format!(" --{name} {number}")).unwrap_or_default());
        }
        // Where it lies is nobody else's business.
        if let Some(name) = self.binary.as_deref().and_then(Path::file_name) {
            line.push_str(&format!(" --binary {}", name.display()));
        }
        line
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ScaleOptions {
    /// Of what is drawn.
    pub(crate) seed: u64,
    /// One JSON value on standard output.
    pub(crate) json: bool,
}

impl Default for ScaleOptions {
    fn default() -> Self {
        Self { seed: 1, json: false }
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct RedisOptions {
    /// Three primaries with a replica each, in place of one server.
    pub(crate) cluster: bool,
}

/// Reads the arguments after the program's name; the error says what was wrong with them.
pub(crate) fn parse(arguments: &[String]) -> Result<Verb, String> {
    let mut rest = arguments.iter().map(String::as_str);
    let Some(name) = rest.next() else { return Err("name a verb".to_owned()) };
    let mut verb = match name {
        "help" | "--help" | "-h" => return Ok(Verb::Help),
        "ci" => Verb::Ci,
        "test" => Verb::Test(TestOptions::default()),
        "purity" => Verb::Purity,
        "requirements" => Verb::Requirements(RequirementsOptions::default()),
        "external" => Verb::External(ExternalOptions::default()),
        "clients" => Verb::Clients(ClientsOptions::default()),
        "mutants" => Verb::Mutants(MutantsOptions::default()),
        "prove" => Verb::Prove(ProveOptions::default()),
        "browser" => Verb::Browser(BrowserOptions::default()),
        "screenshots" => Verb::Screenshots(ScreenshotsOptions::default()),
        "fuzz" => Verb::Fuzz(FuzzOptions::default()),
        "coverage" => Verb::Coverage(CoverageOptions::default()),
        "survivors" => Verb::Survivors(SurvivorsOptions::default()),
        "bench" => Verb::Bench(BenchOptions::default()),
        "scale" => Verb::Scale(ScaleOptions::default()),
        "redis" => match rest.next() {
            Some("up") => Verb::Redis(RedisOptions::default()),
            _ => return Err("`redis` takes `up`".to_owned()),
        },
        unknown => return Err(format!("there is no verb `{unknown}`")),
    };
    while let Some(option) = rest.next() {
        let mut value = || rest.next().ok_or(format!("{option} needs a value"));
        match (&mut verb, option) {
            (_, "--help" | "-h") => return Ok(Verb::Help),
            (Verb::Test(options), "--skip-external") => options.skip_external = true,
            (Verb::Test(options), "--skip-browser") => options.skip_browser = true,
            (Verb::Test(options), "--package") => options.packages.push(value()?.to_owned()),
            (Verb::Requirements(options), "--check") => options.check = true,
            (Verb::Requirements(options), "--listed") => options.listed = true,
            (Verb::Fuzz(options), "--seconds") => {
                let text = value()?;
                options.seconds = text.parse().map_err(|_| format!("`{text}` is no number of seconds"))?;
            }
            (Verb::Fuzz(options), "--only") => options.only = Some(value()?.to_owned()),
            (Verb::Coverage(options), "--report") => options.report = true,
            (Verb::Survivors(options), "--file") => options.file = Some(value()?.to_owned()),
            (Verb::Survivors(options), "--shard") => options.shard = Some(value()?.to_owned()),
            (Verb::External(options), "--only") => options.only = Some(value()?.to_owned()),
            (Verb::External(options), "--binary") => options.binary = Some(PathBuf::from(value()?)),
            (Verb::Clients(options), "--only") => options.only = Some(value()?.to_owned()),
            (Verb::Clients(options), "--skip") => options.skip.push(value()?.to_owned()),
            (Verb::Clients(options), "--light") => options.light = true,
            (Verb::Clients(options), "--json") => options.json = true,
            (Verb::Clients(options), "--binary") => options.binary = Some(PathBuf::from(value()?)),
            (Verb::Mutants(options), "--only") => options.only = Some(value()?.to_owned()),
            (Verb::Mutants(options), "--some") => options.some = true,
            (Verb::Mutants(options), "--json") => options.json = true,
            (Verb::Mutants(options), "--page") => options.page = true,
            (Verb::Prove(options), "--schedules") => options.schedules = number(value()?)?,
            (Verb::Prove(options), "--histories") => options.histories = number(value()?)?,
            (Verb::Prove(options), "--switches") => options.switches = number(value()?)?,
            (Verb::Prove(options), "--seed") => options.seed = number(value()?)?,
            (Verb::Prove(options), "--only") => options.only = Some(value()?.to_owned()),
            (Verb::Prove(options), "--way") => options.way = Some(value()?.to_owned()),
            (Verb::Prove(options), "--json") => options.json = true,
            (Verb::Browser(options), "--binary") => options.binary = Some(PathBuf::from(value()?)),
            (Verb::Browser(options), "--only" | "--backend") => {
                options.passed_on.extend([option.to_owned(), value()?.to_owned()]);
            }
            (Verb::Browser(options), "--js" | "--no-js" | "--known-bad" | "--headed") => {
                options.passed_on.push(option.to_owned());
            }
            (Verb::Screenshots(options), "--only") => {
                options.passed_on.extend([option.to_owned(), value()?.to_owned()]);
            }
            (Verb::Screenshots(options), "--out") => options.out = Some(PathBuf::from(value()?)),
            (Verb::Screenshots(options), "--binary") => options.binary = Some(PathBuf::from(value()?)),
            (Verb::Bench(options), "growth") => options.part = BenchPart::Growth,
            (Verb::Bench(options), "pressure") => options.part = BenchPart::Pressure,
            (Verb::Bench(options), "purge") => options.part = BenchPart::Purge,
            (Verb::Bench(options), "size") => options.part = BenchPart::Size,
            (Verb::Bench(options), "lists") => options.part = BenchPart::Lists,
            (Verb::Bench(options), "page") => options.part = BenchPart::Page,
            (Verb::Bench(options), "--quick") => options.quick = true,
            (Verb::Bench(options), "--only") => options.only.push(value()?.to_owned()),
            (Verb::Bench(options), "--seconds") => options.seconds = Some(positive(value()?)?),
            (Verb::Bench(options), "--repeat") => options.repeat = Some(count(value()?)?),
            (Verb::Bench(options), "--connections") => {
                options.connections = value()?.split(',').map(count).collect::<Result<_, _>>()?;
            }
            (Verb::Bench(options), "--tokens") => options.tokens = Some(positive(value()?)?),
            (Verb::Bench(options), "--count") => options.count = Some(count(value()?)?),
            (Verb::Bench(options), "--binary") => options.binary = Some(PathBuf::from(value()?)),
            (Verb::Bench(options), "--json") => options.json = true,
            (Verb::Scale(options), "--seed") => options.seed = number(value()?)?,
            (Verb::Scale(options), "--json") => options.json = true,
            (Verb::Redis(options), "--cluster") => options.cluster = true,
            _ => return Err(format!("`{name}` takes no `{option}`")),
        }
    }
    Ok(verb)
}

/// A number as people write it: `1_000_000`.
fn number(text: &str) -> Result<u64, String> {
    text.replace('_', "").parse().map_err(|_| format!("`{text}` is no number"))
}

/// The same, and not nought.
fn positive(text: &str) -> Result<u64, String> {
    match number(text)? {
        0 => Err("0 is too few".to_owned()),
        number => Ok(number),
    }
}

fn count(text: &str) -> Result<usize, String> {
    usize::try_from(positive(text)?).map_err(|_| format!("`{text}` is too much"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Verb, String> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn verbs_take_their_own_options() {
        assert_eq!(parsed("ci"), Ok(Verb::Ci));
        let some = TestOptions {
            skip_external: true,
            skip_browser: false,
            packages: vec!["a".to_owned(), "b".to_owned()],
        };
        assert_eq!(parsed("test --package a --skip-external --package b"), Ok(Verb::Test(some)));
        let check = RequirementsOptions { check: true, listed: false };
        assert_eq!(parsed("requirements --check"), Ok(Verb::Requirements(check)));
        let only = ExternalOptions { only: Some("authlib".to_owned()), binary: None };
        assert_eq!(parsed("external --only authlib"), Ok(Verb::External(only)));
        let skip =
            ClientsOptions { skip: vec!["a".to_owned(), "b".to_owned()], light: true, ..Default::default() };
        assert_eq!(parsed("clients --skip a --light --skip b"), Ok(Verb::Clients(skip)));
        let some = MutantsOptions { some: true, ..MutantsOptions::default() };
        assert_eq!(parsed("mutants --some"), Ok(Verb::Mutants(some)));
        let schedules = ProveOptions { schedules: 2_000, ..ProveOptions::default() };
        assert_eq!(parsed("prove --schedules 2_000"), Ok(Verb::Prove(schedules)));
        assert_eq!(parsed("redis up --cluster"), Ok(Verb::Redis(RedisOptions { cluster: true })));
        assert_eq!(parsed("scale --seed 7 --json"), Ok(Verb::Scale(ScaleOptions { seed: 7, json: true })));
        let watched = BrowserOptions {
            passed_on: ["--only", "deny", "--headed"].map(str::to_owned).to_vec(),
            binary: Some(PathBuf::from("b")),
        };
        assert_eq!(parsed("browser --only deny --binary b --headed"), Ok(Verb::Browser(watched)));
        let pictured = ScreenshotsOptions {
            passed_on: ["--only", "deny", "--only", "a brand"].map(str::to_owned).to_vec(),
            ..ScreenshotsOptions::default()
        };
        let line = ["screenshots", "--only", "deny", "--only", "a brand"].map(str::to_owned);
        assert_eq!(parse(&line), Ok(Verb::Screenshots(pictured)));
        let fuzz = FuzzOptions { seconds: 5, only: Some("jose".to_owned()) };
        assert_eq!(parsed("fuzz --only jose --seconds 5"), Ok(Verb::Fuzz(fuzz)));
        let part = SurvivorsOptions { file: None, shard: Some("0/4".to_owned()) };
        assert_eq!(parsed("survivors --shard 0/4"), Ok(Verb::Survivors(part)));
        let bench = BenchOptions {
            part: BenchPart::Growth,
            quick: true,
            only: vec!["grantor-redis".to_owned(), "token".to_owned()],
            connections: vec![1, 16],
            tokens: Some(1_000_000),
            ..BenchOptions::default()
        };
        let line =
            "bench growth --quick --only grantor-redis --only token --connections 1,16 --tokens 1000000";
        assert_eq!(bench.line(), format!("cargo xtask {line}"));
        assert_eq!(parsed(line), Ok(Verb::Bench(bench)));
        let lists = BenchOptions {
            part: BenchPart::Lists,
            count: Some(1_000),
            binary: Some(PathBuf::from("elsewhere/grantor")),
            ..BenchOptions::default()
        };
        assert_eq!(lists.line(), "cargo xtask bench lists --count 1000 --binary grantor");
        assert_eq!(parsed("bench lists --count 1_000 --binary elsewhere/grantor"), Ok(Verb::Bench(lists)));
        assert_eq!(parsed("purity --help"), Ok(Verb::Help));
    }

    #[test]
    fn a_mistyped_line_is_refused_rather_than_ignored() {
        for line in [
            "",
            "tests",
            "ci --skip-external",
            "test --skip",
            "test --package",
            "requirements check",
            "external --only",
            "purity now",
            "fuzz jose",
            "fuzz --seconds ten",
            "survivors --shard",
            "redis",
            "redis down",
            "scale --seed x",
            "clients curl-standard",
            "mutants --all",
            "prove --schedules many",
            "browser --only",
            "screenshots --headed",
            "bench shrink",
            "bench --connections 1,x",
            "bench --seconds 0",
            "bench lists --count none",
        ] {
            assert!(parsed(line).is_err(), "`{line}` was accepted");
        }
    }
}
