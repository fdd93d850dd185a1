//! `cargo xtask clients`: programs of others, each against a real server with the profiles it needs.
//!
//! What a folder holds, what its entry is given and what it answers stands in `tests-external/clients/README.md`.

mod declared;
mod entry;
mod subject;
pub(crate) mod tools;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};

use crate::cli::ClientsOptions;
use crate::external;
use crate::failure::{Failure, Outcome, While};
use crate::workspace::Workspace;

use declared::{Declared, KnownBad};
use entry::Ended;
use subject::Subject;

/// Where the folders are.
const FOLDER: &str = "tests-external/clients";
/// What is put beside the copies, for those who log in and approve.
const SHARED: &str = "tests-external/pages.py";

/// Runs the clients that were asked for, all of them even after one failed.
pub(crate) fn run(workspace: &Workspace, options: &ClientsOptions) -> Outcome {
    let chosen = chosen(&workspace.path(FOLDER), options)?;
    let target = workspace.target_folder()?.join("clients");
    fs::create_dir_all(&target).during(target.display())?;
    let shared = target.join("pages.py");
    fs::copy(workspace.path(SHARED), &shared).during(shared.display())?;
    let binary = match &options.binary {
        Some(binary) => binary.canonicalize().during(binary.display())?,
        None => external::built_binary(workspace)?,
    };
    let print = Print { json: options.json };
    let mut done = Vec::new();
    for (number, (client, skipped)) in chosen.iter().enumerate() {
        let name = &client.name;
        if *skipped {
            print.line(&format!("skipped: {name} (--skip {name})"));
            done.push(json!({"client": name, "outcome": "skipped"}));
            continue;
        }
        print.line(&format!("==> [{}/{}] {name}: {}", number + 1, chosen.len(), client.about));
        let begun = Instant::now();
        let outcome = drive(client, &binary, &target, &print);
        let seconds = begun.elapsed().as_secs_f64();
        let word = if outcome.is_ok() { "ok" } else { "FAILED" };
        print.line(&format!("<== [{}/{}] {name}: {word}, {seconds:.1} s", number + 1, chosen.len()));
        let why = outcome.err().map(|failure| failure.to_string());
        why.iter().for_each(|why| eprintln!("{why}"));
        let outcome = word.to_lowercase();
        done.push(json!({"client": name, "outcome": outcome, "seconds": seconds, "why": why}));
    }
    finish(&done, options.json)
}

fn finish(done: &[Value], as_json: bool) -> Outcome {
    let text =
        |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    if as_json {
        println!("{}", Value::from(done));
    } else {
        println!();
        for entry in done {
            println!("{:24}  {}", text(entry, "client"), text(entry, "outcome"));
        }
    }
    let failed: Vec<String> = done
        .iter()
        .filter(|entry| text(entry, "outcome") == "failed")
        .map(|entry| text(entry, "client"))
        .collect();
    if failed.is_empty() { Ok(()) } else { Err(Failure::new(format!("failed: {}", failed.join(", ")))) }
}

/// Whom what is printed is for: with `--json`, standard output has the one value at the end and nothing else.
pub(crate) struct Print {
    json: bool,
}

impl Print {
    /// For a person.
    pub(crate) const PLAIN: Self = Self { json: false };
    /// For a person, where standard output is for something else.
    pub(crate) const ASIDE: Self = Self { json: true };

    pub(super) fn line(&self, line: &str) {
        if self.json { eprintln!("{line}") } else { println!("{line}") }
    }
}

