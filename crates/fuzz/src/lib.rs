//! **Invariant: whatever bytes reach grantor from outside, each of these holds of them.** A parser takes them calmly; what it
//! lets through prints and reads back as itself; what it refuses changes nothing.
//!
//! Each target is a function of bytes that panics where something does not hold. `fuzz/` feeds them by libFuzzer
//! (`cargo xtask fuzz`); the tests of this crate feed them the kept corpus and mutations of it, without it.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what a target finds, it tells by a panic"
)]

mod http;
mod import;
mod people;
mod profiles;
mod records;
mod requests;
mod tokens;
mod values;
mod wire;

/// What a target is: a name, and what must hold of any bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target, by the name that its folder in `fuzz/corpus` and its program in `fuzz/fuzz_targets` have.
pub const TARGETS: &[Target] = &[
    ("parameters", wire::parameters),
    ("authorization", wire::authorization),
    ("scope", values::scope),
    ("redirect", values::redirect),
    ("client", values::client),
    ("profile", profiles::profile),
    ("credentials", tokens::credentials),
    ("jose", tokens::jose),
    ("cookies", people::cookies),
    ("records", records::records),
    ("import", import::import),
    ("requests", requests::requests),
    ("http", http::http),
];

/// Runs the target of that name.
///
/// # Panics
/// If something does not hold, or there is no such target.
pub fn run(name: &str, data: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("there is no such target");
    target(data);
}

/// The parts of an input that has several: lines, so that a corpus can be read and written by hand.
fn lines<const N: usize>(data: &[u8]) -> [&[u8]; N] {
    let mut parts = data.splitn(N, |byte| *byte == b'\n');
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}
