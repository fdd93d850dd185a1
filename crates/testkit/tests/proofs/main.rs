//! Our own policies, proven: the standard profile in every mode, every preset, and profiles of all kinds.

use grantor_core::client::AccessTokenFormat;
use grantor_core::{Lifetime, Profile, RefreshMode};
use grantor_testkit::proof::Policy;

fn standard(change: impl FnOnce(&mut Profile)) -> Policy {
    let mut profile = Profile::standard("https://auth.test".parse().unwrap());
    change(&mut profile);
    Policy::of(profile)
}

fn preset(name: &str) -> Policy {
    let text = Profile::preset(name).unwrap();
    Policy::of(Profile::from_toml(text, &[], name, "https://auth.test".parse().unwrap()).unwrap())
}

macro_rules! proofs {
    ($($name:ident = $policy:expr;)*) => {$(
        mod $name {
            use super::*;
            fn policy() -> Policy {
                $policy
            }
            grantor_testkit::prove!(policy);
        }
    )*};
}

proofs! {
    rotating = standard(|p| p.refresh = RefreshMode::Rotate { grace: Lifetime::seconds(10) });
    strict = standard(|p| p.refresh = RefreshMode::Rotate { grace: Lifetime::ZERO });
    reusing = standard(|p| p.refresh = RefreshMode::Reuse);
    replacing = standard(|p| p.refresh = RefreshMode::ReplaceAll);
    jwts = standard(|p| p.access_token.format = AccessTokenFormat::Jwt);
    wistia = preset("wistia");
    api_video = preset("api-video");
    webmaker = preset("webmaker");
    brightcove = preset("brightcove");
    flex = preset("flex");
}
