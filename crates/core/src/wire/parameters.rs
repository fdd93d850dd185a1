//! The parameters of a request, read once.

use crate::limits::Limits;
use crate::refusal::{Reason, Refusal};
use crate::request::Given;

/// Parameters of `application/x-www-form-urlencoded`, decoded. An empty value counts as absent (RFC 6749, section 3.1).
pub struct Parameters {
    pairs: Vec<(String, String)>,
    /// What is wrong with the request as a whole.
    fault: Option<Refusal>,
}

impl Parameters {
    /// Reads a query or a form. What is wrong with it is remembered, not yet told: an authorization request may have
    /// somewhere better to tell it.
    pub fn read(encoded: &[u8], limits: &Limits) -> Self {
        let mut pairs: Vec<(String, String)> = Vec::new();
        let mut fault = None;
        for (name, value) in form_urlencoded::parse(encoded) {
            if pairs.len() == limits.parameters {
                fault.get_or_insert_with(|| Refusal::from(Reason::ParametersTooMany));
                break;
            }
            // What is no UTF-8 has been replaced by U+FFFD; nobody sends that on purpose.
            if [&name, &value].iter().any(|text| text.contains(['\0', char::REPLACEMENT_CHARACTER])) {
                fault.get_or_insert_with(|| Refusal::from(Reason::ParameterNotText));
            }
            if value.len() > limits.parameter_bytes {
                fault.get_or_insert_with(|| Refusal::from(Reason::ParameterInvalid));
            }
            if pairs.iter().any(|(earlier, _)| *earlier == name) {
                fault.get_or_insert_with(|| Refusal::from(Reason::ParameterRepeated));
            }
            pairs.push((name.into_owned(), value.into_owned()));
        }
        Self { pairs, fault }
    }

    /// What is wrong with the request as a whole, if anything.
    pub fn fault(&self) -> Option<&Refusal> {
        self.fault.as_ref()
    }

    /// The parameters, if nothing is wrong with them as a whole.
    ///
    /// # Errors
    /// What is wrong: a repeated, over-long or unreadable parameter, or too many.
    pub fn faultless(self) -> Result<Self, Refusal> {
        match self.fault {
            Some(refusal) => Err(refusal),
            None => Ok(self),
        }
    }

    /// The first value of that name that is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str()).filter(|v| !v.is_empty())
    }

    /// The value of that name, or why it cannot be taken.
    pub fn given(&self, name: &str) -> Given {
        let mut values = self.pairs.iter().filter(|(n, _)| n == name).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Reason::ParameterRepeated),
            (Some(value), None) if value.contains(['\0', char::REPLACEMENT_CHARACTER]) => {
                Err(Reason::ParameterNotText)
            }
            (Some(value), None) if !value.is_empty() => Ok(Some(value.clone())),
            (Some(_), None) | (None, None) => Ok(None),
        }
    }

    /// The value of that name, which must be there.
    ///
    /// # Errors
    /// [`Reason::ParameterMissing`], with the name.
    pub fn required(&self, name: &'static str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| Refusal::from(Reason::ParameterMissing).of(name))
    }

    /// Whether the name occurs at all, even with an empty value.
    pub fn contains(&self, name: &str) -> bool {
        self.pairs.iter().any(|(n, _)| n == name)
    }
}

impl std::fmt::Debug for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Names only: values can be secrets.
        f.debug_list().entries(self.pairs.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(encoded: &[u8]) -> Parameters {
        Parameters::read(encoded, &Limits::DEFAULT)
    }

    fn reason(encoded: &[u8]) -> Option<Reason> {
        read(encoded).fault().map(|f| f.reason)
    }

    #[test]
    fn what_is_wrong_is_found() {
        assert_eq!(reason(b"a=1&b=2"), None);
        assert_eq!(reason(b"a=1&a=1"), Some(Reason::ParameterRepeated));
        assert_eq!(reason(b"a=1&b=2&%61=3"), Some(Reason::ParameterRepeated));
        assert_eq!(reason(b"a=%00"), Some(Reason::ParameterNotText));
        assert_eq!(reason(b"a=%ff"), Some(Reason::ParameterNotText));
        assert_eq!(reason(b"a=\xff"), Some(Reason::ParameterNotText));
        let long = format!("a={}", "x".repeat(Limits::DEFAULT.parameter_bytes + 1));
        assert_eq!(reason(long.as_bytes()), Some(Reason::ParameterInvalid));
        let many = (0..=Limits::DEFAULT.parameters).map(|i| format!("p{i}=1")).collect::<Vec<_>>().join("&");
        assert_eq!(reason(many.as_bytes()), Some(Reason::ParametersTooMany));
    }

    #[test]
    fn empty_is_absent() {
        let parameters = read(b"a=&b=x+y%2B");
        assert_eq!(parameters.get("a"), None);
        assert_eq!(parameters.given("a"), Ok(None));
        assert_eq!(parameters.get("b"), Some("x y+"));
        assert!(parameters.contains("a"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_calmly(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let parameters = read(&bytes);
            let _ = (parameters.get("a"), parameters.given("b"), parameters.fault());
        }
    }
}
