//! An operator's templates: read, tried on samples, refused with file and line, and as safe as ours.
#![cfg(test)]

use std::fs;

use grantor_pages::{Consent, Frame, Login, Look, Page, TemplateFolder, Words};
use tempfile::TempDir;

const HOSTILE: &str = "\"><script>alert(1)</script>";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn read(files: &[(&str, &str)]) -> Result<TemplateFolder, String> {
    let languages = Words::ours();
    let folder = folder(files);
    TemplateFolder::read(folder.path(), languages.pick(None, None).words()).map_err(|error| error.to_string())
}

fn consent<'a>(client: &'a str) -> Consent<'a> {
    Consent {
        action: "/decide",
        logout: Some("/logout"),
        csrf: "token",
        interaction: "handle",
        client,
        description: None,
        logo: None,
        owner: None,
        home: None,
        target: "https://app.test",
        user: client,
        account: None,
        permissions: &[],
        already: &[],
    }
}

#[test]
fn a_template_replaces_its_page_and_no_other_and_the_frame_stays() {
    let templates = read(&[
        ("_name.html", "<b>{{ page.client }}</b>"),
        (
            "consent.html",
            "{% include '_name.html' %} {{ say(words.consent.asks, client=page.client, user=page.user) }}",
        ),
    ]);
    let look = Look::builder().replace(templates.unwrap()).build();
    let frame = Frame::of(look.languages().pick(Some("de"), None));
    let page = look.render(&Page::Consent(&consent("Web & Co")), &frame).unwrap().html;
    assert!(page.contains("<b>Web &amp; Co</b>") || page.contains("<b>Web &#38; Co</b>"), "{page}");
    assert!(page.contains("möchte für Sie") && page.contains("<title>Web &#38; Co zulassen?"), "{page}");
    let login = Login { action: "/login", signup: None, csrf: "t", request: "", username: "", problem: None };
    assert!(look.render(&Page::Login(&login), &frame).unwrap().html.contains("name=\"password\""));
}

// Q01
#[test]
fn whatever_renders_a_page_a_hostile_name_stays_a_text() {
    let template = "{{ page.client }} {{ say(words.consent.asks, client=page.client, user=page.user) }}";
    let own = Look::builder().replace(read(&[("consent.html", template)]).unwrap()).build();
    for look in [Look::default(), own] {
        for language in look.languages().iter() {
            let page = look.render(&Page::Consent(&consent(HOSTILE)), &Frame::of(language)).unwrap();
            assert!(page.html.contains("alert(1)") && !page.html.contains("<script"), "{}", page.html);
            assert_eq!(page.script_source, None);
        }
    }
}

#[test]
fn what_cannot_be_rendered_is_found_before_the_first_request_and_told_with_its_place() {
    for (name, text, told) in [
        ("consent.html", "<p>\n{{ page.clientt }}", "consent.html, line 2"),
        ("consent.html", "{{ page.client", "line 1"),
        ("consent.html", "{{ say(words.consent.asks, clinet=page.client) }}", "clinet"),
        ("consent.html", "{{ words.consent.ask }}", "line 1"),
        ("consent.html", "{% include '_nothing.html' %}", "_nothing.html"),
        // Seen only where there is none: each page is tried with everything and with nothing on it.
        ("login.html", "{{ page.problem|length }}", "login.html"),
        ("consnet.html", "", "there is no page of that name"),
    ] {
        let why = read(&[(name, text)]).err().unwrap_or_else(|| panic!("{text} was taken"));
        assert!(why.contains(told), "{text}: {why}");
    }
}

#[test]
fn every_page_says_what_it_is_in_every_language_and_needs_nothing_from_elsewhere() {
    let look = Look::default();
    for language in look.languages().iter() {
        let page = look.render(&Page::Consent(&consent("Web")), &Frame::of(language)).unwrap().html;
        assert!(page.starts_with("<!doctype html>") && page.len() < 50_000, "{} bytes", page.len());
        assert!(page.contains(&format!("lang=\"{}\" dir=\"ltr\"", language.tag())));
        assert!(!page.contains("http://") && !page.contains("src="), "{page}");
    }
}
