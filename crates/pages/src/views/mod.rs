//! What each page shows: one struct for each, filled in by a handler.
//!
//! A field is data from outside unless its words say otherwise; templates escape all of it.

mod account;
mod apps;
mod message;
mod moment;
mod problem;
mod sessions;
mod sign_in;
mod wording;

pub use account::{Account, ActsFor, Authorized, AuthorizedFor, ChangePassword};
pub use apps::{
    App, AppDelete, AppForm, AppLine, AppPicture, Apps, Bar, Chart, Overlap, Sample, SecretLine, Tick,
};
pub use message::Message;
pub use moment::Moment;
pub use problem::Problem;
pub use sessions::{SessionRow, Sessions};
pub use sign_in::{AccountChoice, Choose, Consent, Login, Logout, Permission, SignUp};
pub use wording::Wording;

use crate::page::Page;

/// Every page with everything on it, and with nothing: what templates are tried on.
pub(crate) fn samples() -> Vec<Page<'static>> {
    [sign_in::samples(), account::samples(), sessions::samples(), apps::samples(), message::samples()]
        .into_iter()
        .flatten()
        .collect()
}
