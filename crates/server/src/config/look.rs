//! How the pages look: what of it the operator chose, read from his files as the configuration is.

use std::path::Path;
use std::sync::Arc;

use grantor_pages::{Brand, Colour, Languages, Link, Logo, Look, TemplateFolder, Words};

/// The operator's brand, languages and templates.
#[derive(Clone)]
pub(crate) struct Pages {
    brand: Brand,
    languages: Languages<Words>,
    templates: Option<Arc<TemplateFolder>>,
}

impl Default for Pages {
    fn default() -> Self {
        Self { brand: Brand::default(), languages: Words::ours(), templates: None }
    }
}

impl Pages {
    pub(crate) fn look(&self) -> Look {
        let look = Look::builder().brand(self.brand.clone()).languages(self.languages.clone());
        match &self.templates {
            Some(templates) => look.replace(Arc::clone(templates)).build(),
            None => look.build(),
        }
    }

    pub(super) fn name(&mut self, name: &str) -> Result<(), String> {
        self.brand.rename(name).map_err(|e| e.to_string())
    }

    pub(super) fn colour(&mut self, colour: &str) -> Result<(), String> {
        let colour: Colour = colour.parse().map_err(|e: grantor_pages::InvalidColour| e.to_string())?;
        self.brand = std::mem::take(&mut self.brand).colour(colour);
        Ok(())
    }

    pub(super) fn logo(&mut self, file: &str) -> Result<(), String> {
        let bytes = std::fs::read(file).map_err(|e| format!("{file}: {e}"))?;
        let logo = Logo::read(&bytes).map_err(|e| format!("{file}: {e}"))?;
        self.brand = std::mem::take(&mut self.brand).logo(logo).map_err(|e| format!("{file}: {e}"))?;
        Ok(())
    }

    pub(super) fn css(&mut self, file: &str) -> Result<(), String> {
        let css = text(file)?;
        self.brand = std::mem::take(&mut self.brand).css(&css).map_err(|e| format!("{file}: {e}"))?;
        Ok(())
    }

    /// Each link is its text, a space, and where it leads.
    pub(super) fn links(&mut self, links: &[String]) -> Result<(), String> {
        let link = |line: &String| {
            let (text, href) = line.rsplit_once(' ').ok_or("write a text, a space and an address")?;
            Link::new(text, href).map_err(|e| e.to_string())
        };
        let links: Result<Vec<Link>, String> = links.iter().map(link).collect();
        self.brand = std::mem::take(&mut self.brand).links(links?).map_err(|e| e.to_string())?;
        Ok(())
    }

    pub(super) fn messages(&mut self, files: &[String]) -> Result<(), String> {
        for file in files {
            self.languages.add(&text(file)?).map_err(|e| format!("{file}: {e}"))?;
        }
        Ok(())
    }

    pub(super) fn templates(&mut self, folder: &str) -> Result<(), String> {
        let words = Words::ours();
        let words = words.pick(None, None).words();
        let read = TemplateFolder::read(Path::new(folder), words).map_err(|e| e.to_string())?;
        self.templates = Some(Arc::new(read));
        Ok(())
    }
}

fn text(file: &str) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))
}
