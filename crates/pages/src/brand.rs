//! Whose pages these are.

use askama::filters::{Escaper as _, Html};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::colour::Colour;

/// The operator's name, logo, colour, links and CSS. All of it is his, and is trusted.
#[derive(Debug, Clone)]
pub struct Brand {
    name: String,
    logo: Option<Logo>,
    colour: Colour,
    links: Vec<Link>,
    css: String,
}

/// A picture for the head of each page. It stands in the page itself, so nothing is waited for.
#[derive(Debug, Clone)]
pub struct Logo {
    data: String,
}

/// A link at the foot of each page: terms, privacy, help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What it says.
    pub text: String,
    /// Where it leads: `https://`, `mailto:`, or a path of this server.
    pub href: String,
}

/// A brand that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBrand {
    /// A name that is empty or long.
    #[error("the name has 1 to 60 characters")]
    Name,
    /// A logo of no known kind.
    #[error("the logo is a PNG, JPEG, WebP or SVG picture")]
    LogoKind,
    /// A logo that would make every page heavy.
    #[error("the logo has at most {} bytes, since it stands in each page", Logo::BYTES)]
    LogoSize,
    /// A link that leads nowhere.
    #[error("a link leads to an https or mailto address, or to a path: {0:?}")]
    Link(String),
    /// CSS that would end the style sheet.
    #[error("the CSS has no `</`")]
    Css,
    /// More than every page can bear.
    #[error(
        "logo, CSS and links have at most {} bytes together, of which a logo counts four thirds: they stand in each page",
        Brand::BYTES
    )]
    Heavy,
}

impl Logo {
    /// The most bytes of a logo: as many as a brand has room for, since a picture in a page takes four bytes for three.
    pub const BYTES: usize = Brand::BYTES / 4 * 3 - 32;

    /// The picture in a file. An SVG can hold no script here: it is shown as an image, where none runs.
    ///
    /// # Errors
    /// [`InvalidBrand`] if it is none, or too large.
    pub fn read(bytes: &[u8]) -> Result<Self, InvalidBrand> {
        if bytes.len() > Self::BYTES {
            return Err(InvalidBrand::LogoSize);
        }
        let text = std::str::from_utf8(bytes).unwrap_or_default().trim_start();
        let kind = match bytes {
            [0x89, b'P', b'N', b'G', ..] => "image/png",
            [0xff, 0xd8, 0xff, ..] => "image/jpeg",
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
            _ if text.starts_with("<svg") || text.starts_with("<?xml") => "image/svg+xml",
            _ => return Err(InvalidBrand::LogoKind),
        };
        Ok(Self { data: format!("data:{kind};base64,{}", STANDARD.encode(bytes)) })
    }

    /// The picture as a `data:` URL.
    pub fn src(&self) -> &str {
        &self.data
    }
}

impl Link {
    /// A link.
    ///
    /// # Errors
    /// [`InvalidBrand`] if it leads nowhere that a page may lead to.
    pub fn new(text: &str, href: &str) -> Result<Self, InvalidBrand> {
        let is_path = href.starts_with('/') && !href.starts_with("//");
        let leads = is_path || ["https://", "mailto:"].iter().any(|scheme| href.starts_with(scheme));
        if !leads || text.trim().is_empty() || href.chars().any(char::is_control) {
            return Err(InvalidBrand::Link(href.to_owned()));
        }
        Ok(Self { text: text.to_owned(), href: href.to_owned() })
    }
}

impl Default for Brand {
    fn default() -> Self {
        Self {
            name: "grantor".to_owned(),
            logo: None,
            colour: Self::COLOUR,
            links: Vec::new(),
            css: String::new(),
        }
    }
}

impl Brand {
    const COLOUR: Colour = Colour::new([0x1a, 0x5f, 0xb4]);
    /// The most bytes of logo, CSS and links as they stand in a page. With these, and with the picture of an application, every
    /// page of people stays below 50 kB.
    pub const BYTES: usize = 7 * 1024;

    /// A brand of this name, and else as ours.
    ///
    /// # Errors
    /// [`InvalidBrand`] if the name is empty or long.
    pub fn new(name: &str) -> Result<Self, InvalidBrand> {
        let mut brand = Self::default();
        brand.rename(name)?;
        Ok(brand)
    }

    /// Gives it another name.
    ///
    /// # Errors
    /// [`InvalidBrand`] if the name is empty or long. Then nothing has changed.
    pub fn rename(&mut self, name: &str) -> Result<(), InvalidBrand> {
        let name = name.trim();
        let fits = (1..=60).contains(&name.chars().count()) && !name.chars().any(char::is_control);
        if !fits {
            return Err(InvalidBrand::Name);
        }
        self.name = name.to_owned();
        Ok(())
    }

