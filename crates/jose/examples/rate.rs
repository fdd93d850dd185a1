//! How fast one thread signs and verifies: `cargo run --release -p grantor-jose --example rate`.
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use grantor_core::{ServerKey, Time};
use grantor_jose::{Algorithm, KeyRing, KeySet, Sealer};

fn main() -> Result<(), Box<dyn Error>> {
    let sealer = Sealer::new(&ServerKey::from_bytes([7; 32]))?;
    let now = Time::from_unix_millis(1_700_000_000_000);
    let claims = serde_json::json!({
        "iss": "https://auth.example.com", "sub": "alice", "aud": "https://api.example.com", "client_id": "app",
        "iat": 1_700_000_000, "exp": 1_700_003_600, "jti": "q3V0c2lkZXJzIGFyZSBoZXJl", "scope": "read write",
    });
    for alg in Algorithm::ALL {
        let ring = KeyRing::open(&KeySet::generate(*alg, &sealer, now)?, &sealer)?;
        let token = ring.sign("at+jwt", &claims, now)?;
        let signed = rate(|| ring.sign("at+jwt", &claims, now).map(|token| drop(black_box(token))))?;
        let verified = rate(|| ring.verify(&token, "at+jwt", now).map(|payload| drop(black_box(payload))))?;
        println!("{alg}: {signed:.0} signed/s, {verified:.0} verified/s");
    }
    Ok(())
}

fn rate<E>(mut work: impl FnMut() -> Result<(), E>) -> Result<f64, E> {
    let begun = Instant::now();
    let mut done = 0_u32;
    while begun.elapsed() < Duration::from_secs(2) {
        for _ in 0..20 {
            work()?;
        }
        done += 20;
    }
    Ok(f64::from(done) / begun.elapsed().as_secs_f64())
}
