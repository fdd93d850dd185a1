//! What the standard profile is, what a profile file may say, and what is published of it.

use grantor_core::client::{GrantType, ResponseType};
use grantor_core::profile::RedirectMatch;
use grantor_core::wire::metadata;
use grantor_core::{Lifetime, Profile, RefreshMode};

const ISSUER: &str = "https://auth.test";

fn standard() -> Profile {
    Profile::standard(ISSUER.parse().unwrap())
}

fn with(name: &str, key: &str, value: impl Into<toml::Value>) -> Result<Profile, String> {
    let overrides = [(key.to_owned(), value.into())];
    Profile::from_toml(Profile::preset(name).unwrap(), &overrides, name, ISSUER.parse().unwrap())
        .map_err(|e| e.to_string())
}

#[test]
fn the_standard_profile_keeps_to_what_the_rfcs_advise() {
    let profile = standard();
    assert_eq!(profile.response_types, [ResponseType::Code].into());
    assert!(!profile.grant_types.contains(&GrantType::Implicit));
    assert!(!profile.grant_types.contains(&GrantType::Password));
    assert!(profile.lifetimes.authorization_code <= Lifetime::seconds(600));
    assert!(profile.lifetimes.access_token <= Lifetime::seconds(3600));
    assert!(profile.lifetimes.refresh_token.is_some() && profile.lifetimes.grant.is_some());
    assert!(matches!(profile.refresh, RefreshMode::Rotate { grace } if grace <= Lifetime::seconds(60)));
    assert_eq!(profile.authorization.redirect_match, RedirectMatch::Exact);
    assert_eq!(profile.dangers(), []);
    // Sixteen bytes name the grant, four are a checksum, and four more count in a refresh token: 256 bits are left.
    let formats = &profile.formats;
    for (shape, beside) in
        [(&formats.authorization_code, 20), (&formats.access_token, 20), (&formats.refresh_token, 24)]
    {
        assert!(shape.bytes() >= beside + 32, "{shape} holds {} bytes", shape.bytes());
    }
    assert!(formats.client_secret.bytes() >= 32);
}

#[test]
fn an_endpoint_is_a_plain_path() {
    let token = |path: &str| {
        let mut endpoint = toml::Table::new();
        endpoint.insert("path".to_owned(), path.into());
        toml::Value::Array(vec![endpoint.into()])
    };
    for path in ["x", "/a#b", "/a?b", "/a b", "/{a}", "/*\u{e9}", "/a\n"] {
        for key in ["authorize", "introspect", "revoke", "metadata", "jwks", "userinfo", "logout"] {
            let refused = with("standard", &format!("endpoints.{key}"), path).unwrap_err();
            assert!(refused.contains("a path begins with a slash"), "{key} {path}: {refused}");
        }
        assert!(with("standard", "endpoints.token", token(path)).is_err(), "{path}");
    }
    assert!(with("standard", "endpoints.revoke", "/a/b-c.d_e~f").is_ok());
    assert!(with("standard", "endpoints.token", token("/t")).is_ok());
}

#[test]
fn what_a_profile_says_in_errors_keeps_to_the_characters_of_rfc_6749() {
    for text in ["a\"b", "a\\b", "\u{e9}", "a\nb", "a\tb", "\u{7f}"] {
        for key in ["code", "description"] {
            let key = format!("errors.{key}.invalid_grant");
            assert!(with("standard", &key, text).unwrap_err().contains("printable ASCII"), "{key} {text:?}");
        }
    }
    assert!(with("standard", "errors.description.invalid_grant", "It is over (again): 'so'!").is_ok());
}

#[test]
fn metadata_names_what_there_is_and_leaves_out_what_is_empty() {
    let told = |profile: &Profile| serde_json::to_value(metadata(profile)).unwrap();
    let standard = told(&standard());
    for absent in ["scopes_supported", "userinfo_endpoint"] {
        assert!(standard.get(absent).is_none(), "{absent}");
    }
    let wistia = told(&with("wistia", "description", "as it is").unwrap());
    assert!(wistia["scopes_supported"].as_array().unwrap().contains(&"all:read".into()));
    for (name, _) in grantor_core::profile::PRESETS {
        let document = told(&with(name, "description", "as it is").unwrap());
        for (key, value) in document.as_object().unwrap() {
            // Required, and so there even where nothing can be asked for.
            let required = key == "response_types_supported";
            assert!(required || value.as_array().is_none_or(|list| !list.is_empty()), "{name} {key}");
            assert!(!value.is_null(), "{name} {key}");
        }
        for required in ["issuer", "token_endpoint", "response_types_supported"] {
            assert!(document.get(required).is_some(), "{name} {required}");
        }
    }
}