    /// Puts a logo in front of the name.
    ///
    /// # Errors
    /// [`InvalidBrand`] if all together is too much.
    pub fn logo(self, logo: Logo) -> Result<Self, InvalidBrand> {
        Self { logo: Some(logo), ..self }.light()
    }

    /// Colours buttons and links. Where it would be hard to read, it is adapted.
    #[must_use]
    pub fn colour(mut self, colour: Colour) -> Self {
        self.colour = colour;
        self
    }

    /// Adds links to the foot of each page.
    ///
    /// # Errors
    /// [`InvalidBrand`] if all together is too much.
    pub fn links(self, links: Vec<Link>) -> Result<Self, InvalidBrand> {
        Self { links, ..self }.light()
    }

    /// Adds CSS after ours.
    ///
    /// # Errors
    /// [`InvalidBrand`] if it would end the style sheet, or all together is too much.
    pub fn css(self, css: &str) -> Result<Self, InvalidBrand> {
        if css.contains("</") {
            return Err(InvalidBrand::Css);
        }
        Self { css: css.to_owned(), ..self }.light()
    }

    fn light(self) -> Result<Self, InvalidBrand> {
        let logo = self.logo.as_ref().map_or(0, |logo| logo.data.len());
        let link = |link: &Link| "<a href=\"\"></a>".len() + escaped(&link.text) + escaped(&link.href);
        let weight = logo + self.css.len() + self.links.iter().map(link).sum::<usize>();
        if weight > Self::BYTES { Err(InvalidBrand::Heavy) } else { Ok(self) }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn logo_src(&self) -> Option<&str> {
        self.logo.as_ref().map(Logo::src)
    }

    pub(crate) fn footer(&self) -> &[Link] {
        &self.links
    }

    /// What the style sheet has to say of it: the colours of both schemes, and the operator's own CSS.
    pub(crate) fn sheet(&self) -> String {
        let scheme = |ground: Colour| {
            let accent = self.colour.readable_on(ground);
            format!("--accent:{accent};--on-accent:{}", accent.ink())
        };
        // The grounds of the style sheet that have the least contrast to what stands on them.
        let (light, dark) = (Colour::new([0xf2, 0xf4, 0xf6]), Colour::new([0x1f, 0x23, 0x28]));
        let (light, dark) = (scheme(light), scheme(dark));
        let css = &self.css;
        format!(":root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}\n{css}")
    }
}

/// How many bytes a text has in a page.
fn escaped(text: &str) -> usize {
    let mut html = String::with_capacity(text.len());
    // Writing to a String cannot fail.
    let _ = Html.write_escaped_str(&mut html, text);
    html.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_a_page_and_runs_nothing() {
        for good in ["https://example.test/terms", "mailto:help@example.test", "/terms"] {
            assert!(Link::new("Terms", good).is_ok(), "{good}");
        }
        for bad in
            ["javascript:alert(1)", "//evil.test", "http://example.test", "data:text/html,x", "", "terms"]
        {
            assert!(Link::new("Terms", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_logo_is_a_small_picture() {
        let svg = Logo::read(b"<svg xmlns='http://www.w3.org/2000/svg'/>").unwrap();
        assert!(svg.src().starts_with("data:image/svg+xml;base64,"));
        assert_eq!(Logo::read(b"<html>").unwrap_err(), InvalidBrand::LogoKind);
        assert_eq!(Logo::read(&[0x89; Logo::BYTES + 1]).unwrap_err(), InvalidBrand::LogoSize);
    }

    #[test]
    fn no_css_ends_the_style_sheet() {
        assert_eq!(Brand::default().css("</style><script>").unwrap_err(), InvalidBrand::Css);
        assert!(Brand::default().css("h1 { color: red }").unwrap().sheet().ends_with("h1 { color: red }"));
    }

    #[test]
    fn logo_css_and_links_have_one_bound_in_whatever_order_they_come() {
        let mut picture = vec![0; Logo::BYTES];
        picture[..4].copy_from_slice(&[0x89, b'P', b'N', b'G']);
        let logo = || Logo::read(&picture).unwrap();
        let rest = Brand::BYTES - logo().src().len();
        let css = |bytes| " ".repeat(bytes);
        let whole = Brand::default().logo(logo()).unwrap().css(&css(rest)).unwrap();
        assert_eq!(whole.links(vec![Link::new("T", "/t").unwrap()]).unwrap_err(), InvalidBrand::Heavy);
        assert_eq!(
            Brand::default().css(&css(rest + 1)).unwrap().logo(logo()).unwrap_err(),
            InvalidBrand::Heavy
        );
        assert!(Brand::default().css(&css(Brand::BYTES)).is_ok());
        assert!(Brand::default().css(&css(Brand::BYTES + 1)).is_err());
        let link = Link::new(&"&".repeat(Brand::BYTES / 5), "/t").unwrap();
        assert_eq!(
            Brand::default().links(vec![link]).unwrap_err(),
            InvalidBrand::Heavy,
            "as it stands there"
        );
    }
}
