//! What a record costs in memory as the store grows: `cargo run --release -p grantor-store --example million -- [RECORDS]`.
#![allow(clippy::print_stdout, reason = "it is what this program is for")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use grantor_core::Time;
use grantor_core::record::{Expect, Kind, Put, RecordKey, Version};
use grantor_store::{MemoryStore, PutOutcome, Store, StoreError};

/// As a reference token of a client lies: the key, and about as large a body.
fn token(number: u64, ends_after: u64) -> Put {
    let mut parts = [0; 4];
    let mut state = number;
    for part in &mut parts {
        state =
            (state ^ (state >> 29)).wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        *part = state ^ (state >> 32);
    }
    let [a, b, c, d] = parts;
    let slot: String = format!("{a:016x}{b:016x}").chars().take(22).collect();
    let rest: String = format!("{c:016x}{d:016x}{b:016x}").chars().take(43).collect();
    let mut version = [0; 16];
    version.iter_mut().zip(d.to_le_bytes().iter().cycle()).for_each(|(to, from)| *to = *from);
    let body = format!(
        r#"{{"v":1,"basis":{{"client":{{"client_id":"web"}}}},"scope":"read write","issued_at":{},"expires_at":{}}}"#,
        1_800_000_000_000 + number,
        1_800_003_600_000 + number
    );
    let ends = i64::try_from(number + ends_after).unwrap_or(i64::MAX);
    Put {
        key: RecordKey::new(Kind::AccessToken, &slot, Some(&rest)),
        expect: Expect::Absent,
        version: Version::from_bytes(version),
        body: body.into_bytes(),
        keep_until: Some(Time::from_unix_millis(ends)),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StoreError> {
    let records = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000_000_u64);
    let store = MemoryStore::new();
    let (before, mut longest, mut from) = (memory(), Duration::ZERO, 0);
    for to in [1_000, 10_000, 100_000, 1_000_000, 10_000_000].into_iter().filter(|to| *to <= records) {
        // Made in small lots outside of what is measured.
        let mut taken = Duration::ZERO;
        while from < to {
            let lot: Vec<_> = (from..to.min(from + 1_000)).map(|number| token(number, 0)).collect();
            from += u64::try_from(lot.len()).unwrap_or(0);
            let begun = Instant::now();
            for put in lot {
                let begun = Instant::now();
                let outcome = store.put(put).await;
                longest = longest.max(begun.elapsed());
                assert!(matches!(outcome, PutOutcome::Applied), "{outcome:?}");
            }
            taken += begun.elapsed();
        }
        let keys: Vec<_> = (0..1_000).map(|number| token(number * 7_919 % to, 0).key).collect();
        let begun = Instant::now();
        for key in &keys {
            black_box(store.get(key).await?);
        }
        let bytes = memory().saturating_sub(before) / to;
        println!(
            "{to} records: {bytes} bytes each; the last puts {:?} each, the longest of all {longest:?}; gets {:?} each",
            taken / u32::try_from(to * 9 / 10).unwrap_or(u32::MAX),
            begun.elapsed() / 1_000,
        );
    }
    for limit in [500, 500, 10_000] {
        let begun = Instant::now();
        let removed = store.purge(Time::from_unix_millis(5_000), limit).await?;
        println!("a purge that removed {removed} took {:?}", begun.elapsed());
    }
    let begun = Instant::now();
    let page = store.list(&grantor_core::record::Under::Kind(Kind::AccessToken), None, 100).await?;
    println!("a page of {} keys took {:?}", page.keys.len(), begun.elapsed());
    Ok(())
}

/// Bytes of memory that this process takes.
fn memory() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).map_or(0, |pages| pages * 4096)
}
