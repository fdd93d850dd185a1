//! `grantor token`: what the holder of a token may ask of an operator.

use grantor_core::credential::AnyToken;
use grantor_core::flow::Introspection;
use grantor_core::{GrantId, Secret, wire};
use serde_json::{Value, json};

use crate::cli::TokenCommand;
use crate::failure::Failure;
use crate::files::read_secret;
use crate::output::{Output, fields};
use crate::wiring::House;

pub(super) async fn run(command: TokenCommand, house: &House, output: Output) -> Result<(), Failure> {
    match command {
        TokenCommand::Introspect { token } => introspect(house, &given(token)?, output).await,
        TokenCommand::Revoke { token } => revoke(house, &given(token)?, output).await,
    }
}

fn given(token: String) -> Result<Secret, Failure> {
    if token == "-" { read_secret("-") } else { Ok(Secret::new(token)) }
}

async fn introspect(house: &House, token: &Secret, output: Output) -> Result<(), Failure> {
    let mut body = wire::introspection_body(&Introspection::Inactive, "");
    for engine in &house.engines {
        let found = engine.look_up(token).await?;
        if found != Introspection::Inactive {
            body = wire::introspection_body(&found, engine.profile().issuer.as_str());
            break;
        }
    }
    let value: Value = serde_json::from_slice(&body).map_err(|e| Failure::failed(e.to_string()))?;
    output.result(&value, || {
        let field = |name| value.get(name).map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
        let names = ["active", "client_id", "sub", "scope", "aud", "iat", "exp", "token_type"];
        fields(&names.map(|name| (name, field(name))))
    })
}

async fn revoke(house: &House, token: &Secret, output: Output) -> Result<(), Failure> {
    let mut of_some_shape = false;
    for engine in &house.engines {
        let read = AnyToken::parse(&engine.profile().formats, token.expose());
        of_some_shape |= read.grant().is_some() || read.jwt.is_some();
        if engine.revoke_as_operator(token).await? {
            // A refresh token takes its grant with it; that it descends from that grant is proven by its being revoked.
            let refresh = read.refresh.filter(|_| read.access.is_none());
            return told(refresh.map(|token| token.grant()), true, output);
        }
    }
    if !of_some_shape {
        return Err(Failure::failed("this is no token of this server: it was cut or mistyped"));
    }
    told(None, false, output)
}

fn told(grant: Option<GrantId>, ended: bool, output: Output) -> Result<(), Failure> {
    output.result(&json!({"revoked": ended, "grant": grant}), || match (ended, grant) {
        (true, Some(grant)) => format!("revoked, with the grant {grant} and all its tokens"),
        (true, None) => "revoked; others of the same grant, if there are, live on".to_owned(),
        (false, _) => "nothing to revoke: it is worth nothing already".to_owned(),
    })
}
