//! A Python of our own, with pinned packages, below the target folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::{Failure, Outcome, While};
use crate::workspace;

const WHAT_TO_INSTALL: &str =
    "python3 with venv and pip is needed: apt-get install python3-venv python3-pip, or your system's like";

/// An interpreter in a virtual environment that holds the required packages.
pub(crate) struct Python {
    interpreter: PathBuf,
}

impl Python {
    /// The environment in `folder`; made, and filled by pip, when there is none for these very requirements.
    pub(crate) fn with_requirements(folder: &Path, requirements: &Path) -> Outcome<Self> {
        let wanted = fs::read_to_string(requirements).during(requirements.display())?;
        let environment = folder.join("venv");
        let interpreter = environment.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
        // Written last, so that an interrupted installation is not taken for a whole one.
        let installed = environment.join("installed.txt");
        if fs::read_to_string(&installed).is_ok_and(|text| text == wanted) && runs(&interpreter) {
            return Ok(Self { interpreter });
        }
        if environment.exists() {
            fs::remove_dir_all(&environment).during(environment.display())?;
        }
        fs::create_dir_all(folder).during(folder.display())?;
        let system = system_python()?;
        let mut make = Command::new(system);
        make.args(["-m", "venv"]).arg(&environment);
        workspace::succeed(make)?;
        let mut install = Command::new(&interpreter);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        install.arg(requirements);
        workspace::succeed(install)?;
        fs::write(&installed, &wanted).during(installed.display())?;
        Ok(Self { interpreter })
    }

    /// A command that runs `script`, and leaves no compiled files beside it.
    pub(crate) fn script(&self, script: &Path) -> Command {
        let mut command = Command::new(&self.interpreter);
        command.arg("-B").arg(script);
        command
    }
}

/// A Python that can make environments; on Debian as root, installed if need be.
fn system_python() -> Outcome<&'static str> {
    const NAME: &str = "python3";
    if can_make_environments(NAME) {
        return Ok(NAME);
    }
    if may_install() {
        println!("installing python3-venv and python3-pip by apt-get");
        let install =
            "apt-get update && apt-get install --yes --no-install-recommends python3-venv python3-pip";
        let mut shell = Command::new("sh");
        shell.args(["-c", install]).env("DEBIAN_FRONTEND", "noninteractive");
        workspace::succeed(shell).map_err(|failure| Failure::new(format!("{failure}\n{WHAT_TO_INSTALL}")))?;
        if can_make_environments(NAME) {
            return Ok(NAME);
        }
    }
    Err(Failure::new(WHAT_TO_INSTALL))
}

/// Debian splits these modules from python3 itself.
fn can_make_environments(python: &str) -> bool {
    let mut import = Command::new(python);
    import.args(["-c", "import venv, ensurepip"]);
    quietly(import)
}

fn runs(python: &Path) -> bool {
    let mut version = Command::new(python);
    version.arg("--version");
    quietly(version)
}

/// Whether Debian packages can be installed here.
pub(crate) fn may_install() -> bool {
    let mut root = Command::new("sh");
    root.args(["-c", "test \"$(id -u)\" = 0 && command -v apt-get"]);
    quietly(root)
}

/// Whether a command succeeds, whatever it says.
pub(crate) fn quietly(mut command: Command) -> bool {
    let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}
