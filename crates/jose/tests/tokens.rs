//! What a ring takes for its own, and what it must never take. Each refused token has one fault, the one its test is
//! about, so the test fails if that check is deleted.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test fails as the test does"
)]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use grantor_core::{ServerKey, Time};
use grantor_jose::{Algorithm, Jwk, KeyRing, KeySet, PublicKey, Sealer, VerifyError};
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use proptest::prelude::*;
use serde_json::{Value, json};

const TYP: &str = "at+jwt";

fn now() -> Time {
    Time::from_unix_millis(1_700_000_000_000)
}

fn new_ring(alg: Algorithm) -> KeyRing {
    let sealer = Sealer::new(&ServerKey::from_bytes([7; 32])).unwrap();
    KeyRing::open(&KeySet::generate(alg, &sealer, now()).unwrap(), &sealer).unwrap()
}

static RINGS: LazyLock<Vec<KeyRing>> =
    LazyLock::new(|| Algorithm::ALL.iter().map(|alg| new_ring(*alg)).collect());

fn jwk(ring: &KeyRing) -> Jwk {
    ring.jwks(now()).keys.remove(0)
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn unb64(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

fn parts(token: &str) -> [&str; 3] {
    token.split('.').collect::<Vec<_>>().try_into().unwrap()
}

/// Signs any header and payload rightly. A ring cannot be made to, so this is another implementation with the private
/// half of the golden set's first key, whose scalar lies in a file beside it.
struct Forge {
    ring: KeyRing,
    kid: String,
    key: p256::ecdsa::SigningKey,
}

static FORGE: LazyLock<Forge> = LazyLock::new(|| {
    let record = include_bytes!("golden/key-set.v1.json");
    let set: KeySet = serde_json::from_slice(record).unwrap();
    let sealer = Sealer::new(&ServerKey::from_bytes([7; 32])).unwrap();
    let ring = KeyRing::open(&set, &sealer).unwrap();
    let kid = jwk(&ring).kid;
    let scalar: [u8; 32] = unb64(include_str!("golden/es256.scalar").trim()).try_into().unwrap();
    Forge { ring, kid, key: p256::ecdsa::SigningKey::from_slice(&scalar).unwrap() }
});

impl Forge {
    fn sign(&self, header: &str, payload: &str) -> String {
        let input = format!("{}.{}", b64(header), b64(payload));
        let signature: p256::ecdsa::Signature = self.key.sign(input.as_bytes());
        format!("{input}.{}", b64(signature.to_bytes()))
    }

    fn header(&self) -> Value {
        json!({"alg": "ES256", "typ": TYP, "kid": self.kid})
    }

    /// The verdict on a token with the right header but for these members, rightly signed. `null` takes one away.
    fn verdict_on(&self, changes: &Value) -> Result<Vec<u8>, VerifyError> {
        let mut header = self.header();
        for (name, value) in changes.as_object().unwrap() {
            let members = header.as_object_mut().unwrap();
            if value.is_null() {
                members.remove(name);
            } else {
                members.insert(name.clone(), value.clone());
            }
        }
        self.verify(&self.sign(&header.to_string(), "{}"))
    }

    fn verify(&self, token: &str) -> Result<Vec<u8>, VerifyError> {
        self.ring.verify(token, TYP, now())
    }
}

#[test]
fn each_algorithm_verifies_what_it_signs_and_nothing_another_key_signed() {
    let stranger = new_ring(Algorithm::Es256);
    for (ring, alg) in RINGS.iter().zip(Algorithm::ALL) {
        let token = ring.sign(TYP, &json!({"sub": "a"}), now()).unwrap();
        assert_eq!(ring.verify(&token, TYP, now()).unwrap(), br#"{"sub":"a"}"#);
        let header: Value = serde_json::from_slice(&unb64(parts(&token)[0])).unwrap();
        assert_eq!(header, json!({"alg": alg, "typ": TYP, "kid": jwk(ring).kid}));
        assert_eq!(stranger.verify(&token, TYP, now()), Err(VerifyError::UnknownKey));
    }
}

#[test]
fn another_implementation_agrees_on_es256() {
    let ring = &RINGS[0];
    let token = ring.sign(TYP, &json!({"sub": "a"}), now()).unwrap();
    let (input, signature) = token.rsplit_once('.').unwrap();
    let PublicKey::Ec { x, y, .. } = jwk(ring).key else { panic!("an EC key") };
    let point = [vec![4], unb64(&x), unb64(&y)].concat();
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).unwrap();
    key.verify(input.as_bytes(), &p256::ecdsa::Signature::from_slice(&unb64(signature)).unwrap()).unwrap();
    // And the other way round: what the forge signs rightly is taken, so its other tokens fail for their one fault.
    assert_eq!(FORGE.verdict_on(&json!({})).unwrap(), b"{}");
}

#[test]
fn m01_no_algorithm_but_the_keys_own() {
    for alg in ["none", "None", "nOnE", "HS256", "RS256", "EdDSA", "ES384", "es256", "ES256 ", ""] {
        assert_eq!(FORGE.verdict_on(&json!({"alg": alg})), Err(VerifyError::WrongAlgorithm), "{alg}");
        let unsigned =
            format!("{}.{}.", b64(json!({"alg": alg, "typ": TYP, "kid": FORGE.kid}).to_string()), b64("{}"));
        assert_eq!(FORGE.verify(&unsigned), Err(VerifyError::WrongAlgorithm), "{alg}");
    }
    for alg in [json!(1), json!(["ES256"]), json!({"ES256": 1}), json!(true), Value::Null] {
        assert_eq!(FORGE.verdict_on(&json!({"alg": alg})), Err(VerifyError::WrongAlgorithm), "{alg}");
    }
    // The right algorithm with no signature, or one of another length.
    for signature in ["".to_owned(), b64([0; 64]), b64([0xff; 64]), b64([1; 63]), b64([1; 65]), b64([1; 256])]
    {
        let token = format!("{}.{}.{signature}", b64(FORGE.header().to_string()), b64("{}"));
        assert_eq!(FORGE.verify(&token), Err(VerifyError::BadSignature));
    }
}

#[test]
fn m02_a_public_key_is_no_hmac_secret() {
    use aws_lc_rs::hmac;
    for ring in RINGS.iter() {
        let jwk = jwk(ring);
        let text = serde_json::to_string(&jwk).unwrap();
        let raw = match &jwk.key {
            PublicKey::Ec { x, y, .. } => [vec![4], unb64(x), unb64(y)].concat(),
            PublicKey::Rsa { n, .. } => unb64(n),
            PublicKey::Okp { x, .. } => unb64(x),
        };
        let pem =
            format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&raw));
        for alg in ["HS256", jwk.alg.as_str()] {
            let header = json!({"alg": alg, "typ": TYP, "kid": jwk.kid}).to_string();
            let input = format!("{}.{}", b64(header), b64("{}"));
            for secret in [text.as_bytes(), &raw, pem.as_bytes()] {
                let token = format!(
                    "{input}.{}",
                    b64(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input.as_bytes()))
                );
                let verdict = ring.verify(&token, TYP, now()).unwrap_err();
                let wanted =
                    if alg == "HS256" { VerifyError::WrongAlgorithm } else { VerifyError::BadSignature };
                assert_eq!(verdict, wanted);
            }
        }
    }
}

