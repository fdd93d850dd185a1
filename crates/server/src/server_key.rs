//! The server's own key: read from the environment or a file, and made at the first start.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use grantor_core::{Secret, ServerKey};

use crate::config::Config;
use crate::failure::Failure;
use crate::files;

const BYTES: usize = 32;

/// The key this configuration names. Of several first starts at once, all find the same.
pub(crate) fn obtain(config: &Config) -> Result<ServerKey, Failure> {
    if let Some(key) = &config.keys.server_key {
        return Ok(key.clone());
    }
    let path = &config.keys.server_key_file;
    let broken = |error: io::Error| Failure::failed(format!("the server key {}: {error}", path.display()));
    match read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let made = files::random_hex(BYTES).map_err(broken)?;
            files::create_once(path, format!("{made}\n").as_bytes()).map_err(broken)?;
            read(path).map_err(broken)?
        }
        found => found.map_err(broken)?,
    }
}

/// A key that ends with the process.
pub(crate) fn ephemeral() -> Result<ServerKey, Failure> {
    let key = files::random_hex(BYTES).map_err(|e| Failure::failed(format!("no randomness: {e}")))?;
    parse(&Secret::new(key)).map_err(Failure::failed)
}

fn read(path: &Path) -> io::Result<Result<ServerKey, Failure>> {
    let mut file = File::open(path)?;
    if files::is_open_to_others(&file)? {
        let path = path.display();
        let why = format!("the server key {path} can be read or changed by others: run `chmod 600 {path}`");
        return Ok(Err(Failure::usage(why)));
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let wrong = |why| Failure::usage(format!("the server key {}: {why}", path.display()));
    Ok(parse(&Secret::new(text.trim())).map_err(wrong))
}

/// Reads a key as it is written.
pub(crate) fn parse(text: &Secret) -> Result<ServerKey, String> {
    let wrong =
        || format!("expected {} hexadecimal digits, as `openssl rand -hex {BYTES}` prints", BYTES * 2);
    decode(text.expose()).map(ServerKey::from_bytes).ok_or_else(wrong)
}

fn decode(text: &str) -> Option<[u8; BYTES]> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high * 16 + low).collect();
    if rest.is_empty() { bytes.try_into().ok() } else { None }
}
