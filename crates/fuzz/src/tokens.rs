//! Codes and tokens of every shape, and JWTs.

use std::sync::OnceLock;

use grantor_core::credential::{AccessToken, AnyToken, AuthorizationCode, InteractionHandle, RefreshToken};
use grantor_core::{Lifetime, ServerKey, Shape, Time};
use grantor_jose::{Algorithm, Epoch, KeyRing, KeySet, Sealer, SharedKey, strict_json};
use serde_json::Value;

use crate::lines;
use crate::profiles::presets;

/// A shape and a text: no text is two things that one profile could take it for, and each has one spelling.
pub(crate) fn credentials(data: &[u8]) {
    let [shape, text] = lines::<2>(data);
    let (Ok(shape), Ok(text)) = (std::str::from_utf8(shape), std::str::from_utf8(text)) else { return };
    if let Ok(shape) = shape.parse::<Shape>() {
        let printed = shape.to_string();
        assert_eq!(printed.parse::<Shape>().unwrap(), shape, "a shape reads back");
        let parsed = AccessToken::parse(&shape, text);
        assert!(parsed.is_none() || text.starts_with(shape.prefix()));
        let _ = RefreshToken::parse(&shape, text);
    }
    for profile in presets() {
        let formats = &profile.formats;
        let code = AuthorizationCode::parse(&formats.authorization_code, text);
        let any = AnyToken::parse(formats, text);
        if profile.name == "standard" {
            let handle = InteractionHandle::parse(&InteractionHandle::SHAPE, text).is_some();
            let kinds =
                [code.is_some(), any.access.is_some(), any.refresh.is_some(), any.jwt.is_some(), handle];
            assert!(kinds.iter().filter(|is| **is).count() <= 1, "one text, two kinds");
        }
        if let (Some(code), Some(token)) = (&code, &any.access) {
            assert!(code.grant() == token.grant(), "of one text one grant is read");
        }
        assert_eq!(any.jwt.is_some(), text.split('.').count() == 3);
    }
}

struct Keys {
    ring: KeyRing,
    shared: SharedKey,
    good: [String; 2],
}

const TYP: &str = "at+jwt";

fn now() -> Time {
    Time::from_unix_millis(1_800_000_000_000)
}

fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let server = ServerKey::from_bytes([1; 32]);
        let sealer = Sealer::new(&server).unwrap();
        let set = KeySet::generate(Algorithm::Es256, &sealer, now()).unwrap();
        let set = set.rotate(Algorithm::EdDsa, &sealer, now(), Lifetime::seconds(1), Lifetime::seconds(99));
        let ring = KeyRing::open(&set.unwrap(), &sealer).unwrap();
        let shared = SharedKey::of(&server, "standard", &Epoch::begin().unwrap());
        let payload = br#"{"sub":"alice"}"#;
        let signed = ring.sign_json(TYP, payload, now()).unwrap();
        let good = [signed, shared.sign_json(TYP, payload)];
        Keys { ring, shared, good }
    })
}

/// A text as a JWT, and as changes of right ones: nothing verifies that was not signed here.
pub(crate) fn jose(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Keys { ring, shared, good } = keys();
    assert!(
        ring.verify(&text, TYP, now()).is_err() && shared.verify(&text, TYP).is_err(),
        "nobody signed it"
    );
    if let Ok(value) = strict_json::<Value>(data) {
        assert_eq!(serde_json::from_slice::<Value>(data).ok(), Some(value), "one text, two readings");
    }
    // The first byte says where, the second what stands there instead, in each of the two.
    if let [at, byte, ..] = data {
        for token in good {
            let mut changed = token.clone().into_bytes();
            let at = usize::from(*at) * changed.len() / 256;
            if changed[at] == *byte {
                continue;
            }
            changed[at] = *byte;
            let changed = String::from_utf8_lossy(&changed);
            let verified = ring.verify(&changed, TYP, now()).is_ok() || shared.verify(&changed, TYP).is_ok();
            assert!(!verified, "a change was not noticed");
        }
        let [signed, by_shared] = good;
        assert!(ring.verify(signed, TYP, now()).is_ok() && shared.verify(by_shared, TYP).is_ok());
    }
    // A header and a payload of the attacker's, under signatures that are right for others.
    let parts = |token: &str| token.rsplit_once('.').map(|(_, signature)| signature.to_owned());
    for token in good {
        let forged = format!("{text}.{}", parts(token).unwrap());
        assert!(ring.verify(&forged, TYP, now()).is_err() && shared.verify(&forged, TYP).is_err());
    }
}
