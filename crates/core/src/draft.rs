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
