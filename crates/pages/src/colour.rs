//! Colours that can be read (WCAG 2.2, success criteria 1.4.3 and 1.4.11).

use std::fmt;

/// An sRGB colour, as in `#1a5fb4`.
///
/// ```
/// use grantor_pages::Colour;
/// let yellow: Colour = "#ffdd00".parse()?;
/// assert!(yellow.contrast(Colour::WHITE) < 4.5);
/// assert!(yellow.readable_on(Colour::WHITE).contrast(Colour::WHITE) >= 4.5);
/// # Ok::<(), grantor_pages::InvalidColour>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour([u8; 3]);

/// A text that is no colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a colour is written as in #1a5fb4")]
pub struct InvalidColour;

impl Colour {
    /// White.
    pub const WHITE: Colour = Colour([255; 3]);
    /// Black.
    pub const BLACK: Colour = Colour([0; 3]);

    /// A colour of these parts of red, green and blue.
    pub const fn new(rgb: [u8; 3]) -> Self {
        Self(rgb)
    }

    /// The contrast of two colours, from 1 to 21 (WCAG 2.2, "contrast ratio").
    pub fn contrast(self, other: Colour) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// The nearest colour, on the way to black or to white, that can be read on this ground.
    #[must_use]
    pub fn readable_on(self, ground: Colour) -> Colour {
        const ENOUGH: f64 = 4.5;
        let away = if ground.luminance() > 0.18 { Colour::BLACK } else { Colour::WHITE };
        let steps = (0..=32).map(|step| self.mixed(away, f64::from(step) / 32.0));
        steps.into_iter().find(|colour| colour.contrast(ground) >= ENOUGH).unwrap_or(away)
    }

    /// Black or white: whichever can be read better on it.
    #[must_use]
    pub fn ink(self) -> Colour {
        let (black, white) = (self.contrast(Colour::BLACK), self.contrast(Colour::WHITE));
        if white >= black { Colour::WHITE } else { Colour::BLACK }
    }

    fn mixed(self, other: Colour, part: f64) -> Colour {
        let mix = |a: u8, b: u8| {
            let mixed = f64::from(a) * (1.0 - part) + f64::from(b) * part;
            // Between two bytes: in their range.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let byte = mixed.round() as u8;
            byte
        };
        let ([r, g, b], [to_r, to_g, to_b]) = (self.0, other.0);
        Colour([mix(r, to_r), mix(g, to_g), mix(b, to_b)])
    }

    fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        let [r, g, b] = self.0.map(linear);
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [r, g, b] = self.0;
        write!(f, "#{r:02x}{g:02x}{b:02x}")
    }
}

impl std::str::FromStr for Colour {
    type Err = InvalidColour;

    fn from_str(text: &str) -> Result<Self, InvalidColour> {
        let digits = text.strip_prefix('#').ok_or(InvalidColour)?;
        let plain = digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let number = u32::from_str_radix(digits, 16).ok().filter(|_| plain).ok_or(InvalidColour)?;
        let [_, r, g, b] = number.to_be_bytes();
        Ok(Self([r, g, b]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_what_wcag_says() {
        assert!((Colour::BLACK.contrast(Colour::WHITE) - 21.0).abs() < 0.01);
        let grey: Colour = "#767676".parse().unwrap();
        assert!((grey.contrast(Colour::WHITE) - 4.54).abs() < 0.01);
        assert_eq!(grey.to_string(), "#767676");
    }

    #[test]
    fn every_colour_can_be_read_once_it_is_adapted() {
        let grounds = ["#ffffff", "#1f2328", "#f2f4f6", "#14171a"].map(|c| c.parse::<Colour>().unwrap());
        for (r, g, b) in (0..=255u8).step_by(15).flat_map(|r| {
            (0..=255u8).step_by(15).flat_map(move |g| (0..=255u8).step_by(15).map(move |b| (r, g, b)))
        }) {
            let colour = Colour::new([r, g, b]);
            for ground in grounds {
                let readable = colour.readable_on(ground);
                assert!(readable.contrast(ground) >= 4.5, "{colour} on {ground}: {readable}");
                assert!(readable.ink().contrast(readable) >= 4.5);
            }
        }
    }

    #[test]
    fn what_is_no_colour_is_refused() {
        for bad in ["", "#fff", "1a5fb4", "#1a5fbg", "#+a5fb4", "#1a5fb4;", "red"] {
            assert_eq!(bad.parse::<Colour>(), Err(InvalidColour), "{bad}");
        }
    }
}
