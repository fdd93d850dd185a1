//! The account page: who I am, and the applications I authorized.

pub(crate) mod password;
pub(crate) mod sessions;

mod agent;
mod applications;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use grantor_core::GrantId;
use grantor_core::grant::RevocationCause;
use grantor_core::wire::Parameters;
use grantor_pages::{Account, ActsFor, Page, Place};

use crate::pages::{self, Forms, Stop};
use crate::web::App;
use crate::{authorize, browser, respond};

/// What the revocation form's token is for.
const REVOKE: &str = "account";

/// Shows the page.
pub(crate) async fn show(State(app): State<App>, request: Request) -> Result<Response, Stop> {
    let Some(visitor) = browser::visitor(&app, request.headers()).await? else {
        return respond::see_other(&app.login_for("/account"));
    };
    let query = request.uri().query().unwrap_or_default();
    let parameters = Parameters::read(query.as_bytes(), &app.engine.profile().limits);
    // A place that cannot be one is the beginning.
    let after = parameters.get("after").and_then(|after| after.parse().ok());
    let user = &visitor.session.user;
    let approver = browser::approver(&app, &visitor).await?;
    let frame = pages::own_frame(&app, request.headers(), query, &visitor, Some(Place::Account));
    let (applications, next) = applications::page(&app, &approver, frame.language.tag(), after).await?;
    let accounts: Vec<_> = approver
        .accounts
        .iter()
        .map(|account| ActsFor {
            name: authorize::display_name(account).to_owned(),
            role: account.role.clone(),
        })
        .collect();
    let change_password = password::path_for(&app, &user.subject).await?;
    let more = next.map(|next| format!("{}?after={next}", app.path("/account")));
    let view = Account {
        revoke: &app.path("/account/revoke"),
        csrf: &visitor.token(&app, REVOKE),
        user: visitor.name(),
        initials: &initials(visitor.name()),
        username: user.subject.as_str(),
        email: user.profile.email.as_deref(),
        password: change_password.as_deref(),
        accounts: &accounts,
        applications: &applications,
        more: more.as_deref(),
    };
    Ok(pages::page(&app, StatusCode::OK, &Page::Account(&view), &frame, Forms::Here))
}

/// The first letters of a name's first and last word: what stands in the place of a picture.
fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let letters = words.next().into_iter().chain(words.next_back());
    letters.flat_map(char::to_uppercase).collect()
}

/// Takes an application's authorization back, and ends all that it has. A grant that is somebody else's is none.
pub(crate) async fn revoke(State(app): State<App>, request: Request) -> Result<Response, Stop> {
    let (parts, body) = request.into_parts();
    let (visitor, fields) = browser::own_form(&app, &parts, body, REVOKE).await?;
    let subject = &visitor.session.user.subject;
    let client = match fields.get("grant") {
        Some(id) => {
            let id: GrantId = id.parse().map_err(|_| Stop::NotFound)?;
            let own = app.engine.grant(id).await?.filter(|grant| grant.facts().subject == *subject);
            own.ok_or(Stop::NotFound)?.facts().client.clone()
        }
        None => fields.required("client")?.parse().map_err(|_| Stop::NotFound)?,
    };
    app.engine.withdraw(subject, &client, RevocationCause::BySubject).await?;
    respond::see_other(&app.path("/account"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_the_first_letters_of_the_first_and_the_last_word() {
        for (name, letters) in [
            ("alice", "A"),
            ("Ada King Lovelace", "AL"),
            ("«éric» (x)", "ÉX"),
            ("ß", "SS"),
            ("--", ""),
            ("", ""),
        ] {
            assert_eq!(initials(name), letters, "{name}");
        }
    }
}
