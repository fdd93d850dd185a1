//! What a person says of an application of his own, and what may come of it.

use std::collections::BTreeSet;

use crate::client::{AuthMethod, ClientMetadata, GrantType, InvalidClient};
use crate::ids::{ClientId, SubjectId};
use crate::profile::Profile;
use crate::redirect::RedirectUri;
use crate::scope::Scope;

/// What a person may say of an application of his own.
///
/// **Whatever stands in it, the application can do no more than the profile lets such applications do, or than an operator
/// let this one do.** What is not in it, a person cannot change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientDraft {
    /// Its name.
    pub client_name: String,
    /// What it does, for the people who are asked.
    pub description: Option<String>,
    /// Its home page.
    pub client_uri: Option<String>,
    /// Where answers may go. They are read as at any registration, so none is a script or in clear.
    pub redirect_uris: Vec<RedirectUri>,
    /// How it may get tokens.
    pub grant_types: BTreeSet<GrantType>,
    /// The most it may ask for.
    pub scope: Scope,
    /// Whether it has no way to keep a secret. It cannot change.
    pub is_public: bool,
}

impl ClientDraft {
    /// What a registration says of itself that its owner may change.
    pub fn of(client: &ClientMetadata) -> Self {
        Self {
            client_name: client.client_name.clone().unwrap_or_default(),
            description: client.description.clone(),
            client_uri: client.client_uri.clone(),
            redirect_uris: client.redirect_uris.clone(),
            grant_types: client.grant_types.clone(),
            scope: client.scope.clone(),
            is_public: client.is_public(),
        }
    }

    /// The registration that a person makes, who may register at this profile.
    ///
    /// # Errors
    /// [`InvalidClient`] names the first field that asks for too much. What else can be wrong with a registration is found
    /// when it is made.
    pub fn register(
        self,
        client_id: ClientId,
        owner: SubjectId,
        profile: &Profile,
    ) -> Result<ClientMetadata, InvalidClient> {
        let methods = &profile.clients.authentication;
        let with_secret = [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost];
        let method = match self.is_public {
            true => Some(AuthMethod::None).filter(|none| methods.contains(none)),
            false => with_secret.into_iter().find(|method| methods.contains(method)),
        };
        let Some(token_endpoint_auth_method) = method else {
            return wrong("token_endpoint_auth_method", "there are no applications of this kind here");
        };
        let client = ClientMetadata {
            profile: profile.name.clone(),
            owner: Some(owner),
            token_endpoint_auth_method,
            grant_types: BTreeSet::new(),
            ..ClientMetadata::new(client_id)
        };
        self.said_of(client, profile)
    }

    /// What a registration becomes that its owner changes.
    ///
    /// # Errors
    /// [`InvalidClient`] names the first field that asks for too much.
    pub fn update(self, client: ClientMetadata, profile: &Profile) -> Result<ClientMetadata, InvalidClient> {
        if client.token_endpoint_auth_method == AuthMethod::ApiKey {
            return wrong("token_endpoint_auth_method", "an API key is no application");
        }
        if self.is_public != client.is_public() {
            let why = "whether it keeps a secret cannot change: register another";
            return wrong("token_endpoint_auth_method", why);
        }
        self.said_of(client, profile)
    }

    fn said_of(self, client: ClientMetadata, profile: &Profile) -> Result<ClientMetadata, InvalidClient> {
        let rules = &profile.registration_by_users;
        let offered = rules.offered_grant_types(profile);
        let too_much = self.grant_types.iter().find(|g| !offered.contains(g) && !client.may_use(**g));
        if let Some(grant) = too_much {
            return wrong("grant_types", &format!("{grant} is not for applications of this kind"));
        }
        let more = self.scope.without(&client.scope).without(&rules.offered_scope(profile));
        if !more.is_empty() {
            return wrong("scope", &format!("{more} is not for applications of this kind"));
        }
        if self.client_name.trim().is_empty() {
            return wrong("client_name", "an application has a name");
        }
        let default_scope = client.default_scope.map(|default| default.intersection(&self.scope));
        let client = ClientMetadata {
            client_name: Some(self.client_name),
            description: self.description,
            client_uri: self.client_uri,
            redirect_uris: self.redirect_uris,
            grant_types: self.grant_types,
            scope: self.scope,
            default_scope,
            ..client
        };
        // What needs a grant type that was left out goes with it.
        let fitting =
            |types: &BTreeSet<_>| types.iter().copied().filter(|t| client.may_ask_for(*t)).collect();
        let response_types = client.response_types.as_ref().map(fitting);
        Ok(ClientMetadata { response_types, ..client })
    }
}

