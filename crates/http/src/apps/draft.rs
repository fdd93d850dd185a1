//! What a person entered of his application, and what of it is wrong.

use std::collections::BTreeSet;

use grantor_core::client::{ClientMetadata, GrantType, InvalidClient};
use grantor_core::wire::Parameters;
use grantor_core::{ClientDraft, InvalidPicture, InvalidRedirectUri, Profile, RedirectUri, Scope};
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

/// Something that is wrong: the field's id, and the sentence that says so.
pub(super) struct Mistake {
    field: &'static str,
    text: String,
}

impl Mistake {
    fn new(field: &'static str, text: &impl ToString) -> Self {
        Self { field, text: text.to_string() }
    }

    /// What the rules say of a registration. They say it in English, to programs as well: a person is told all that the field
    /// has to be, in his language.
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
            "owner" => ("name", &words.wrong_owner),
            _ => ("name", &words.wrong_other),
        };
        Self::new(field, text)
    }

    /// What is wrong with a picture.
    pub(super) fn of_picture(invalid: InvalidPicture, words: &Words) -> Self {
        let words = &words.app_form;
        let why = match invalid {
            InvalidPicture::Bytes => &words.picture_bytes,
            InvalidPicture::Format => &words.picture_format,
            InvalidPicture::Sides => &words.picture_sides,
        };
        Self::new("picture", &words.wrong_picture.plain(&[("why", why.as_str())]))
    }

    fn of_redirect(line: usize, invalid: InvalidRedirectUri, words: &Words) -> Self {
        let words = &words.app_form;
        let why = match invalid {
            InvalidRedirectUri::Length => &words.redirect_length,
            InvalidRedirectUri::Character => &words.redirect_character,
            InvalidRedirectUri::NotAbsolute => &words.redirect_not_absolute,
            InvalidRedirectUri::Fragment => &words.redirect_fragment,
            InvalidRedirectUri::Wildcard => &words.redirect_wildcard,
            InvalidRedirectUri::Credentials => &words.redirect_credentials,
            InvalidRedirectUri::DotSegments => &words.redirect_dots,
            InvalidRedirectUri::PlainHttp => &words.redirect_http,
            InvalidRedirectUri::Scheme => &words.redirect_scheme,
        };
        let line = line.to_string();
        Self::new(
            "redirect_uris",
            &words.wrong_redirect.plain(&[("line", line.as_str()), ("why", why.as_str())]),
        )
    }

    pub(super) fn shown(&self) -> grantor_pages::Problem<'_> {
        grantor_pages::Problem { field: self.field, text: &self.text }
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
            let uri = RedirectUri::parse(line);
            redirect_uris.push(uri.map_err(|invalid| Mistake::of_redirect(number + 1, invalid, words))?);
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
