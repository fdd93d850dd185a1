//! A client's id as one segment of a path.
//!
//! Operators may call a client anything, and not every name can be a segment: `.` and `..` are steps that a browser takes away
//! however they are written, and `new` is a page. Such a name, and whatever looks like one that was mended, has a tilde before it.

use grantor_core::ClientId;

const MENDED: char = '~';

/// What stands for an id in a path.
pub(crate) fn segment(id: &ClientId) -> String {
    let id = id.as_str();
    let is_taken = matches!(id, "." | ".." | "new") || id.starts_with(MENDED);
    let encoded: String = form_urlencoded::byte_serialize(id.as_bytes()).collect();
    // A plus is a space in a form, and a plus in a path.
    let encoded = encoded.replace('+', "%20");
    if is_taken { format!("{MENDED}{encoded}") } else { encoded }
}

/// The id that a segment stands for, once it is decoded.
pub(crate) fn id(segment: &str) -> Option<ClientId> {
    ClientId::parse(segment.strip_prefix(MENDED).unwrap_or(segment)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_has_a_segment_of_its_own_that_no_browser_takes_away() {
        let mut seen = std::collections::BTreeSet::new();
        for text in [
            "web",
            "new",
            ".",
            "..",
            "...",
            "~",
            "~new",
            "~~new",
            "a/b",
            "a b",
            "a+b",
            "%2e",
            "https://a.test/?x",
        ] {
            let named = ClientId::parse(text).unwrap();
            let segment = segment(&named);
            let lower = segment.to_ascii_lowercase();
            assert!(
                !["new", ".", "..", "%2e", ".%2e", "%2e.", "%2e%2e"].contains(&lower.as_str()),
                "{segment}"
            );
            assert!(!segment.contains(['/', '?', '#', '+', ' ']), "{segment}");
            let decoded = percent_decoded(&segment);
            assert_eq!(id(&decoded), Some(named), "{segment}");
            assert!(seen.insert(segment), "{text} is another's");
        }
    }

    fn percent_decoded(segment: &str) -> String {
        let pair = format!("x={}", segment.replace('+', "%2B"));
        form_urlencoded::parse(pair.as_bytes()).next().unwrap().1.into_owned()
    }
}
