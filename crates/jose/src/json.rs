//! **Invariant: what passes here has one reading.** RFC 8259 leaves open what a repeated member name means, so two
//! readers of one signed text can see two different tokens. A repeated name is refused, at every depth.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// Reads JSON in which no object names a member twice, at any depth. Names are compared after their escapes are read.
///
/// Numbers out of range are refused, as is nesting beyond 128 levels. All else is as `serde_json` and `T` have it.
///
/// # Errors
/// [`StrictJsonError`], which carries nothing of the text.
///
/// ```
/// use grantor_jose::{StrictJsonError, strict_json};
///
/// let ok: serde_json::Value = strict_json(br#"{"sub":"a","act":{"sub":"b"}}"#)?;
/// assert_eq!(ok["act"]["sub"], "b");
///
/// let twice = strict_json::<serde_json::Value>(br#"{"sub":"a","s\u0075b":"b"}"#);
/// assert_eq!(twice, Err(StrictJsonError::DuplicateMember));
/// # Ok::<(), StrictJsonError>(())
/// ```
pub fn strict_json<T: DeserializeOwned>(text: &[u8]) -> Result<T, StrictJsonError> {
    refuse_duplicates(text)?;
    serde_json::from_slice(text).map_err(|_| StrictJsonError::Malformed)
}

/// Why a text is not JSON with one reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StrictJsonError {
    /// It is not JSON, or not JSON of the shape asked for.
    #[error("not JSON of the expected shape")]
    Malformed,
    /// It is JSON, but an object in it names a member twice.
    #[error("an object names a member twice")]
    DuplicateMember,
}

/// Reads the whole text once and keeps nothing of it.
pub(crate) fn refuse_duplicates(text: &[u8]) -> Result<(), StrictJsonError> {
    let mut duplicate = false;
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read = Distinct { duplicate: &mut duplicate }.deserialize(&mut reader).and_then(|()| reader.end());
    match read {
        Ok(()) => Ok(()),
        Err(_) if duplicate => Err(StrictJsonError::DuplicateMember),
        Err(_) => Err(StrictJsonError::Malformed),
    }
}

struct Distinct<'a> {
    /// Set where the walk stops because a name came twice: an error of `serde_json` can only say so in prose.
    duplicate: &'a mut bool,
}

impl Distinct<'_> {
    fn again(&mut self) -> Distinct<'_> {
        Distinct { duplicate: self.duplicate }
    }
}

impl<'de> DeserializeSeed<'de> for Distinct<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Distinct<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self.again())?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        let mut names = BTreeSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if !names.insert(name) {
                *self.duplicate = true;
                return Err(A::Error::custom("duplicate member"));
            }
            members.next_value_seed(self.again())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<serde_json::Value, StrictJsonError> {
        strict_json(text.as_bytes())
    }

    #[test]
    fn a_repeated_name_is_refused_at_every_depth() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":{"a":1,"b":[],"a":null}}"#,
            r#"[0,{"a":[{"b":1,"b":2}]}]"#,
            r#"{"":1,"":2}"#,
        ] {
            assert_eq!(read(text), Err(StrictJsonError::DuplicateMember), "{text}");
        }
        assert!(read(r#"{"a":{"a":1},"A":[{"a":1},{"a":2}]}"#).is_ok());
    }

    #[test]
    fn what_is_no_json_is_refused_without_a_panic() {
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        for text in ["", " ", "{", r#"{"exp":1e400}"#, "{}x", "{} {}", "NaN", r#"{"a":"\ud800"}"#, &deep] {
            assert_eq!(read(text), Err(StrictJsonError::Malformed), "{}", text.get(..9).unwrap_or(text));
        }
        assert_eq!(strict_json::<String>(b"\"\xff\""), Err(StrictJsonError::Malformed));
        assert!(read(r#"{"exp":-1,"iat":1.5,"n":18446744073709551615,"t":true,"x":null,"s":"é"}"#).is_ok());
    }
}
