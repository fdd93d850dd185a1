//! The parameters of a request, read once.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::limits::Limits;
use crate::profile::ParameterNames;
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
        match std::str::from_utf8(encoded) {
            // Nothing to decode, as mostly.
            Ok(text) if !encoded.iter().any(|byte| matches!(byte, b'%' | b'+')) => {
                Self::of(plain_pairs(text).map(|(name, value)| (name.into(), value.into())), limits)
            }
            Ok(_) | Err(_) => Self::of(form_urlencoded::parse(encoded), limits),
        }
    }

    /// Reads a JSON object whose members are texts. Numbers and truth values are taken as they are written; what is null is
    /// absent; anything else is no parameter.
    pub fn read_json(body: &[u8], limits: &Limits) -> Self {
        if body.trim_ascii().is_empty() {
            return Self { pairs: Vec::new(), fault: None };
        }
        match serde_json::from_slice::<JsonPairs>(body) {
            Ok(JsonPairs(pairs)) => {
                Self::of(pairs.into_iter().map(|(name, value)| (name.into(), value.into())), limits)
            }
            Err(_) => {
                let refusal = Refusal::from(Reason::ParameterInvalid).saw("json_object", false);
                Self { pairs: Vec::new(), fault: Some(refusal) }
            }
        }
    }

    fn of<'a>(read: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>, limits: &Limits) -> Self {
        let mut pairs: Vec<(String, String)> = Vec::new();
        let mut fault = None;
        for (name, value) in read {
            if pairs.len() == limits.parameters {
                let most = limits.parameters;
                fault.get_or_insert_with(|| {
                    Refusal::from(Reason::ParametersTooMany).saw("parameters_most", most)
                });
                break;
            }
            // By its place: the name of one that we do not know is whatever its sender put there.
            let wrong = |reason: Reason| Refusal::from(reason).saw("at", pairs.len() + 1);
            // What is no UTF-8 has been replaced by U+FFFD; nobody sends that on purpose.
            if !(is_text(&name) && is_text(&value)) {
                fault.get_or_insert_with(|| wrong(Reason::ParameterNotText));
            }
            if value.len() > limits.parameter_bytes {
                fault.get_or_insert_with(|| {
                    let refusal = wrong(Reason::ParameterInvalid).saw("bytes", value.len());
                    refusal.saw("bytes_most", limits.parameter_bytes)
                });
            }
            if pairs.iter().any(|(earlier, _)| *earlier == name) {
                fault.get_or_insert_with(|| wrong(Reason::ParameterRepeated));
            }
            pairs.push((name.into_owned(), value.into_owned()));
        }
        Self { pairs, fault }
    }

    /// These, and those of another place of the same request. What is given in both must be the same in both.
    #[must_use]
    pub fn and(mut self, other: Parameters) -> Self {
        self.fault = self.fault.or(other.fault);
        for (name, value) in other.pairs {
            match self.pairs.iter().find(|(known, _)| *known == name) {
                Some((_, known)) if *known == value => {}
                Some(_) => {
                    let refusal = Refusal::from(Reason::ParameterRepeated).saw("places", 2_u32);
                    self.fault.get_or_insert(refusal);
                }
                None => self.pairs.push((name, value)),
            }
        }
        self
    }

    /// The same under the RFCs' names, where a profile has others for them.
    #[must_use]
    pub fn renamed(mut self, names: &ParameterNames) -> Self {
        for (ours, theirs) in names {
            let found = theirs.iter().find_map(|name| self.get(name).map(ToOwned::to_owned));
            self.pairs.retain(|(name, _)| name != ours && !theirs.contains(name));
            self.pairs.extend(found.map(|value| (ours.clone(), value)));
        }
        self
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
            (Some(value), None) if !is_text(value) => Err(Reason::ParameterNotText),
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

/// The pairs of a form in which nothing is encoded.
fn plain_pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Whether nothing in it is, or was, no text: a NUL, or what stands for bytes that are no UTF-8.
pub(super) fn is_text(text: &str) -> bool {
    !text.as_bytes().contains(&0) && !text.contains(char::REPLACEMENT_CHARACTER)
}

/// The members of a JSON object, a repeated one as often as it is there.
struct JsonPairs(Vec<(String, String)>);

impl<'de> Deserialize<'de> for JsonPairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = JsonPairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<JsonPairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, value)) = members.next_entry::<String, Value>()? {
                    match value {
                        Value::Null => {}
                        Value::String(text) => pairs.push((name, text)),
                        Value::Bool(_) | Value::Number(_) => pairs.push((name, value.to_string())),
                        Value::Array(_) | Value::Object(_) => {}
                    }
                }
                Ok(JsonPairs(pairs))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
    fn two_places_must_agree() {
        let both = |a: &[u8], b: &[u8]| read(a).and(read(b)).fault().map(|f| f.reason);
        assert_eq!(both(b"a=1&b=2", b"a=1&c=3"), None);
        assert_eq!(both(b"a=1", b"a=2"), Some(Reason::ParameterRepeated));
    }

    #[test]
    fn names_of_a_service_win_over_the_rfcs() {
        let names = ParameterNames::from([
            ("scope".to_owned(), vec!["scopes".to_owned(), "scope".to_owned()]),
            ("username".to_owned(), vec!["uid".to_owned()]),
        ]);
        let renamed = read(b"scope=a&scopes=b&username=c&state=d").renamed(&names);
        assert_eq!(renamed.get("scope"), Some("b"));
        assert_eq!(renamed.get("username"), None);
        assert_eq!(renamed.get("state"), Some("d"));
        assert_eq!(read(b"scope=a&scopes=").renamed(&names).get("scope"), Some("a"));
    }

    #[test]
    fn json_is_read_as_parameters() {
        let read = |text: &str| Parameters::read_json(text.as_bytes(), &Limits::DEFAULT);
        let parameters = read(r#" {"apiKey":"k","n":1,"none":null,"list":[1]} "#);
        assert_eq!((parameters.get("apiKey"), parameters.get("n")), (Some("k"), Some("1")));
        assert_eq!((parameters.get("none"), parameters.get("list")), (None, None));
        assert_eq!(read(r#"{"a":"1","a":"2"}"#).fault().map(|f| f.reason), Some(Reason::ParameterRepeated));
        assert!(read("[]").fault().is_some() && read("{").fault().is_some() && read("").fault().is_none());
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
        fn pairs_without_anything_encoded_are_those_of_any_form(text in "[a-cé=&\u{0}]{0,30}") {
            let plain: Vec<_> = plain_pairs(&text).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let decoded: Vec<_> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
            prop_assert_eq!(plain, decoded);
        }

        #[test]
        fn any_bytes_are_taken_calmly(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let parameters = read(&bytes);
            let _ = (parameters.get("a"), parameters.given("b"), parameters.fault());
        }
    }
}