fn wrong<T>(field: &'static str, why: &str) -> Result<T, InvalidClient> {
    Err(InvalidClient { field, why: why.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::client::ResponseType;
    use crate::profile::Registrants;
    use crate::scope::{ScopeCatalogue, ScopeMeaning};

    /// Tokens `a` to `d`, of which people may choose these.
    fn profile(offered: &str) -> Profile {
        let mut profile = Profile::standard("https://auth.test".parse().unwrap());
        let meanings: BTreeMap<_, _> =
            ["a", "b", "c", "d"].map(|t| (t.to_owned(), ScopeMeaning::default())).into();
        profile.scopes = ScopeCatalogue::new(meanings).unwrap();
        profile.registration_by_users.scope = offered.parse().unwrap();
        profile
    }

    fn draft(scope: &str) -> ClientDraft {
        ClientDraft {
            client_name: "Mine".to_owned(),
            description: None,
            client_uri: None,
            redirect_uris: vec![RedirectUri::parse("https://app.test/cb").unwrap()],
            grant_types: [GrantType::AuthorizationCode, GrantType::RefreshToken].into(),
            scope: scope.parse().unwrap(),
            is_public: false,
        }
    }

    fn registered(draft: ClientDraft, profile: &Profile) -> Result<ClientMetadata, &'static str> {
        let client = draft.register("mine".parse().unwrap(), "alice".parse().unwrap(), profile);
        client.map_err(|invalid| invalid.field)
    }

    #[test]
    fn a_person_registers_no_more_than_the_profile_offers() {
        let offers = profile("a b");
        let client = registered(draft("a b"), &offers).unwrap();
        assert_eq!(client.owner.as_ref().map(SubjectId::as_str), Some("alice"));
        assert!(client.require_pkce && client.validate(&offers).is_ok());
        assert_eq!(registered(draft("a c"), &offers).unwrap_err(), "scope");
        assert_eq!(registered(draft("nuclear"), &offers).unwrap_err(), "scope");
        for more in
            [GrantType::ClientCredentials, GrantType::Implicit, GrantType::Password, GrantType::ApiKey]
        {
            let mut wants = draft("a");
            wants.grant_types.insert(more);
            assert_eq!(registered(wants, &offers).unwrap_err(), "grant_types", "{more}");
        }
        assert_eq!(
            registered(ClientDraft { client_name: " ".into(), ..draft("a") }, &offers).unwrap_err(),
            "client_name"
        );
        let public = registered(ClientDraft { is_public: true, ..draft("a") }, &offers).unwrap();
        assert!(public.is_public() && public.validate(&offers).is_ok());
        let mut no_public = profile("a");
        no_public.clients.authentication.remove(&AuthMethod::None);
        let refused = registered(ClientDraft { is_public: true, ..draft("a") }, &no_public).unwrap_err();
        assert_eq!(refused, "token_endpoint_auth_method");
    }

    #[test]
    fn an_empty_catalogue_offers_nothing_and_a_profile_without_a_fitting_grant_nobody() {
        let mut bare = Profile::standard("https://auth.test".parse().unwrap());
        assert!(registered(draft(""), &bare).is_ok());
        assert_eq!(registered(draft("admin"), &bare).unwrap_err(), "scope");
        let permits = |profile: &Profile, is_admin| profile.registration_by_users.permits(profile, is_admin);
        assert!(permits(&bare, false));
        bare.registration_by_users.who = Registrants::Admins;
        assert!(!permits(&bare, false) && permits(&bare, true));
        bare.registration_by_users.who = Registrants::Nobody;
        assert!(!permits(&bare, true));
        for (preset, may) in [
            ("wistia", true),
            ("webmaker", true),
            ("api-video", false),
            ("brightcove", false),
            ("flex", false),
        ] {
            let text = Profile::preset(preset).unwrap();
            let preset = Profile::from_toml(text, &[], preset, bare.issuer.clone()).unwrap();
            assert_eq!(permits(&preset, true), may, "{}", preset.name);
        }
    }

    // N02, A18: the type of a redirect URI is the check.
    #[test]
    fn no_script_and_nothing_in_clear_becomes_a_redirect_uri() {
        for uri in [
            "javascript:alert(1)",
            "JaVaScript:alert(1)",
            " javascript:alert(1)",
            "\tjavascript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "blob:https://app.test/x",
            "http://app.test/cb",
            "https://app.test/cb#f",
        ] {
            assert!(RedirectUri::parse(uri).is_err(), "{uri}");
        }
    }

    /// What an operator registered, whatever that is.
    fn by_operator() -> impl Strategy<Value = ClientMetadata> {
        let some = |all: &'static [&'static str]| prop::sample::subsequence(all.to_vec(), 0..=all.len());
        let grants = prop::sample::subsequence(GrantType::ALL.to_vec(), 0..=GrantType::ALL.len());
        let types = prop::option::of(prop::sample::subsequence(ResponseType::ALL.to_vec(), 0..=2));
        let methods = prop::sample::select(vec![
            AuthMethod::None,
            AuthMethod::ClientSecretBasic,
            AuthMethod::ClientSecretPost,
        ]);
        (some(&["a", "b", "c", "d"]), some(&["a", "b", "c", "d"]), grants, types, methods, any::<bool>())
            .prop_map(|(scope, default, grants, types, method, require_pkce)| ClientMetadata {
                scope: scope.join(" ").parse().unwrap(),
                default_scope: Some(default.join(" ").parse().unwrap()),
                grant_types: grants.into_iter().collect(),
                response_types: types.map(|types| types.into_iter().collect()),
                token_endpoint_auth_method: method,
                require_pkce,
                owner: Some("alice".parse().unwrap()),
                ..ClientMetadata::new("mine".parse().unwrap())
            })
    }

    proptest! {
        // I11
        #[test]
        fn whatever_an_owner_asks_for_he_gets_no_more_than_the_policy_or_an_operator_gave(
            before in by_operator(),
            wants in by_operator(),
        ) {
            let offers = profile("a b");
            let wants = ClientDraft { client_name: "Mine".to_owned(), ..ClientDraft::of(&wants) };
            let asked = (wants.scope.clone(), wants.grant_types.clone());
            let Ok(after) = wants.update(before.clone(), &offers) else { return Ok(()) };
            let rules = &offers.registration_by_users;
            prop_assert!(after.scope.is_within(&before.scope.union(&rules.offered_scope(&offers))));
            let offered = rules.offered_grant_types(&offers);
            prop_assert!(after.grant_types.iter().all(|g| before.may_use(*g) || offered.contains(g)));
            prop_assert_eq!((&after.scope, &after.grant_types), (&asked.0, &asked.1), "and what he asked for");
            prop_assert!(after.default_scope.as_ref().unwrap().is_within(before.default_scope.as_ref().unwrap()));
            for (after, before) in after.response_types.iter().zip(&before.response_types) {
                prop_assert!(after.is_subset(before));
            }
            prop_assert_eq!(after.response_types.is_some(), before.response_types.is_some());
            // All else is as it was.
            let rest = |client: ClientMetadata| ClientMetadata {
                client_name: None,
                redirect_uris: Vec::new(),
                grant_types: BTreeSet::new(),
                response_types: None,
                scope: Scope::none(),
                default_scope: None,
                ..client
            };
            prop_assert_eq!(rest(after), rest(before));
        }
    }
}
