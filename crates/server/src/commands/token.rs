//! `grantor token`: what the holder of a token may ask of an operator.

use grantor_core::credential::{AnyToken, RefreshToken};
use grantor_core::flow::Introspection;
use grantor_core::grant::{RefreshChain, RevocationCause};
use grantor_core::{GrantId, Scope, Secret, wire};
use grantor_engine::EngineError;
use serde_json::{Value, json};

use crate::cli::TokenCommand;
use crate::failure::Failure;
use crate::files::read_secret;
use crate::output::{Output, fields};
use crate::wiring::House;

pub(super) async fn run(command: TokenCommand, house: &House, output: Output) -> Result<(), Failure> {
    match command {
        TokenCommand::Introspect { token } => introspect(house, given(token)?, output).await,
        TokenCommand::Revoke { token } => revoke(house, given(token)?, output).await,
    }
}

fn given(token: String) -> Result<Secret, Failure> {
    if token == "-" { read_secret("-") } else { Ok(Secret::new(token)) }
}

async fn introspect(house: &House, token: Secret, output: Output) -> Result<(), Failure> {
    let found = inspect(house, token).await?;
    let body = wire::introspection_body(&found, house.engine.profile().issuer.as_str());
    let value: Value = serde_json::from_slice(&body).map_err(|e| Failure::failed(e.to_string()))?;
    output.result(&value, || {
        let field = |name| value.get(name).map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
        let names = ["active", "client_id", "sub", "scope", "aud", "iat", "exp", "token_type"];
        fields(&names.map(|name| (name, field(name))))
    })
}

/// What any live token is worth, whoever's it is: this is the operator's own machine.
async fn inspect(house: &House, token: Secret) -> Result<Introspection, Failure> {
    if let Some(AnyToken::Refresh(token)) = AnyToken::parse(token.expose()) {
        return inspect_refresh(house, &token).await;
    }
    match house.engine.check(Some(token), Scope::none()).await {
        Ok(live) => Ok(Introspection::AccessToken(live)),
        Err(EngineError::Refused(_)) => Ok(Introspection::Inactive),
        Err(other) => Err(other.into()),
    }
}

async fn inspect_refresh(house: &House, token: &RefreshToken) -> Result<Introspection, Failure> {
    let now = house.engine.now();
    let grant = house.engine.grant(token.grant()).await?;
    let live = grant.filter(|grant| grant.refresh_chain().is_some_and(|chain| chain.is_current(token, now)));
    Ok(live.map_or(Introspection::Inactive, |grant| Introspection::RefreshToken {
        expires_at: grant.refresh_chain().and_then(RefreshChain::expires_at),
        grant: grant.facts().clone(),
    }))
}

async fn revoke(house: &House, token: Secret, output: Output) -> Result<(), Failure> {
    let grant = match AnyToken::parse(token.expose()) {
        None => return Err(Failure::failed("this is no token of this server: it was cut or mistyped")),
        // It names its grant by its own word, and an operator's wish is enough to end any grant.
        Some(AnyToken::Refresh(token)) => token.grant(),
        Some(AnyToken::Access(_) | AnyToken::Jwt(_)) => match inspect(house, token).await? {
            Introspection::AccessToken(live) => live.grant.ok_or_else(|| no_grant(live.client.as_str()))?,
            Introspection::RefreshToken { grant, .. } => grant.id,
            Introspection::Inactive => return told(None, false, output),
        },
    };
    let ended = house.engine.revoke_grant(grant, RevocationCause::ByOperator).await?;
    told(Some(grant), ended, output)
}

/// The engine has no call yet that ends one access token without its client's credentials.
fn no_grant(client: &str) -> Failure {
    Failure::failed(format!(
        "this token speaks for the client {client} itself and came of no grant, and this version cannot end it alone; \
         `grantor client update {client} --disabled true` makes all its tokens worthless"
    ))
}

fn told(grant: Option<GrantId>, ended: bool, output: Output) -> Result<(), Failure> {
    output.result(&json!({"revoked": ended, "grant": grant}), || match (ended, grant) {
        (true, Some(grant)) => format!("revoked, with the grant {grant} and all its tokens"),
        (true, None) => "revoked".to_owned(),
        (false, _) => "nothing to revoke: it is worth nothing already".to_owned(),
    })
}
