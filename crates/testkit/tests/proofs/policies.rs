//! The policies that are proven with every run of the tests, and against which flaws are planted.

use grantor_core::client::AccessTokenFormat;
use grantor_core::{Lifetime, Profile, RefreshMode, ScopeCatalogue, ScopeMeaning};
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

pub(crate) fn rotating() -> Policy {
    standard(|p| p.refresh = RefreshMode::Rotate { grace: Lifetime::seconds(10) })
}

/// A replay is a replay at once, and everything ends soon: the grant with the first of its refresh tokens.
pub(crate) fn strict() -> Policy {
    standard(|p| {
        p.refresh = RefreshMode::Rotate { grace: Lifetime::ZERO };
        p.lifetimes.access_token = Lifetime::seconds(60);
        p.lifetimes.refresh_token = Some(Lifetime::seconds(100));
        p.lifetimes.grant = Some(Lifetime::seconds(100));
    })
}

pub(crate) fn reusing() -> Policy {
    standard(|p| p.refresh = RefreshMode::Reuse)
}

pub(crate) fn replacing() -> Policy {
    standard(|p| p.refresh = RefreshMode::ReplaceAll)
}

pub(crate) fn jwts() -> Policy {
    standard(|p| p.access_token.format = AccessTokenFormat::Jwt)
}

/// A person is asked for what is new alone, and may leave some of it out.
pub(crate) fn choosing() -> Policy {
    let word = |implies: &[&str], optional| ScopeMeaning {
        description: Default::default(),
        implies: implies.iter().map(|word| (*word).to_owned()).collect(),
        optional,
    };
    let words = [
        ("edit", word(&["read"], false)),
        ("mail", word(&[], true)),
        ("read", word(&[], false)),
        ("stats", word(&["read"], true)),
    ];
    standard(|p| {
        p.scopes = ScopeCatalogue::new(words.map(|(name, word)| (name.to_owned(), word)).into()).unwrap();
    })
}

pub(crate) fn wistia() -> Policy {
    preset("wistia")
}

pub(crate) fn api_video() -> Policy {
    preset("api-video")
}

pub(crate) fn webmaker() -> Policy {
    preset("webmaker")
}

pub(crate) fn brightcove() -> Policy {
    preset("brightcove")
}

pub(crate) fn flex() -> Policy {
    preset("flex")
}
