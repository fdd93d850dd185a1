//! Profiles: the presets, for the other targets, and profile files.

use std::sync::OnceLock;

use grantor_core::profile::PRESETS;
use grantor_core::wire::metadata;
use grantor_core::{Issuer, Profile};

pub(crate) const ISSUER: &str = "https://auth.test";

/// Every preset as a profile, the standard one first.
pub(crate) fn presets() -> &'static [Profile] {
    static ALL: OnceLock<Vec<Profile>> = OnceLock::new();
    ALL.get_or_init(|| {
        let standard = [Profile::standard(issuer())];
        let presets =
            PRESETS.iter().map(|(name, text)| Profile::from_toml(text, &[], name, issuer()).unwrap());
        standard.into_iter().chain(presets).collect()
    })
}

/// One of them, by a byte.
pub(crate) fn preset(choice: u8) -> &'static Profile {
    let all = presets();
    &all[usize::from(choice) % all.len()]
}

fn issuer() -> Issuer {
    ISSUER.parse().unwrap()
}

/// A file is refused, or is a profile that prints as a file that says the same, and publishes what it has.
pub(crate) fn profile(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(profile) = Profile::from_toml(text, &[], "fuzzed", issuer()) else { return };
    let printed = profile.to_toml();
    let again = Profile::from_toml(&printed, &[], "fuzzed", issuer()).expect("what is printed is read");
    assert_eq!(again.to_toml(), printed, "printing settles");
    assert_eq!(again.dangers(), profile.dangers(), "no danger is lost in printing");
    let told = serde_json::to_value(metadata(&profile)).unwrap();
    for (name, value) in told.as_object().unwrap() {
        if name.ends_with("_endpoint") || name == "jwks_uri" {
            let url = url::Url::parse(value.as_str().unwrap()).expect("an endpoint is a URL");
            assert!(url.query().is_none() && url.fragment().is_none(), "{name}: {url}");
            assert_eq!(url.host_str(), Some("auth.test"), "{name}: {url}");
        }
    }
    assert_eq!(profile.formats.problem(), None, "no format is too short to be secret");
}
