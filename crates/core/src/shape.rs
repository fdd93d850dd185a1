//! How a credential is written: a prefix, and bytes in one of four alphabets.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::entropy::Entropy;
use crate::secret::Secret;

/// How one kind of credential is written, as in `gra_at_{base64url:70}`, `wm_token_{alnum:50}`, `{hex:64}` or `{uuid}`:
/// a prefix, and behind it so many characters of an alphabet.
///
/// Every text of a shape has the same length, and stands for exactly one sequence of bytes: a credential has one
/// spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    prefix: Cow<'static, str>,
    alphabet: Alphabet,
    length: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alphabet {
    Base64url,
    /// Lower case.
    Hex,
    /// `0-9A-Za-z`, the digits of a number in base 62.
    Alnum,
    /// 128 bits, of which six say that it is a random UUID (RFC 9562, section 5.4).
    Uuid,
}

const UUID_LENGTH: usize = 36;
const BASE_62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// More than any service's tokens have; what is longer does not fit where tokens travel.
const LONGEST: usize = 2048;

impl Shape {
    /// A prefix and so many characters of base64url.
    pub(crate) const fn base64url(prefix: &'static str, length: usize) -> Self {
        Self { prefix: Cow::Borrowed(prefix), alphabet: Alphabet::Base64url, length }
    }

    /// A prefix and so many letters and digits.
    pub(crate) const fn alnum(prefix: &'static str, length: usize) -> Self {
        Self { prefix: Cow::Borrowed(prefix), alphabet: Alphabet::Alnum, length }
    }

    /// What every text of this shape begins with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// How many bytes a text of this shape holds.
    pub fn bytes(&self) -> usize {
        match self.alphabet {
            Alphabet::Base64url => self.length * 6 / 8,
            Alphabet::Hex => self.length / 2,
            // log2(62) = 5.954…, rounded down: as many whole bytes as surely fit.
            Alphabet::Alnum => self.length * 5954 / 8000,
            Alphabet::Uuid => 16,
        }
    }

    /// Whether the bytes come back as they went in. Of a UUID's, six bits do not.
    pub fn keeps_bytes(&self) -> bool {
        self.alphabet != Alphabet::Uuid
    }

    /// The text that stands for `bytes`, of which there must be [`Shape::bytes`].
    pub(crate) fn write(&self, bytes: &[u8]) -> Secret {
        let mut text = String::with_capacity(self.prefix.len() + self.length);
        text.push_str(&self.prefix);
        match self.alphabet {
            Alphabet::Base64url => URL_SAFE_NO_PAD.encode_string(bytes, &mut text),
            Alphabet::Hex => bytes.iter().for_each(|byte| push_hex(*byte, &mut text)),
            Alphabet::Alnum => push_base_62(bytes, self.length, &mut text),
            Alphabet::Uuid => push_uuid(bytes, &mut text),
        }
        Secret::new(text)
    }

    /// The bytes that `text` stands for, if it is of this shape.
    pub(crate) fn read(&self, text: &str) -> Option<Zeroizing<Vec<u8>>> {
        let body = text.strip_prefix(&*self.prefix).filter(|body| body.len() == self.length)?;
        match self.alphabet {
            Alphabet::Base64url => URL_SAFE_NO_PAD.decode(body).ok().map(Zeroizing::new),
            Alphabet::Hex => from_hex(body),
            Alphabet::Alnum => from_base_62(body, self.bytes()),
            Alphabet::Uuid => None,
        }
    }

    /// A new random text of this shape.
    pub(crate) fn draw(&self, entropy: &mut Entropy) -> Secret {
        let mut bytes = Zeroizing::new(vec![0; self.bytes()]);
        entropy.fill(&mut bytes);
        self.write(&bytes)
    }
}

fn push_hex(byte: u8, into: &mut String) {
    for digit in [byte >> 4, byte & 15] {
        into.extend(char::from_digit(u32::from(digit), 16));
    }
}

fn from_hex(body: &str) -> Option<Zeroizing<Vec<u8>>> {
    let digit = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    let pairs = body.as_bytes().chunks_exact(2);
    let byte = |pair: &[u8]| Some(digit(*pair.first()?)? << 4 | digit(*pair.last()?)?);
    pairs.map(byte).collect::<Option<Vec<u8>>>().map(Zeroizing::new)
}

/// The bytes as one number, in exactly `length` digits.
fn push_base_62(bytes: &[u8], length: usize, into: &mut String) {
    let mut number = Zeroizing::new(bytes.to_vec());
    let mut digits = Zeroizing::new(vec![b'0'; length]);
    for digit in digits.iter_mut().rev() {
        let mut remainder = 0_u32;
        for byte in number.iter_mut() {
            let value = remainder << 8 | u32::from(*byte);
            // Below 256, since the remainder before it is below 62.
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            remainder = value % 62;
        }
        *digit = usize::try_from(remainder).ok().and_then(|at| BASE_62.get(at)).copied().unwrap_or(b'0');
    }
    into.extend(digits.iter().map(|digit| char::from(*digit)));
}

fn from_base_62(body: &str, bytes: usize) -> Option<Zeroizing<Vec<u8>>> {
    let mut number = Zeroizing::new(vec![0_u8; bytes]);
    for digit in body.bytes() {
        let mut carry = u32::try_from(BASE_62.iter().position(|d| *d == digit)?).ok()?;
        for byte in number.iter_mut().rev() {
            let value = u32::from(*byte) * 62 + carry;
            *byte = value.to_le_bytes().first().copied()?;
            carry = value >> 8;
        }
        // A number that needs more bytes stands for none of our texts.
        if carry != 0 {
            return None;
        }
    }
    Some(number)
}

