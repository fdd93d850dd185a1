//! What a signature costs through `grantor-jose`, and by the bare library: `cargo bench -p grantor-bench --bench signing`.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench has nobody to tell")]

use std::hint::black_box;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use aws_lc_rs::{digest, hmac};
use criterion::{Criterion, criterion_group, criterion_main};
use grantor_core::{ServerKey, Time};
use grantor_jose::{Algorithm, Epoch, KeyRing, KeySet, Sealer, SharedKey};

/// As large as an access token of RFC 9068 mostly is.
const CLAIMS: &str = r#"{"iss":"https://auth.example.com","sub":"alice","aud":"https://api.example.com","client_id":"app",
    "iat":1700000000,"exp":1700003600,"jti":"q3V0c2lkZXJzIGFyZSBoZXJl","scope":"read write"}"#;

fn through_jose(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sign");
    let key = ServerKey::from_bytes([7; 32]);
    let (sealer, now) = (Sealer::new(&key).unwrap(), Time::from_unix_millis(1_700_000_000_000));
    for algorithm in Algorithm::ALL {
        let ring = KeyRing::open(&KeySet::generate(*algorithm, &sealer, now).unwrap(), &sealer).unwrap();
        group.bench_function(format!("{algorithm}, jose"), |bencher| {
            bencher.iter(|| black_box(ring.sign_json("at+jwt", CLAIMS.as_bytes(), now).unwrap()));
        });
    }
    let shared = SharedKey::of(&key, "standard", &Epoch::default());
    group.bench_function("HS256, jose", |bencher| {
        bencher.iter(|| black_box(shared.sign_json("at+jwt", CLAIMS.as_bytes())));
    });
    group.finish();
}

/// Over the bytes that a JWS is made over, without any of its text.
fn bare(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sign");
    let (random, message) = (SystemRandom::new(), CLAIMS.as_bytes());
    let ecdsa = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    group.bench_function("ES256, bare", |bencher| {
        bencher.iter(|| black_box(ecdsa.sign(&random, message).unwrap()));
    });
    let ed25519 = Ed25519KeyPair::generate().unwrap();
    group.bench_function("EdDSA, bare", |bencher| bencher.iter(|| black_box(ed25519.sign(message))));
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    group.bench_function("RS256, bare", |bencher| {
        let mut signature = vec![0; rsa.public_modulus_len()];
        bencher.iter(|| rsa.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap());
    });
    let shared = hmac::Key::new(hmac::HMAC_SHA256, &[7; digest::SHA256_OUTPUT_LEN]);
    group.bench_function("HS256, bare", |bencher| bencher.iter(|| black_box(hmac::sign(&shared, message))));
    group.finish();
}

criterion_group!(benches, through_jose, bare);
criterion_main!(benches);
