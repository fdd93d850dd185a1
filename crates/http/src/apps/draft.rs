//! What a person entered of his application, and what of it is wrong.

use std::collections::BTreeSet;

use grantor_core::client::{ClientMetadata, GrantType, InvalidClient};
use grantor_core::wire::Parameters;
use grantor_core::{ClientDraft, Profile, RedirectUri, Scope};
use grantor_pages::Words;

/// What he entered, as it is shown again if something is wrong with it.
#[derive(Default)]
pub(super) struct Entered {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) home: String,
    pub(super) redirect_uris: String,
    pub(super) is_public: bool,
    pub(super) grants: BTreeSet<GrantType>,
    pub(super) scope: Scope,
}

/// Something that is wrong: the field's id, which sentence says so, and the rule in English.
pub(super) struct Mistake {
    field: &'static str,
    text: String,
    rule: Option<String>,
}

impl Mistake {
    pub(super) fn new(field: &'static str, text: &impl ToString, rule: Option<String>) -> Self {
        Self { field, text: text.to_string(), rule }
    }

    /// What the rules say of a registration.
    pub(super) fn of(invalid: &InvalidClient, words: &Words) -> Self {
        let words = &words.app_form;
        let (field, text) = match invalid.field {
            "client_name" => ("name", &words.wrong_name),
            "description" => ("description", &words.wrong_description),
            "client_uri" => ("home", &words.wrong_home),
            "redirect_uris" => ("redirect_uris", &words.wrong_redirects),
            "grant_types" | "response_types" => ("grants", &words.wrong_grants),
            "scope" | "default_scope" => ("scopes", &words.wrong_scopes),
            "token_endpoint_auth_method" => ("kind", &words.wrong_kind),
            _ => ("name", &words.wrong_other),
        };
        Self::new(field, text, Some(invalid.to_string()))
    }

    pub(super) fn shown(&self) -> grantor_pages::Problem<'_> {
        grantor_pages::Problem { field: self.field, text: &self.text }
    }

    /// Which rule says so.
    pub(super) fn rule(&self) -> Option<&str> {
        self.rule.as_deref()
    }
}

/// What there is to choose from: what the profile offers, and what an operator gave it beyond that.
pub(super) struct Choices {
    pub(super) grants: BTreeSet<GrantType>,
    pub(super) scope: Scope,
}

impl Choices {
    pub(super) fn of(profile: &Profile, client: Option<&ClientMetadata>) -> Self {
        let rules = &profile.registration_by_users;
        let (mut grants, mut scope) = (rules.offered_grant_types(profile), rules.offered_scope(profile));
        if let Some(client) = client {
            grants.extend(client.grant_types.iter().copied());
            scope = scope.union(&client.scope);
        }
        Self { grants, scope }
    }
}

impl Entered {
    /// What a form holds.
    pub(super) fn read(fields: &Parameters, choices: &Choices) -> Self {
        let text = |name| fields.get(name).unwrap_or_default().trim().to_owned();
        let ticked = |name: String| fields.get(&name).is_some();
        let grants = choices.grants.iter().copied().filter(|grant| ticked(format!("grant.{grant}")));
        let tokens = choices.scope.tokens().filter(|token| ticked(format!("scope.{token}")));
        let scope = tokens.collect::<Vec<_>>().join(" ");
        Self {
            name: text("name"),
            description: text("description"),
            home: text("home"),
            redirect_uris: text("redirect_uris"),
            is_public: fields.get("kind") == Some("public"),
            grants: grants.collect(),
            // Tokens of a scope are a scope.
            scope: Scope::parse(&scope).unwrap_or_default(),
        }
    }

    /// What an application is now.
    pub(super) fn of(client: &ClientMetadata) -> Self {
        let draft = ClientDraft::of(client);
        let uris: Vec<&str> = draft.redirect_uris.iter().map(RedirectUri::as_str).collect();
        Self {
            name: draft.client_name,
            description: draft.description.unwrap_or_default(),
            home: draft.client_uri.unwrap_or_default(),
            redirect_uris: uris.join("\n"),
            is_public: draft.is_public,
            grants: draft.grant_types,
            scope: draft.scope,
        }
    }

    /// The draft that this is.
    pub(super) fn draft(&self, words: &Words) -> Result<ClientDraft, Mistake> {
        let mut redirect_uris = Vec::new();
        let lines = self.redirect_uris.lines().map(str::trim).enumerate();
        for (number, line) in lines.filter(|(_, line)| !line.is_empty()) {
            let uri = RedirectUri::parse(line).map_err(|invalid| {
                let line = (number + 1).to_string();
                let text = words.app_form.wrong_redirect.plain(&[("line", line.as_str())]);
                Mistake::new("redirect_uris", &text, Some(invalid.to_string()))
            })?;
            redirect_uris.push(uri);
        }
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Ok(ClientDraft {
            client_name: self.name.clone(),
            description: given(&self.description),
            client_uri: given(&self.home),
            redirect_uris,
            grant_types: self.grants.clone(),
            scope: self.scope.clone(),
            is_public: self.is_public,
        })
    }
}
