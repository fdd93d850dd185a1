//! What is told of the person behind an access token.

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::ids::SubjectId;
use crate::profile::{PersonField, Profile};
use crate::scope::Scope;

/// What is known of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub subject: SubjectId,
    /// The name he logs in with.
    pub username: String,
    /// His name, for people.
    pub name: Option<String>,
    /// His e-mail address.
    pub email: Option<String>,
    /// His picture.
    pub avatar: Option<String>,
}

/// Whether a token of this scope learns anything of its person.
pub fn userinfo_scope(profile: &Profile, held: &Scope) -> bool {
    profile.userinfo.fields.iter().any(|field| profile.scopes.permits_all(held, &field.scope))
}

/// What a token of this scope learns of its person: of the profile's fields, in their order, those that it permits.
pub fn userinfo_body(profile: &Profile, held: &Scope, person: &Person) -> Vec<u8> {
    // Texts and nulls under text keys: serde_json has no reason to refuse them.
    serde_json::to_vec(&Body { profile, held, person }).unwrap_or_default()
}

struct Body<'a> {
    profile: &'a Profile,
    held: &'a Scope,
    person: &'a Person,
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for told in &self.profile.userinfo.fields {
            if !self.profile.scopes.permits_all(self.held, &told.scope) {
                continue;
            }
            let (name, person) = (told.field.name.as_str(), self.person);
            match told.field.source {
                PersonField::SubjectId => map.serialize_entry(name, &person.subject)?,
                PersonField::Username => map.serialize_entry(name, &person.username)?,
                PersonField::SubjectName => map.serialize_entry(name, &person.name)?,
                PersonField::SubjectEmail => map.serialize_entry(name, &person.email)?,
                PersonField::SubjectAvatar => map.serialize_entry(name, &person.avatar)?,
            }
        }
        map.end()
    }
}
