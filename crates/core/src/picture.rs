//! Pictures of clients, for the people who are asked.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::client::wire_names;
use crate::ids::ClientId;
use crate::limits::Limits;
use crate::record::{Format, Key, Kind, Record};
use crate::secret::Digest;

wire_names! {
    /// What a picture is written in, by the name that its answer's `Content-Type` has. A browser draws these three and runs
    /// nothing of them; SVG is not among them, since it can hold script.
    PictureFormat {
        /// Portable Network Graphics.
        Png = "image/png",
        /// JPEG.
        Jpeg = "image/jpeg",
        /// WebP.
        WebP = "image/webp",
    }
}

/// A picture that may be served as what it says it is: its first bytes say so, too, and its sides are bounded.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    format: PictureFormat,
    width: u32,
    height: u32,
    bytes: Box<[u8]>,
}

impl Picture {
    /// Takes a picture from outside. What it is called there, in a name or a header, is not looked at.
    ///
    /// # Errors
    /// [`InvalidPicture`] if it is in none of the formats, or exceeds a limit.
    pub fn parse(bytes: Vec<u8>, limits: &Limits) -> Result<Self, InvalidPicture> {
        if bytes.len() > limits.picture_bytes {
            return Err(InvalidPicture::Bytes);
        }
        let picture = Self::read(bytes).ok_or(InvalidPicture::Format)?;
        let side = 1..=limits.picture_side;
        let fits = side.contains(&picture.width) && side.contains(&picture.height);
        if fits { Ok(picture) } else { Err(InvalidPicture::Sides) }
    }

    fn read(bytes: Vec<u8>) -> Option<Self> {
        let (format, (width, height)) = png(&bytes)
            .map(|sides| (PictureFormat::Png, sides))
            .or_else(|| jpeg(&bytes).map(|sides| (PictureFormat::Jpeg, sides)))
            .or_else(|| webp(&bytes).map(|sides| (PictureFormat::WebP, sides)))?;
        Some(Self { format, width, height, bytes: bytes.into() })
    }

    /// What it is written in.
    pub fn format(&self) -> PictureFormat {
        self.format
    }

    /// Its width, in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Its height, in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The picture as it came.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What tells it from any other: for the address it is served at, so that a browser may keep it for ever.
    pub fn tag(&self) -> PictureTag {
        let digest = Digest::of(&self.bytes).to_base64url();
        PictureTag(digest.chars().take(PictureTag::CHARS).collect())
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} by {}", self.format, self.width, self.height)
    }
}

impl Serialize for Picture {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.bytes))
    }
}

// Without the limits: one that was taken once is shown, however they were narrowed since.
impl<'de> Deserialize<'de> for Picture {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text.as_bytes()).map_err(serde::de::Error::custom)?;
        Picture::read(bytes).ok_or_else(|| serde::de::Error::custom(InvalidPicture::Format))
    }
}

/// What tells one picture from another: part of its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PictureTag(Box<str>);

impl PictureTag {
    const CHARS: usize = 16;

    /// As it stands in an address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a picture is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidPicture {
    /// It is too large a file.
    Bytes,
    /// It is none of the formats, or damaged.
    Format,
    /// It is too wide, too high, or has no area.
    Sides,
}

impl fmt::Display for InvalidPicture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bytes => "the file is too large",
            Self::Format => "it is not a PNG, a JPEG or a WebP picture",
            Self::Sides => "it is too wide or too high",
        })
    }
}

impl std::error::Error for InvalidPicture {}

/// The record of a client's picture. It lies apart from the registration, so that nothing reads it but who shows it; the
/// registration says whether there is one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientLogo {
    v: Format<1>,
    /// The picture; none where it was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<Picture>,
}

impl Record for ClientLogo {
    const KIND: Kind = Kind::ClientLogo;
}

impl ClientLogo {
    /// Where it lies.
    pub fn key(client: &ClientId) -> Key<ClientLogo> {
        Key::of(client.as_str())
    }

