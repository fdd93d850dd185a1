//! Names in hexadecimal, so that on a command line they never begin with a hyphen.

use std::fmt;

use grantor_core::InvalidId;

pub(crate) fn write(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// Reads what [`write`] wrote, and nothing that only means the same.
pub(crate) fn read<const N: usize>(text: &str) -> Result<[u8; N], InvalidId> {
    let digit =
        |c: char| c.to_digit(16).filter(|_| !c.is_ascii_uppercase()).and_then(|d| u8::try_from(d).ok());
    let digits: Vec<u8> = text.chars().map(digit).collect::<Option<_>>().ok_or(InvalidId)?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high * 16 + low).collect();
    if !rest.is_empty() {
        return Err(InvalidId);
    }
    bytes.try_into().map_err(|_| InvalidId)
}