/// The clients that were asked for, and whether each is to be left out. A name that is nobody's is an error: whoever
/// mistypes one must not take the silence for a pass.
fn chosen(folder: &Path, options: &ClientsOptions) -> Outcome<Vec<(Declared, bool)>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).during(folder.display())? {
        let path = entry.during(folder.display())?.path();
        if path.join("client.toml").exists() {
            all.push(Declared::read(&path)?);
        } else if path.is_dir() {
            return Err(Failure::new(format!("{} has no client.toml", path.display())));
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    for named in options.only.iter().chain(&options.skip) {
        if all.iter().all(|client| client.name != *named) {
            let names: Vec<&str> = all.iter().map(|client| client.name.as_str()).collect();
            return Err(Failure::new(format!("there is no client {named}; there are {}", names.join(", "))));
        }
    }
    all.retain(|client| options.only.as_ref().is_none_or(|only| client.name == *only));
    all.retain(|client| client.light || !options.light);
    if all.is_empty() {
        return Err(Failure::new("no client was chosen"));
    }
    let skipped = |client: &Declared| options.skip.contains(&client.name);
    Ok(all
        .into_iter()
        .map(|client| {
            let skip = skipped(&client);
            (client, skip)
        })
        .collect())
}

/// Installs what a client needs, and runs it: against a server that is right, and then against each that is wrong.
fn drive(client: &Declared, binary: &Path, target: &Path, print: &Print) -> Outcome {
    let folder = target.join(&client.name);
    tools::copied(&client.folder, &folder)?;
    let path = tools::installed(&client.name, &folder, print)?;
    let right = attempt(client, None, binary, &folder, &path, print)?;
    right.must_pass(client)?;
    for bad in &client.known_bad {
        print.line(&format!("--- {}: the same on a server with {}", client.name, bad.what));
        attempt(client, Some(bad), binary, &folder, &path, print)?.must_notice(client, bad)?;
    }
    Ok(())
}

/// One run against one server. What it left is kept when it did not end as it should.
fn attempt(
    client: &Declared,
    bad: Option<&KnownBad>,
    binary: &Path,
    folder: &Path,
    path: &[PathBuf],
    print: &Print,
) -> Outcome<Ended> {
    let here = folder.with_file_name(format!("{}-run-{}", client.name, std::process::id()));
    if here.exists() {
        fs::remove_dir_all(&here).during(here.display())?;
    }
    fs::create_dir_all(&here).during(here.display())?;
    let subject = Subject::start(client, bad, binary, &here)?;
    let ended = entry::run(client, folder, path, &subject, &here, print);
    let fine = match &ended {
        Ok(ended) => ended.succeeded() == bad.is_none(),
        Err(_) => false,
    };
    if fine {
        subject.stop()?;
        fs::remove_dir_all(&here).during(here.display())?;
    } else {
        subject.show_log();
        eprintln!("what the run left is in {}", here.display());
    }
    ended
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of one test, with clients in it and a stand-in for the binary.
    struct World(PathBuf);

    impl World {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("xtask-clients-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(folder.join("clients")).unwrap();
            // Just enough of a grantor: it imports anything, says that it listens, and ends when it is told to.
            let script = "#!/bin/sh\n[ \"$1\" = import ] && exit 0\n\
                          echo '{\"public\":\"http://127.0.0.1:1\",\"admin\":\"http://127.0.0.1:2\",\
                          \"profiles\":{\"standard\":\"http://127.0.0.1:1\",\"flex\":\"http://127.0.0.1:3\"}}' > \"$3\"\n\
                          trap 'exit 0' TERM\nwhile :; do sleep 0.05; done\n";
            let world = Self(folder);
            world.script("grantor", script);
            world
        }

        fn script(&self, name: &str, text: &str) {
            use std::os::unix::fs::PermissionsExt as _;
            let path = self.0.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }

        fn client(&self, name: &str, toml: &str, script: &str) {
            self.script(&format!("clients/{name}/run.sh"), script);
            fs::write(self.0.join(format!("clients/{name}/client.toml")), toml).unwrap();
        }

        fn drive(&self, name: &str) -> Outcome {
            let client = Declared::read(&self.0.join("clients").join(name))?;
            let target = self.0.join("target");
            fs::create_dir_all(&target).unwrap();
            drive(&client, &self.0.join("grantor"), &target, &Print { json: true })
        }
    }

    impl Drop for World {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    const PLAIN: &str = "about = \"x\"\nprofiles = [\"standard\"]\n";
    const BAD: &str = "[[known_bad]]\nwhat = \"a fault\"\nat = \"second\"\n\
                       [known_bad.set.standard]\n\"token.token_type\" = \"token\"\n";

    #[test]
    fn a_client_that_fails_or_hangs_or_is_missing_fails_the_run() {
        let world = World::new("fails");
        world.client("good", PLAIN, "#!/bin/sh\necho \"good: first: $BASE_URL\"\n");
        world.client("bad", PLAIN, "#!/bin/sh\necho 'bad: first: FAILED: expected 1, found 2'\nexit 1\n");
        world.client("slow", &format!("{PLAIN}seconds = 0\n"), "#!/bin/sh\nwhile :; do sleep 0.05; done\n");
        world.client("quiet", PLAIN, "#!/bin/sh\nexit 0\n");
        world.drive("good").unwrap();
        assert!(world.drive("bad").unwrap_err().to_string().contains("bad: first: FAILED"));
        assert!(world.drive("slow").unwrap_err().to_string().contains("still running"));
        assert!(world.drive("quiet").unwrap_err().to_string().contains("no step"));
    }

    #[test]
    fn a_client_that_does_not_notice_a_known_bad_server_fails_the_run() {
        let world = World::new("notices");
        let toml = format!("{PLAIN}{BAD}");
        let looks = "grep -q token_type \"$GRANTOR_CONFIG\" || exit 0";
        world.client("sharp", &toml, &format!(
            "#!/bin/sh\necho 'sharp: first: 1'\n{looks}\necho 'sharp: second: FAILED: expected a, found b'\nexit 1\n"
        ));
        world.client("blind", &toml, "#!/bin/sh\necho 'blind: second: fine'\n");
        world.client(
            "elsewhere",
            &toml,
            &format!(
                "#!/bin/sh\necho 'elsewhere: first: 1'\n{looks}\necho 'elsewhere: first: FAILED: x'\nexit 1\n"
            ),
        );
        world.drive("sharp").unwrap();
        assert!(world.drive("blind").unwrap_err().to_string().contains("did not notice"));
        assert!(world.drive("elsewhere").unwrap_err().to_string().contains("not at `second`"));
    }

    #[test]
    fn what_the_entry_is_given_is_what_the_readme_says() {
        let world = World::new("given");
        let toml = "about = \"x\"\nprofiles = [\"flex\"]\nfixture = \"f.json\"\n[env]\nCLIENT_ID = \"id\"\n";
        let script = "#!/bin/sh\necho \"given: all: $BASE_URL $BASE_URL_FLEX $ADMIN_URL $CLIENT_ID\"\n\
                      [ -x \"$GRANTOR\" ] && [ -f \"$GRANTOR_CONFIG\" ] && [ -f \"$FIXTURE\" ] && [ -d \"$WORK\" ] && \
                      [ -f ./client.toml ] && [ \"$BASE_URL\" = http://127.0.0.1:3 ] && [ \"$BASE_URL\" = \"$BASE_URL_FLEX\" ] && \
                      [ \"$ADMIN_URL\" = http://127.0.0.1:2 ] && [ \"$CLIENT_ID\" = id ]\n";
        world.client("given", toml, script);
        assert!(world.drive("given").is_err(), "the fixture is not there");
        fs::write(world.0.join("clients/given/f.json"), "{}").unwrap();
        world.drive("given").unwrap();
    }

    #[test]
    fn a_name_that_is_nobodys_and_an_empty_choice_are_errors() {
        let world = World::new("names");
        let folder = world.0.join("clients");
        world.client("one", PLAIN, "#!/bin/sh\n");
        let options = |only: Option<&str>, skip: &[&str], light| ClientsOptions {
            only: only.map(str::to_owned),
            skip: skip.iter().map(|name| (*name).to_owned()).collect(),
            light,
            ..ClientsOptions::default()
        };
        assert_eq!(chosen(&folder, &options(None, &[], false)).unwrap().len(), 1);
        assert!(
            chosen(&folder, &options(None, &["one"], false)).unwrap().iter().all(|(_, skipped)| *skipped)
        );
        assert!(chosen(&folder, &options(Some("two"), &[], false)).is_err());
        assert!(chosen(&folder, &options(None, &["two"], false)).is_err());
        assert!(chosen(&folder, &options(None, &[], true)).is_err(), "none is light");
        fs::create_dir_all(folder.join("empty")).unwrap();
        assert!(chosen(&folder, &options(None, &[], false)).is_err(), "a folder without client.toml");
    }
}