    /// A record of this picture.
    pub fn new(picture: Option<Picture>) -> Self {
        Self { v: Format, picture }
    }
}

/// Width and height.
type Sides = (u32, u32);

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    let four: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    Some(u32::from_be_bytes(four))
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    be32(bytes, at).map(u32::swap_bytes)
}

fn be16(bytes: &[u8], at: usize) -> Option<u32> {
    let two: [u8; 2] = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
    Some(u32::from(u16::from_be_bytes(two)))
}

/// PNG, section 5.2 and 11.2.1: the signature, and the header that must come first.
fn png(bytes: &[u8]) -> Option<Sides> {
    let rest = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR")?;
    Some((be32(rest, 0)?, be32(rest, 4)?))
}

/// ITU T.81, annex B: segments, each with its length, up to the one that begins the frame.
fn jpeg(bytes: &[u8]) -> Option<Sides> {
    let mut rest = bytes.strip_prefix(b"\xff\xd8")?;
    loop {
        rest = rest.strip_prefix(b"\xff")?;
        let (marker, after) = rest.split_first()?;
        match marker {
            // A marker may be preceded by any number of these.
            0xff => {}
            // The frames, of which DHT, JPG and DAC are none.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                return Some((be16(after, 5)?, be16(after, 3)?));
            }
            // Whatever has no length, or begins what comes behind a frame.
            0x00..=0xbf | 0xd0..=0xda => return None,
            _ => rest = after.get(usize::try_from(be16(after, 0)?).ok()?..)?,
        }
    }
}

