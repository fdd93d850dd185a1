//! Sentences with gaps.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text of a message file, whose gaps are names in braces: `{client} asks to act for you`.
///
/// What fills a gap is data, and is isolated: a name in another script, or one that was made to look like the rest of the
/// sentence, changes neither its order nor its markup.
///
/// ```
/// use grantor_pages::Phrase;
/// let phrase: Phrase = "{client} asks".parse()?;
/// let filled = phrase.fill(&[("client", "<b>")]);
/// assert_eq!(filled.to_string(), r#"<bdi class="name">&#60;b&#62;</bdi> asks"#);
/// assert_eq!(phrase.plain(&[("client", "Web")]), "Web asks");
/// # Ok::<(), grantor_pages::InvalidPhrase>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase {
    text: Box<str>,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Gap(Box<str>),
}

/// A text that is no phrase: a brace without its other one, or a gap without a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a gap is a name in braces, as in {{client}}: {0:?}")]
pub struct InvalidPhrase(String);

impl std::str::FromStr for Phrase {
    type Err = InvalidPhrase;

    fn from_str(text: &str) -> Result<Self, InvalidPhrase> {
        let invalid = || InvalidPhrase(text.to_owned());
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or_else(invalid)?;
            let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            if !is_name || before.contains('}') {
                return Err(invalid());
            }
            if !before.is_empty() {
                parts.push(Part::Text(before.into()));
            }
            parts.push(Part::Gap(name.into()));
            rest = after;
        }
        if rest.contains('}') {
            return Err(invalid());
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.into()));
        }
        Ok(Self { text: text.into(), parts })
    }
}

impl Phrase {
    /// The phrase as it stands in the file.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The names of its gaps, in order.
    pub fn gaps(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Gap(name) => Some(&**name),
            Part::Text(_) => None,
        })
    }

    /// The phrase as HTML, each gap filled. A gap that nothing is given for stays empty.
    pub fn fill<V: AsRef<str>>(&self, with: &[(&str, V)]) -> Filled {
        let mut html = String::with_capacity(self.text.len() + 64);
        for part in &self.parts {
            match part {
                Part::Text(text) => escape(text, &mut html),
                Part::Gap(name) => {
                    html.push_str(r#"<bdi class="name">"#);
                    escape(value_of(with, name), &mut html);
                    html.push_str("</bdi>");
                }
            }
        }
        Filled(html)
    }

    /// The phrase as plain text: for titles and attributes. It is escaped like any other text.
    pub fn plain<V: AsRef<str>>(&self, with: &[(&str, V)]) -> String {
        let mut plain = String::with_capacity(self.text.len());
        for part in &self.parts {
            plain.push_str(match part {
                Part::Text(text) => text,
                Part::Gap(name) => value_of(with, name),
            });
        }
        plain
    }
}

fn value_of<'a, V: AsRef<str>>(with: &'a [(&str, V)], name: &str) -> &'a str {
    with.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value.as_ref())
}

/// A filled phrase, as HTML that is safe to show.
pub struct Filled(String);

impl fmt::Display for Filled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl askama::filters::HtmlSafe for Filled {}

fn escape(text: &str, into: &mut String) {
    use askama::filters::Escaper as _;
    // Writing to a String cannot fail.
    let _ = askama::filters::Html.write_escaped_str(into, text);
}

/// A phrase without gaps is shown as it is.
impl fmt::Display for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Phrase {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Phrase {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phrase(text: &str) -> Phrase {
        text.parse().unwrap()
    }

    #[test]
    fn what_fills_a_gap_is_escaped_and_isolated_and_the_rest_is_escaped() {
        let filled = phrase("a & {x}<{y}").fill(&[("x", "\"'<&>"), ("y", "{x}")]).to_string();
        let name = |text| format!("<bdi class=\"name\">{text}</bdi>");
        assert_eq!(filled, format!("a &#38; {}&#60;{}", name("&#34;&#39;&#60;&#38;&#62;"), name("{x}")));
    }

    #[test]
    fn a_text_with_half_a_gap_is_no_phrase() {
        for bad in ["{", "}", "{}", "{a", "a}", "{a b}", "{A}", "{{a}}", "}{a}"] {
            assert!(bad.parse::<Phrase>().is_err(), "{bad}");
        }
        assert_eq!(phrase("{a} and {b}").gaps().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(phrase("").to_string(), "");
    }
}