#[test]
fn m03_a_kid_names_a_key_of_ours_or_nothing() {
    let long = FORGE.kid.clone() + &"A".repeat(10 * 1024 - 43);
    for kid in [
        json!("../../dev/null"),
        json!("x' OR '1'='1"),
        json!("https://attacker.example/jwks.json"),
        json!(""),
        json!(long),
        json!(FORGE.kid.to_lowercase()),
        json!(format!("{} ", FORGE.kid)),
        json!(format!("{}\0", FORGE.kid)),
        json!(0),
        json!([FORGE.kid]),
        Value::Null,
    ] {
        assert_eq!(FORGE.verdict_on(&json!({"kid": kid})), Err(VerifyError::UnknownKey), "{kid:.40}");
    }
    let null = format!(r#"{{"alg":"ES256","typ":"{TYP}","kid":null}}"#);
    assert_eq!(FORGE.verify(&FORGE.sign(&null, "{}")), Err(VerifyError::UnknownKey));
}

#[test]
fn m04_m05_no_key_comes_out_of_a_token() {
    // A token that brings its own key, rightly signed with that key.
    let own = p256::ecdsa::SigningKey::from_slice(&[9; 32]).unwrap();
    let point = own.verifying_key().to_sec1_point(false);
    let jwk =
        json!({"kty": "EC", "crv": "P-256", "x": b64(point.x().unwrap()), "y": b64(point.y().unwrap())});
    let url = "http://127.0.0.1:1/canary";
    for extra in [
        json!({"jwk": jwk}),
        json!({"x5c": [STANDARD.encode("x")]}),
        json!({"jku": url}),
        json!({"x5u": url}),
    ] {
        let mut header = FORGE.header();
        header.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let input = format!("{}.{}", b64(header.to_string()), b64("{}"));
        let signature: p256::ecdsa::Signature = own.sign(input.as_bytes());
        let token = format!("{input}.{}", b64(signature.to_bytes()));
        assert_eq!(FORGE.verify(&token), Err(VerifyError::BadSignature));
        // Beside a signature that is ours they change nothing.
        assert!(FORGE.verdict_on(&extra).is_ok());
    }
}

#[test]
fn m08_a_token_of_one_type_is_none_of_another() {
    for typ in
        [json!("JWT"), json!("logout+jwt"), json!("at"), json!(""), json!("x/at+jwt"), json!(7), Value::Null]
    {
        assert_eq!(FORGE.verdict_on(&json!({"typ": typ})), Err(VerifyError::WrongType), "{typ}");
    }
    for typ in ["AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
        assert!(FORGE.verdict_on(&json!({"typ": typ})).is_ok(), "{typ}");
        let token = FORGE.ring.sign(TYP, &json!({}), now()).unwrap();
        assert!(FORGE.ring.verify(&token, typ, now()).is_ok(), "{typ}");
    }
    assert_eq!(FORGE.verdict_on(&json!({"typ": "application/x/at+jwt"})), Err(VerifyError::WrongType));
    // What has a slash of its own is a whole media type already, so it has no shorter name.
    let token = FORGE.ring.sign("x/y", &json!({}), now()).unwrap();
    assert_eq!(FORGE.ring.verify(&token, "application/x/y", now()), Err(VerifyError::WrongType));
}

#[test]
fn a_critical_extension_is_refused_whatever_it_is() {
    for crit in [json!(["b64"]), json!([]), json!("exp"), json!(false)] {
        assert_eq!(FORGE.verdict_on(&json!({"crit": crit})), Err(VerifyError::CriticalExtension), "{crit}");
    }
    let null = format!(r#"{{"alg":"ES256","typ":"{TYP}","kid":"{}","crit":null}}"#, FORGE.kid);
    assert_eq!(FORGE.verify(&FORGE.sign(&null, "{}")), Err(VerifyError::CriticalExtension));
}

#[test]
fn m11_every_object_has_one_reading() {
    let twice = VerifyError::DuplicateMember;
    for header in [
        format!(r#"{{"alg":"ES256","typ":"{TYP}","kid":"{0}","kid":"{0}"}}"#, FORGE.kid),
        format!(r#"{{"alg":"none","typ":"{TYP}","kid":"{}","\u0061lg":"ES256"}}"#, FORGE.kid),
        format!(r#"{{"alg":"ES256","typ":"{TYP}","kid":"{}","x":{{"a":1,"a":2}}}}"#, FORGE.kid),
    ] {
        assert_eq!(FORGE.verify(&FORGE.sign(&header, "{}")), Err(twice), "{header}");
    }
    let verdict = |payload: &str| FORGE.verify(&FORGE.sign(&FORGE.header().to_string(), payload));
    for payload in
        [r#"{"sub":"a","sub":"b"}"#, r#"{"sub":"a","s\u0075b":"a"}"#, r#"{"cnf":{"jkt":"a","jkt":"b"}}"#]
    {
        assert_eq!(verdict(payload), Err(twice), "{payload}");
    }
    for payload in ["", "x", "[]", "1", "null", "\"{}\"", "{}{}", r#"{"exp":1e400}"#, r#"{"exp":NaN}"#] {
        assert_eq!(verdict(payload), Err(VerifyError::Malformed), "{payload}");
    }
    // What is only a wrong type for a claim is the core's to judge; here it is passed on as it is.
    let odd = r#" {"exp":"1","nbf":-1,"iat":1.5,"sub":7} "#;
    assert_eq!(verdict(odd).unwrap(), odd.as_bytes());
}

#[test]
fn the_compact_form_has_one_spelling() {
    let token = FORGE.ring.sign(TYP, &json!({}), now()).unwrap();
    let [header, payload, signature] = parts(&token);
    let standard = |part: &str| STANDARD.encode(unb64(part));
    for bad in [
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        format!("{header}.{payload}"),
        format!("{token}."),
        format!("{token}.x"),
        format!("{header}.{payload}.{payload}.{signature}"),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{token}=="),
        format!("{header}\n.{payload}.{signature}"),
        format!("{}.{payload}.{signature}", b64("[]")),
        format!("{}.{payload}.{signature}", b64("not json")),
        // 64 bytes leave two bits over in the last character; set, they would be a second spelling.
        format!("{header}.{payload}.{}{}", signature.get(..85).unwrap(), next_char(signature)),
    ] {
        assert_eq!(FORGE.verify(&bad), Err(VerifyError::Malformed), "{bad:.60}");
    }
    // The other alphabet, on a signature that has a character it spells differently.
    let odd = (0..).map(|_| FORGE.ring.sign(TYP, &json!({}), now()).unwrap());
    let odd = odd.into_iter().find(|t| parts(t)[2].contains(['-', '_'])).unwrap();
    let [h, p, s] = parts(&odd);
    let other = format!("{h}.{p}.{}", standard(s).trim_end_matches('='));
    assert_eq!(FORGE.verify(&other), Err(VerifyError::Malformed));
}

fn next_char(signature: &str) -> char {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = ALPHABET.find(signature.chars().last().unwrap()).unwrap();
    assert_eq!(at % 16, 0, "the last character holds two bits");
    ALPHABET.chars().nth(at + 1).unwrap()
}

#[test]
fn a_token_has_a_size() {
    let of_size = |n: usize| {
        let payload = json!({"x": "a".repeat(n)}).to_string();
        FORGE.verify(&FORGE.sign(&FORGE.header().to_string(), &payload))
    };
    assert!(of_size(11 * 1024).is_ok());
    assert_eq!(of_size(13 * 1024), Err(VerifyError::TooLong));
}

#[test]
fn an_error_says_nothing_of_the_token() {
    let token = FORGE.sign(&json!({"alg": "CANARY", "typ": TYP, "kid": FORGE.kid}).to_string(), "{}");
    let error = FORGE.verify(&token).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("CANARY"));
}

proptest! {
    /// A change of any one character, or of several bytes behind the encoding, is not one of ours any more.
    #[test]
    fn no_mutation_of_a_token_verifies(
        which in 0..3usize,
        at in any::<prop::sample::Index>(),
        to in "[A-Za-z0-9_.=+/ -]",
        cut in any::<bool>(),
    ) {
        let ring = &RINGS[which];
        let token = ring.sign(TYP, &json!({"sub": "alice", "scope": "read"}), now()).unwrap();
        let at = at.index(token.len());
        let (before, after) = token.split_at(at);
        let mutant = if cut { before.to_owned() } else { format!("{before}{to}{}", after.split_at(1).1) };
        prop_assume!(mutant != token);
        prop_assert!(ring.verify(&mutant, TYP, now()).is_err());
    }

    #[test]
    fn flipped_bits_behind_the_encoding_do_not_verify(
        which in 0..3usize,
        part in 0..3usize,
        at in any::<prop::sample::Index>(),
        bit in 0..8u8,
    ) {
        let ring = &RINGS[which];
        let token = ring.sign(TYP, &json!({"sub": "alice"}), now()).unwrap();
        let mut changed: Vec<String> = parts(&token).map(str::to_owned).to_vec();
        let mut bytes = unb64(&changed[part]);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        changed[part] = b64(bytes);
        prop_assert!(ring.verify(&changed.join("."), TYP, now()).is_err());
    }

    #[test]
    fn any_text_is_refused_without_a_panic(text in "\\PC{0,80}", dots in "[A-Za-z0-9_-]{0,9}\\.[A-Za-z0-9_-]{0,9}\\.[A-Za-z0-9_-]{0,9}") {
        prop_assert!(RINGS[0].verify(&text, TYP, now()).is_err());
        prop_assert!(RINGS[0].verify(&dots, TYP, now()).is_err());
    }
}