fn push_uuid(bytes: &[u8], into: &mut String) {
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            into.push('-');
        }
        let byte = match at {
            6 => byte & 0x0f | 0x40,
            8 => byte & 0x3f | 0x80,
            _ => *byte,
        };
        push_hex(byte, into);
    }
}

impl FromStr for Shape {
    type Err = InvalidShape;

    fn from_str(text: &str) -> Result<Self, InvalidShape> {
        let (prefix, rest) = text.split_once('{').ok_or(InvalidShape)?;
        let inner = rest.strip_suffix('}').ok_or(InvalidShape)?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        if !prefix.bytes().all(plain) {
            return Err(InvalidShape);
        }
        let (alphabet, length) = match inner.split_once(':') {
            None if inner == "uuid" => (Alphabet::Uuid, UUID_LENGTH),
            Some((name, length)) => {
                let alphabet = match name {
                    "base64url" => Alphabet::Base64url,
                    "hex" => Alphabet::Hex,
                    "alnum" => Alphabet::Alnum,
                    _ => return Err(InvalidShape),
                };
                (alphabet, length.parse().map_err(|_| InvalidShape)?)
            }
            None => return Err(InvalidShape),
        };
        // Lengths that no number of whole bytes has.
        let whole = match alphabet {
            Alphabet::Base64url => length % 4 != 1,
            Alphabet::Hex => length % 2 == 0,
            Alphabet::Alnum | Alphabet::Uuid => true,
        };
        if length == 0 || length > LONGEST || !whole {
            return Err(InvalidShape);
        }
        Ok(Self { prefix: prefix.to_owned().into(), alphabet, length })
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (prefix, length) = (&self.prefix, self.length);
        match self.alphabet {
            Alphabet::Base64url => write!(f, "{prefix}{{base64url:{length}}}"),
            Alphabet::Hex => write!(f, "{prefix}{{hex:{length}}}"),
            Alphabet::Alnum => write!(f, "{prefix}{{alnum:{length}}}"),
            Alphabet::Uuid => write!(f, "{prefix}{{uuid}}"),
        }
    }
}

/// A text that is no shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidShape;

impl fmt::Display for InvalidShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("write a prefix of letters, digits, - and _, and then {base64url:N}, {hex:N}, {alnum:N} or {uuid}")
    }
}

impl std::error::Error for InvalidShape {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shape(text: &str) -> Shape {
        text.parse().unwrap()
    }

    #[test]
    fn shapes_read_and_print() {
        for good in ["gra_at_{base64url:70}", "{hex:64}", "wm_token_{alnum:50}", "{uuid}", "{base64url:396}"]
        {
            assert_eq!(shape(good).to_string(), good);
        }
        for bad in [
            "",
            "x",
            "{hex}",
            "{hex:63}",
            "{base64url:5}",
            "{uuid:4}",
            "{alnum:0}",
            "{octal:8}",
            "a b{uuid}",
            "{hex:64}x",
            "{hex:99999}",
            "{hex:-2}",
        ] {
            assert!(bad.parse::<Shape>().is_err(), "{bad}");
        }
    }

    #[test]
    fn texts_are_as_long_as_they_say() {
        for (text, bytes) in [
            ("{hex:64}", 32),
            ("wm_token_{alnum:50}", 37),
            ("{base64url:396}", 297),
            ("gra_at_{base64url:70}", 52),
            ("{uuid}", 16),
        ] {
            let shape = shape(text);
            assert_eq!(shape.bytes(), bytes, "{text}");
            let drawn = shape.draw(&mut Entropy::from_seed([5; 32]));
            assert_eq!(drawn.expose().len(), shape.prefix().len() + shape.length, "{text}");
        }
    }

    #[test]
    fn a_uuid_is_one_of_version_4() {
        let text = shape("{uuid}").write(&[0xff; 16]);
        assert_eq!(text.expose(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    fn any_shape() -> impl Strategy<Value = Shape> {
        prop_oneof![
            (8usize..100).prop_map(|n| shape(&format!("a_{{hex:{}}}", n * 2))),
            (8usize..100).prop_map(|n| shape(&format!("{{alnum:{n}}}"))),
            (8usize..100).prop_map(|n| shape(&format!("{{base64url:{}}}", n * 4 + 2))),
        ]
    }

    proptest! {
        #[test]
        fn bytes_come_back(shape in any_shape(), seed: [u8; 32]) {
            let mut bytes = vec![0; shape.bytes()];
            Entropy::from_seed(seed).fill(&mut bytes);
            let text = shape.write(&bytes);
            prop_assert_eq!(text.expose().len(), shape.prefix().len() + shape.length);
            prop_assert_eq!(shape.read(text.expose()).unwrap().to_vec(), bytes);
        }

        #[test]
        fn what_reads_has_one_spelling(shape in any_shape(), text in "(a_)?[0-9A-Za-z_-]{0,210}") {
            if let Some(bytes) = shape.read(&text) {
                let again = shape.write(&bytes);
                prop_assert_eq!(again.expose(), text.as_str());
            }
        }

        #[test]
        fn the_largest_number_is_the_last(n in 8usize..60) {
            let shape = shape(&format!("{{alnum:{n}}}"));
            let bytes = vec![0xff; shape.bytes()];
            prop_assert_eq!(shape.read(shape.write(&bytes).expose()).unwrap().to_vec(), bytes);
            prop_assert!(shape.read(&"z".repeat(n)).is_none());
        }
    }
}
