//! The profiles that come with grantor. Each is a file that a user could have written.

/// Their names and texts.
pub const PRESETS: &[(&str, &str)] = &[
    ("standard", include_str!("presets/standard.toml")),
    ("wistia", include_str!("presets/wistia.toml")),
    ("api-video", include_str!("presets/api-video.toml")),
    ("webmaker", include_str!("presets/webmaker.toml")),
    ("brightcove", include_str!("presets/brightcove.toml")),
    ("flex", include_str!("presets/flex.toml")),
];

#[cfg(test)]
mod tests {
    use super::PRESETS;
    use crate::Profile;

    fn read(name: &str, text: &str) -> Profile {
        let issuer = "https://auth.test".parse().unwrap();
        Profile::from_toml(text, &[], name, issuer).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    #[test]
    fn every_preset_is_a_profile_and_prints_as_one() {
        for (name, text) in PRESETS {
            let profile = read(name, text);
            let again = read(name, &profile.to_toml());
            assert_eq!(again.to_toml(), profile.to_toml(), "{name}");
        }
    }

    #[test]
    fn the_standard_preset_says_nothing_that_the_standard_profile_does_not() {
        let standard = Profile::standard("https://auth.test".parse().unwrap());
        assert_eq!(read("standard", PRESETS[0].1).to_toml(), standard.to_toml());
        assert!(standard.dangers().is_empty());
    }
}
