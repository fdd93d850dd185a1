//! Forms with a file in them (RFC 7578), of which there is one here: a few short fields and a small picture, read whole.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;

/// The most parts of one form.
const PARTS: usize = 8;
/// The longest boundary (RFC 2046, section 5.1.1).
const BOUNDARY_BYTES: usize = 70;

/// A form's parts, by name. What else a part says of itself, such as its file's name or type, is not looked at.
pub(crate) struct Multipart<'a> {
    parts: Vec<(String, &'a [u8])>,
}

impl<'a> Multipart<'a> {
    /// What stands between the parts of a form, if it is one.
    pub(crate) fn boundary(headers: &HeaderMap) -> Option<String> {
        let mut types = headers.get_all(CONTENT_TYPE).iter();
        let (Some(only), None) = (types.next(), types.next()) else { return None };
        let mut parameters = only.to_str().ok()?.split(';').map(str::trim);
        if !parameters.next()?.eq_ignore_ascii_case("multipart/form-data") {
            return None;
        }
        let boundary = parameters.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.eq_ignore_ascii_case("boundary").then(|| value.trim_matches('"'))
        })?;
        let fits = (1..=BOUNDARY_BYTES).contains(&boundary.len());
        fits.then(|| boundary.to_owned())
    }

    /// The parts of a body. `None` if it is not made of such, or has a name twice.
    pub(crate) fn read(body: &'a [u8], boundary: &str) -> Option<Self> {
        let delimiter = format!("\r\n--{boundary}");
        // The first has no line before it.
        let mut rest = body.strip_prefix(delimiter.trim_start().as_bytes())?;
        let mut parts: Vec<(String, &[u8])> = Vec::new();
        loop {
            if rest.starts_with(b"--") {
                return Some(Self { parts });
            }
            let part = rest.strip_prefix(b"\r\n")?;
            let end = find(part, delimiter.as_bytes())?;
            let (part, after) = part.split_at_checked(end)?;
            rest = after.get(delimiter.len()..)?;
            let head = find(part, b"\r\n\r\n")?;
            let (head, content) = part.split_at_checked(head)?;
            let name = name_of(std::str::from_utf8(head).ok()?)?;
            if parts.len() == PARTS || parts.iter().any(|(known, _)| *known == name) {
                return None;
            }
            parts.push((name, content.get(b"\r\n\r\n".len()..)?));
        }
    }

    /// A part's content, unless it is empty: a browser sends a file that was not chosen as nothing.
    pub(crate) fn bytes(&self, name: &str) -> Option<&'a [u8]> {
        self.parts
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, content)| *content)
            .filter(|c| !c.is_empty())
    }

    /// The same as text.
    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.bytes(name).and_then(|content| std::str::from_utf8(content).ok())
    }
}

/// The name that a part's head gives it.
fn name_of(head: &str) -> Option<String> {
    let disposition = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    let mut parameters = disposition.split(';').map(str::trim);
    if !parameters.next()?.eq_ignore_ascii_case("form-data") {
        return None;
    }
    let name = parameters.find_map(|parameter| parameter.strip_prefix("name="))?;
    Some(name.trim_matches('"').to_owned())
}

fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "--b\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\ntoken\r\n\
        --b\r\ncontent-disposition: form-data; name=\"picture\"; filename=\"../../x.html\"\r\nContent-Type: text/html\r\n\r\n\
        \u{1}--b\r\n--\r\n\r\n--b--\r\n";

    #[test]
    fn parts_are_found_by_name_and_kept_byte_by_byte() {
        let form = Multipart::read(FORM.as_bytes(), "b").unwrap();
        assert_eq!(form.text("csrf"), Some("token"));
        assert_eq!(form.bytes("picture"), Some(&b"\x01--b\r\n--\r\n"[..]));
        assert_eq!(form.bytes("other"), None);
        let empty = FORM.replace("token", "");
        assert_eq!(Multipart::read(empty.as_bytes(), "b").unwrap().text("csrf"), None);
    }

    #[test]
    fn what_is_cut_or_doubled_or_no_form_is_none() {
        for end in 0..FORM.len() - "--\r\n".len() {
            assert!(Multipart::read(&FORM.as_bytes()[..end], "b").is_none(), "{end}");
        }
        let part = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n";
        let doubled = format!("{part}{part}--b--");
        assert!(Multipart::read(doubled.as_bytes(), "b").is_none());
        let many: String = (0..=PARTS).map(|n| part.replace("\"a\"", &format!("\"{n}\""))).collect();
        assert!(Multipart::read(format!("{many}--b--").as_bytes(), "b").is_none());
        for other in [
            "",
            "--c--",
            "--b\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--b--",
            "--b\r\n\r\nx\r\n--b--",
        ] {
            assert!(Multipart::read(other.as_bytes(), "b").is_none(), "{other}");
        }
    }

    #[test]
    fn a_boundary_is_read_from_the_one_content_type() {
        let of = |types: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in types {
                headers.append(CONTENT_TYPE, value.parse().unwrap());
            }
            Multipart::boundary(&headers)
        };
        assert_eq!(of(&["multipart/form-data; boundary=----x"]).as_deref(), Some("----x"));
        assert_eq!(of(&["Multipart/Form-Data; charset=utf-8; Boundary=\"y\""]).as_deref(), Some("y"));
        for none in [
            &[][..],
            &["multipart/form-data"],
            &["multipart/form-data; boundary="],
            &["application/x-www-form-urlencoded; boundary=x"],
            &["multipart/form-data; boundary=x", "multipart/form-data; boundary=x"],
        ] {
            assert_eq!(of(none), None, "{none:?}");
        }
    }
}
