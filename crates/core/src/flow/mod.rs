//! The flows: one file for each way through.
//!
//! Every flow is a function from a [`Context`] and a canonical request to a [`Step`](crate::step::Step). It ends with its
//! answer or with a [`Stop`](crate::step::Stop): a refusal, by one of the reasons that its documentation lists, or a fault,
//! which any flow can end with and which says nothing of the request. What is written before an end is written.

mod api_key;
mod authenticate;
mod authorize;
mod before;
mod client_credentials;
mod examine;
mod inspect;
mod issue;
mod leave;
mod password;
mod redeem;
mod refresh;
mod revoke;
mod store;
mod token;

use std::sync::Arc;

pub use authenticate::{ClientAuthenticated, api_key_client, authenticate};
pub use authorize::{Asked, AuthorizationAnswer, OpenedInteraction, Question, ask, choose_account, decide};
pub use examine::{Examined, RedirectError, examine};
pub use inspect::{Introspection, check, check_api_key, introspect, look_up};
pub use leave::leave;
pub use revoke::{revoke, revoke_as_operator, revoke_grant, withdraw};
pub use token::{TokenAnswer, token};

pub(crate) use authorize::session_at;

use crate::entropy::Entropy;
use crate::grant::Grant;
use crate::profile::Profile;
use crate::record::{Expect, Put, Version};
use crate::secret::ServerKey;
use crate::time::Time;

/// What every flow goes by: the profile's values, the server's key, the time, and randomness for this one run.
pub struct Context {
    /// The values.
    pub profile: Arc<Profile>,
    /// The server's key.
    pub key: Arc<ServerKey>,
    /// The time, for the whole run.
    pub now: Time,
    /// Randomness, for this run alone.
    pub entropy: Entropy,
}

impl Context {
    fn version(&mut self) -> Version {
        Version::draw(&mut self.entropy)
    }

    /// The write that puts `grant` in the place of the version that was read.
    fn replace(&mut self, read: Version, grant: &Grant) -> Put {
        let key = Grant::key(grant.facts().id);
        Put::of(&key, Expect::Version(read), self.version(), grant, grant.keep_until())
    }
}
