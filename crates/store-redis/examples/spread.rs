//! Where grants lie: draws ids as the core prints them, and counts them by shard with the store's own functions, as one line of
//! JSON: `cargo run --release -p grantor-store-redis --example spread -- DRAWN SEED`.
#![allow(clippy::print_stdout, reason = "it is what this program is for")]

// The store's own file, which nobody outside needs to see otherwise.
#[allow(dead_code, unreachable_pub, reason = "this program needs a part of it")]
#[path = "../src/shard.rs"]
mod shard;

use grantor_core::GrantId;
use shard::Shard;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [drawn, seed] = arguments.as_slice() else { return Err("how many, and a seed".into()) };
    let (drawn, mut state): (u64, u64) = (drawn.parse()?, seed.parse()?);
    let mut counts: Vec<u64> = vec![0; Shard::all().count()];
    for _ in 0..drawn {
        let mut bytes = [0; 16];
        for half in bytes.chunks_exact_mut(8) {
            half.copy_from_slice(&next(&mut state).to_le_bytes());
        }
        let shard = Shard::of(&GrantId::from_bytes(bytes).to_string());
        if let Some(count) = counts.get_mut(shard.index()) {
            *count += 1;
        }
    }
    let slots: Vec<u16> = Shard::all().map(Shard::hash_slot).collect();
    println!("{{\"counts\":{counts:?},\"hash_slots\":{slots:?}}}");
    Ok(())
}

/// SplitMix64: a seed gives the same grants everywhere.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
