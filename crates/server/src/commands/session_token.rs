//! `grantor session-token`.

use grantor_core::Lifetime;
use grantor_directory::{SessionToken, UserName};
use serde::Serialize;
use serde_json::json;

use crate::cli::SessionTokenCommand;
use crate::failure::Failure;
use crate::output::{Output, fields, table};
use crate::profiles;
use crate::wiring::House;

const PAGE: usize = 200;

/// A token's record, and the token, which is shown this one time.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    made: &'a SessionToken,
    token: &'a str,
}

pub(super) async fn run(command: SessionTokenCommand, house: &House, output: Output) -> Result<(), Failure> {
    match command {
        SessionTokenCommand::Create { profile, user, expires_in } => {
            create(house, &profile, &user, expires_in, output).await
        }
        SessionTokenCommand::List { user, profile } => list(house, user, profile, output).await,
        SessionTokenCommand::Delete { id } => {
            if !house.directory.end_session_token(id, house.engine.now()).await? {
                return Err(Failure::failed(format!(
                    "there is no session token {id}; `grantor session-token list` shows all"
                )));
            }
            output.result(&json!({"id": id, "deleted": true}), || format!("{id}: deleted"))
        }
    }
}

async fn create(
    house: &House,
    profile: &str,
    user: &UserName,
    expires_in: Option<Lifetime>,
    output: Output,
) -> Result<(), Failure> {
    profiles::check_name(house, profile).map_err(|why| Failure::failed(format!("{profile}: {why}")))?;
    let now = house.engine.now();
    let made = house.directory.create_session_token(profile, user.subject(), now, expires_in).await?;
    let (made, token) = made.map_err(|e| Failure::failed(format!("{user}: {e}")))?;
    output.result(&Shown { made: &made, token: token.expose() }, || {
        fields(&[
            ("id", Some(made.id.to_string())),
            ("token (shown this once)", Some(token.expose().to_owned())),
            ("profile", Some(made.profile.clone())),
            ("user", Some(made.user.to_string())),
            ("expires_at", made.expires_at.map(|at| at.to_string())),
        ])
    })
}

async fn list(
    house: &House,
    user: Option<UserName>,
    profile: Option<String>,
    output: Output,
) -> Result<(), Failure> {
    let (now, of) = (house.engine.now(), user.as_ref().map(UserName::subject));
    let (mut tokens, mut after) = (Vec::new(), None);
    loop {
        let page = house.directory.session_tokens(of, after, PAGE, now).await?;
        tokens.extend(page.tokens);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    tokens.retain(|token| profile.as_ref().is_none_or(|profile| token.profile == *profile));
    output.result(&tokens, || {
        let rows: Vec<_> = tokens
            .iter()
            .map(|token| {
                let until = token.expires_at.map_or_else(|| "-".to_owned(), |at| at.to_string());
                let since = token.created_at.to_string();
                vec![token.id.to_string(), token.profile.clone(), token.user.to_string(), since, until]
            })
            .collect();
        table(&["ID", "PROFILE", "USER", "SINCE", "UNTIL"], &rows)
    })
}
