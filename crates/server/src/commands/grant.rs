//! `grantor grant`.

use grantor_core::ClientId;
use grantor_core::grant::{Grant, RevocationCause, State};
use grantor_directory::UserName;
use grantor_engine::GrantsOf;
use serde::Serialize;
use serde_json::json;

use crate::cli::GrantCommand;
use crate::failure::Failure;
use crate::output::{Output, table};
use crate::wiring::House;

const PAGE: usize = 200;

/// A grant as an operator sees it: nothing in it opens anything.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    facts: &'a grantor_core::grant::GrantFacts,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<RevocationCause>,
}

impl<'a> Shown<'a> {
    fn of(grant: &'a Grant) -> Self {
        let (state, cause) = match grant.state() {
            State::CodeIssued(_) => ("code_issued", None),
            State::Active(_) => ("active", None),
            State::Revoked(revoked) => ("revoked", Some(revoked.cause)),
        };
        Self { facts: grant.facts(), state, cause }
    }
}

pub(super) async fn run(command: GrantCommand, house: &House, output: Output) -> Result<(), Failure> {
    match command {
        GrantCommand::List { user, client } => list(house, user, client, output).await,
        GrantCommand::Revoke { id } => {
            if house.engine.grant(id).await?.is_none() {
                return Err(Failure::failed(format!("there is no grant {id}")));
            }
            let ended = house.engine.revoke_grant(id, RevocationCause::ByOperator).await?;
            let text = if ended { "revoked" } else { "it was over already" };
            output.result(&json!({"id": id, "revoked": ended}), || format!("{id}: {text}"))
        }
    }
}

async fn list(
    house: &House,
    user: Option<UserName>,
    client: Option<ClientId>,
    output: Output,
) -> Result<(), Failure> {
    let (mut grants, mut after) = (Vec::new(), None);
    let subject = user.as_ref().map(UserName::subject);
    let of = match (subject, &client) {
        (Some(subject), _) => GrantsOf::Subject(subject),
        (None, Some(client)) => GrantsOf::Client(client),
        (None, None) => GrantsOf::All,
    };
    loop {
        let page = house.engine.grants(of, after, PAGE).await?;
        grants.extend(page.grants);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    grants.retain(|grant| client.as_ref().is_none_or(|client| grant.facts().client == *client));
    let shown: Vec<_> = grants.iter().map(Shown::of).collect();
    output.result(&shown, || {
        let rows: Vec<_> = shown
            .iter()
            .map(|Shown { facts, state, .. }| {
                vec![
                    facts.id.to_string(),
                    facts.client.to_string(),
                    facts.subject.to_string(),
                    (*state).to_owned(),
                    facts.created_at.to_string(),
                    facts.scope.to_string(),
                ]
            })
            .collect();
        table(&["ID", "CLIENT", "SUBJECT", "STATE", "SINCE", "SCOPE"], &rows)
    })
}
