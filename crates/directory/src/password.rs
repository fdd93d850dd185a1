//! Which texts are passwords, and what is kept of them.

use grantor_core::Secret;
use grantor_slowhash::{HashCost, InvalidHashCost, SlowHash, Verified};

use crate::error::DirectoryError;
use crate::records::entropy;

/// Why a text cannot become a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPassword {
    /// There is nothing.
    #[error("a password must not be empty")]
    Empty,
    /// It is longer than `max` bytes. It is refused, since cutting it would let a wrong password in.
    #[error("a password has at most {max} bytes")]
    TooLong {
        /// The bound.
        max: usize,
    },
}

pub(crate) struct Passwords {
    hashes: SlowHash,
    max_bytes: usize,
}

impl Passwords {
    pub(crate) fn new(cost: HashCost, parallel: usize, max_bytes: usize) -> Result<Self, InvalidHashCost> {
        Ok(Self { hashes: SlowHash::new(cost, parallel)?, max_bytes })
    }

    /// Whether a text may become a password, or be compared with one. Costs no hash.
    pub(crate) fn check(&self, password: &Secret) -> Result<(), InvalidPassword> {
        match password.expose().len() {
            0 => Err(InvalidPassword::Empty),
            n if n > self.max_bytes => Err(InvalidPassword::TooLong { max: self.max_bytes }),
            _ => Ok(()),
        }
    }

    pub(crate) async fn hash(&self, password: &Secret) -> Result<String, DirectoryError> {
        let salt = entropy()?.draw_half();
        Ok(self.hashes.hash(password, salt).await?)
    }

    /// Compares with a stored hash. Where there is none the same work is done and nothing matches, so that time does
    /// not tell who exists.
    pub(crate) async fn verify(
        &self,
        password: &Secret,
        against: Option<&str>,
    ) -> Result<Verified, DirectoryError> {
        Ok(self.hashes.verify(password, against.unwrap_or(self.hashes.decoy())).await?)
    }

    /// Hashes computed so far.
    pub(crate) fn computed(&self) -> u64 {
        self.hashes.computed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_has_no_password_costs_as_much_and_matches_nothing() {
        let cheap = HashCost { memory_kib: 8, passes: 1, lanes: 1 };
        let passwords = Passwords::new(cheap, 1, 1024).unwrap();
        let (before, secret) = (passwords.computed(), Secret::new("x"));
        let verified = passwords.verify(&secret, None).await.unwrap();
        assert_eq!((verified.matches, passwords.computed() - before), (false, 1));
        let kept = passwords.hash(&secret).await.unwrap();
        assert_ne!(kept, passwords.hash(&secret).await.unwrap(), "a salt was used twice");
        assert!(passwords.verify(&secret, Some(&kept)).await.unwrap().matches);
        assert!(passwords.verify(&secret, Some("plain")).await.is_err());
    }
}