/// The three kinds of first chunk of the WebP container (RFC 9649, section 2).
fn webp(bytes: &[u8]) -> Option<Sides> {
    let rest = bytes.strip_prefix(b"RIFF")?.get(4..)?.strip_prefix(b"WEBP")?;
    let (name, chunk) = (rest.get(..4)?, rest.get(8..)?);
    match name {
        b"VP8 " => {
            let frame = chunk.get(3..)?.strip_prefix(b"\x9d\x01\x2a")?;
            let side =
                |at| be16(frame, at).map(|n| u32::from(u16::try_from(n).unwrap_or(0).swap_bytes()) & 0x3fff);
            Some((side(0)?, side(2)?))
        }
        b"VP8L" => {
            let sides = le32(chunk.strip_prefix(b"\x2f")?, 0)?;
            Some(((sides & 0x3fff) + 1, (sides >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => {
            let side = |at| le32(chunk, at).map(|n| (n & 0x00ff_ffff) + 1);
            // The second ends with the chunk, so that it is read from the byte before it.
            Some((side(4)?, (le32(chunk, 6)? >> 8) + 1))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{decode, encode};

    fn png_of(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes
    }

    /// A JFIF segment and a quantisation table stand before the frame, as programs write it.
    fn jpeg_of(width: u16, height: u16, frame: u8) -> Vec<u8> {
        let mut bytes =
            vec![0xff, 0xd8, 0xff, 0xe0, 0, 4, 0xff, 0xc0, 0xff, 0xff, 0xdb, 0, 2, 0xff, frame, 0, 11, 8];
        bytes.extend(height.to_be_bytes());
        bytes.extend(width.to_be_bytes());
        bytes
    }

    fn webp_of(name: &[u8], chunk: &[u8]) -> Vec<u8> {
        [b"RIFF\0\0\0\0WEBP", name, b"\0\0\0\0", chunk].concat()
    }

    fn parse(bytes: &[u8]) -> Result<Picture, InvalidPicture> {
        Picture::parse(bytes.to_vec(), &Limits::DEFAULT)
    }

    fn sides(bytes: &[u8]) -> (PictureFormat, u32, u32) {
        let picture = parse(bytes).unwrap();
        (picture.format(), picture.width(), picture.height())
    }

    #[test]
    fn the_first_bytes_say_what_it_is_and_how_large() {
        assert_eq!(sides(&png_of(64, 32)), (PictureFormat::Png, 64, 32));
        for frame in [0xc0, 0xc2] {
            assert_eq!(sides(&jpeg_of(640, 48, frame)), (PictureFormat::Jpeg, 640, 48));
        }
        let lossy = webp_of(b"VP8 ", b"\x30\x01\x00\x9d\x01\x2a\x90\x01\xf0\x40");
        assert_eq!(sides(&lossy), (PictureFormat::WebP, 400, 240), "what is above 14 bits is a scale");
        let lossless =
            webp_of(b"VP8L", &[b"\x2f".as_slice(), &(399_u32 | 239 << 14 | 1 << 28).to_le_bytes()].concat());
        assert_eq!(sides(&lossless), (PictureFormat::WebP, 400, 240));
        let extended = webp_of(b"VP8X", &[0x10, 0, 0, 0, 0x8f, 1, 0, 0xef, 0, 0]);
        assert_eq!(sides(&extended), (PictureFormat::WebP, 400, 240));
    }

    // Q01: what is drawn as a picture must not be able to run.
    #[test]
    fn what_is_no_picture_is_refused() {
        let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
        let gif = b"GIF89a\x01\0\x01\0\x80\0\0";
        let late = [b" ".as_slice(), &png_of(1, 1)].concat();
        for bytes in [&b""[..], svg, gif, b"<!doctype html>", b"\xff\xd8", b"RIFF\0\0\0\0WEBPVP8Y", &late] {
            assert_eq!(parse(bytes), Err(InvalidPicture::Format), "{}", String::from_utf8_lossy(bytes));
        }
        // Neither a table's marker nor the data behind the first scan is a frame.
        for marker in [0xc4, 0xc8, 0xcc, 0xda, 0xd9, 0x01] {
            assert_eq!(parse(&jpeg_of(1, 1, marker)), Err(InvalidPicture::Format), "{marker:x}");
        }
    }

    #[test]
    fn every_beginning_of_a_picture_is_read_or_refused() {
        let extended = webp_of(b"VP8X", &[0x10, 0, 0, 0, 0x8f, 1, 0, 0xef, 0, 0]);
        for whole in [png_of(64, 64), jpeg_of(64, 64, 0xc0), extended] {
            for end in 0..whole.len() {
                assert_eq!(parse(&whole[..end]), Err(InvalidPicture::Format), "{end} bytes");
            }
        }
    }

    #[test]
    fn bounds_are_those_of_the_limits() {
        let limits = Limits { picture_bytes: 24, picture_side: 100, ..Limits::DEFAULT };
        let parse = |bytes: Vec<u8>| Picture::parse(bytes, &limits).map(|picture| picture.width());
        assert_eq!(parse(png_of(100, 100)), Ok(100));
        for (width, height) in [(101, 1), (1, 101), (0, 1), (1, 0), (u32::MAX, u32::MAX)] {
            assert_eq!(parse(png_of(width, height)), Err(InvalidPicture::Sides), "{width} by {height}");
        }
        assert_eq!(parse([png_of(1, 1), vec![0]].concat()), Err(InvalidPicture::Bytes));
    }

    #[test]
    fn the_record_is_as_it_was() {
        let key = ClientLogo::key(&"web".parse().unwrap());
        assert_eq!(key.raw().to_string(), "client-logo/web");
        let picture = parse(&png_of(2, 3)).unwrap();
        assert_eq!(picture.tag().as_str(), "20LXt0CjYlb2lBck");
        for (record, body) in [
            (ClientLogo::new(Some(picture)), r#"{"v":1,"picture":"iVBORw0KGgoAAAANSUhEUgAAAAIAAAAD"}"#),
            (ClientLogo::new(None), r#"{"v":1}"#),
        ] {
            assert_eq!(String::from_utf8(encode(&record)).unwrap(), body);
            assert_eq!(decode::<ClientLogo>(key.raw(), body.as_bytes()).unwrap().picture, record.picture);
        }
        assert!(decode::<ClientLogo>(key.raw(), br#"{"v":1,"picture":"PHN2Zz4="}"#).is_err());
    }
}
