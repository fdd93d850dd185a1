//! Every target on the kept corpus and on mutations of it: what `cargo xtask fuzz` begins with, without libFuzzer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use grantor_fuzz::{TARGETS, run};

/// Of each input; enough to reach what one byte decides, in a second or two for all targets.
const MUTATIONS: u64 = 40;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn names(folder: &Path, extension: Option<&str>) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let paths = entries.map(|entry| entry.unwrap().path());
    let fits = |path: &PathBuf| path.extension().and_then(|e| e.to_str()) == extension;
    paths.filter(fits).map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let mut inputs: Vec<_> = fs::read_dir(folder().join("corpus").join(target))
        .expect("each target has a corpus")
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "{target} has no corpus");
    inputs
}

/// A generator of its own (xorshift64*): the same mutations in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).unwrap() % sides.max(1)
    }
}

/// One small change: what a fuzzer's first rounds do.
fn mutated(input: &[u8], others: &[(PathBuf, Vec<u8>)], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = input.to_vec();
    let at = dice.roll(bytes.len() + 1);
    match dice.roll(5) {
        0 => bytes.insert(at, u8::try_from(dice.roll(256)).unwrap()),
        1 => drop(bytes.drain(at..(at + 1 + dice.roll(8)).min(input.len()).max(at))),
        2 if at < bytes.len() => bytes[at] ^= 1 << dice.roll(8),
        3 => {
            let other = &others[dice.roll(others.len())].1;
            bytes.truncate(at);
            bytes.extend_from_slice(&other[dice.roll(other.len() + 1)..]);
        }
        _ => {
            let piece = bytes[at..(at + dice.roll(16)).min(input.len()).max(at)].to_vec();
            bytes.splice(at..at, piece);
        }
    }
    bytes
}

#[test]
fn every_target_holds_on_the_corpus_and_near_it() {
    let mut failures = Vec::new();
    for (target, _) in TARGETS {
        let inputs = corpus(target);
        for (path, input) in &inputs {
            let seed = input.iter().fold(14_695_981_039_346_656_037, |h: u64, b| {
                (h ^ u64::from(*b)).wrapping_mul(1_099_511_628_211)
            });
            let mut dice = Dice(seed | 1);
            let near = (0..MUTATIONS).map(|_| mutated(input, &inputs, &mut dice)).collect::<Vec<_>>();
            for bytes in std::iter::once(input).chain(&near) {
                if catch_unwind(|| run(target, bytes)).is_err() {
                    failures.push(format!(
                        "{target} {} {:?}",
                        path.display(),
                        String::from_utf8_lossy(bytes)
                    ));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn each_target_has_a_corpus_and_a_program_and_there_are_no_others() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&folder().join("corpus"), None), targets);
    assert_eq!(names(&folder().join("fuzz_targets"), Some("rs")), targets);
    for target in &targets {
        let program = fs::read_to_string(folder().join(format!("fuzz_targets/{target}.rs"))).unwrap();
        assert!(program.contains(&format!("grantor_fuzz::run(\"{target}\"")), "{target}");
    }
}
