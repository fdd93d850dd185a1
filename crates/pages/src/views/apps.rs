//! The pages of whoever registers applications.

use std::sync::LazyLock;

use serde::Serialize;

use crate::page::{Page, View};
use crate::views::{Moment, Problem, Wording};
use crate::words::Words;

/// The applications that somebody registered.
#[derive(Debug, Clone, Serialize)]
pub struct Apps<'a> {
    /// Where to register another, if he may.
    pub register: Option<&'a str>,
    /// What he has.
    pub apps: &'a [AppLine],
    /// Where the list goes on.
    pub next: Option<&'a str>,
}

/// An application in a list.
#[derive(Debug, Clone, Serialize)]
pub struct AppLine {
    /// Where its own page is.
    pub href: String,
    /// Its name.
    pub name: String,
    /// What it does, in its owner's words.
    pub description: Option<String>,
    /// Its id.
    pub client_id: String,
}

/// The form for registering an application, or for changing one. Its fields are `name`, `description`, `home`, `redirect_uris`
/// (one a line), `kind` (`confidential` or `public`), a `grant.NAME` and a `scope.TOKEN` for each that is ticked, and `csrf`.
#[derive(Debug, Clone, Serialize)]
pub struct AppForm<'a> {
    /// Where the form is posted.
    pub action: &'a str,
    /// Where to go instead.
    pub cancel: &'a str,
    /// The form's token.
    pub csrf: &'a str,
    /// The id that a new one will have, which goes with the token as the field `client_id`: so the form makes one and no second.
    pub client_id: Option<&'a str>,
    /// Whether it is a new one.
    pub is_new: bool,
    /// Its name.
    pub name: &'a str,
    /// What it does.
    pub description: &'a str,
    /// Its home page.
    pub home: &'a str,
    /// Its redirect URIs, one a line.
    pub redirect_uris: &'a str,
    /// Whether there are two kinds to choose from.
    pub choose_kind: bool,
    /// Whether it has no way to keep a secret.
    pub is_public: bool,
    /// The ways to get tokens that there are to choose from.
    pub grants: &'a [Tick<'a>],
    /// The permissions that there are to choose from.
    pub scopes: &'a [Tick<'a>],
    /// What was wrong with what was entered.
    pub problem: Option<Problem<'a>>,
    /// Its picture; none if it is a new one.
    pub picture: Option<AppPicture<'a>>,
}

/// Something to tick.
#[derive(Debug, Clone, Serialize)]
pub struct Tick<'a> {
    /// Its name.
    pub token: &'a str,
    /// What it is, in words.
    #[serde(flatten)]
    pub wording: Wording<'a>,
    /// Whether it is ticked.
    pub ticked: bool,
}

/// The form for an application's picture: `picture`, with `csrf`, as `multipart/form-data`; without a picture it is taken away.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct AppPicture<'a> {
    /// Where the form is posted.
    pub action: &'a str,
    /// Where the picture is that it has.
    pub src: Option<&'a str>,
    /// How many thousand bytes it may have.
    pub most_kilobytes: usize,
}

/// An application, as its owner sees it.
#[derive(Debug, Clone, Serialize)]
pub struct App<'a> {
    /// Where all of his are.
    pub list: &'a str,
    /// Where to change it.
    pub edit: &'a str,
    /// Where to delete it.
    pub delete: &'a str,
    /// Where a new secret is asked for: the form has `overlap`, `newest` and `csrf`. None if it has no secrets.
    pub rotate: Option<&'a str>,
    /// The form's token.
    pub csrf: &'a str,
    /// Its name.
    pub name: &'a str,
    /// What it does.
    pub description: Option<&'a str>,
    /// Where its picture is.
    pub logo: Option<&'a str>,
    /// Its id.
    pub client_id: &'a str,
    /// Its new secret, which is shown this once.
    pub secret: Option<&'a str>,
    /// What tells its newest secret from others: the field `newest` of the form for another, so that it gives no second.
    pub newest: &'a str,
    /// The secrets that are valid.
    pub secrets: &'a [SecretLine],
    /// How long the secrets it has can stay valid when it is given another.
    pub overlaps: &'a [Overlap<'a>],
    /// Where answers may go.
    pub redirect_uris: &'a [&'a str],
    /// What it may ask for, in words.
    pub permissions: &'a [Wording<'a>],
    /// A link that leads a person to approve it.
    pub link: Option<&'a str>,
    /// Whether each request needs a challenge of its own (PKCE).
    pub needs_pkce: bool,
    /// Code that uses it.
    pub samples: &'a [Sample],
    /// How many tokens it was issued of late, where that is kept.
    pub usage: Option<&'a Chart>,
    /// How many people it acts for.
    pub grants: &'a str,
}

/// A secret that is valid.
#[derive(Debug, Clone, Serialize)]
pub struct SecretLine {
    /// Since when.
    pub since: Moment,
    /// Until when; for ever if absent.
    pub until: Option<Moment>,
}

/// A time for which old secrets stay valid.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Overlap<'a> {
    /// Its name in the form.
    pub value: &'a str,
    /// What it is, in words.
    pub text: &'a str,
}

/// Code to copy.
#[derive(Debug, Clone, Serialize)]
pub struct Sample {
    /// Its id on the page.
    pub id: &'static str,
    /// What it is written with.
    pub title: &'static str,
    /// The code.
    pub code: String,
}

/// Some numbers, one for each day.
#[derive(Debug, Clone, Serialize)]
pub struct Chart {
    /// The days, oldest first.
    pub bars: Vec<Bar>,
    /// The largest of the numbers.
    pub most: u64,
    /// Their sum.
    pub total: u64,
}

/// A day and its number.
#[derive(Debug, Clone, Serialize)]
pub struct Bar {
    /// The day, as in `2026-01-31`.
    pub day: String,
    /// The number.
    pub count: u64,
}

impl Chart {
    /// How high the chart is, without what stands below it.
    const HEIGHT: u64 = 100;
    /// How wide a bar is, with the gap to the next.
    const STEP: usize = 20;

    /// A chart of these days, oldest first.
    pub fn of(bars: Vec<Bar>) -> Self {
        let counts = || bars.iter().map(|bar| bar.count);
        let (most, total) = (counts().max().unwrap_or(0), counts().fold(0, u64::saturating_add));
        Self { bars, most, total }
    }

    pub(crate) fn width(&self) -> usize {
        self.bars.len() * Self::STEP
    }

    /// The bars as they are drawn: where they begin, and how high they are. What is not nought can be seen.
    pub(crate) fn drawn(&self) -> impl Iterator<Item = (usize, u64, u64)> {
        self.bars.iter().enumerate().map(|(number, bar)| {
            let height = bar.count.saturating_mul(Self::HEIGHT).checked_div(self.most).unwrap_or(0);
            let height = height.max(u64::from(bar.count > 0) * 2);
            (number * Self::STEP, Self::HEIGHT - height, height)
        })
    }

    pub(crate) fn first(&self) -> &str {
        self.bars.first().map_or("", |bar| &bar.day)
    }

    pub(crate) fn last(&self) -> &str {
        self.bars.last().map_or("", |bar| &bar.day)
    }
}

/// The question whether to delete an application. The answer is its `name`, typed, with `csrf`.
#[derive(Debug, Clone, Serialize)]
pub struct AppDelete<'a> {
    /// Where the form is posted.
    pub action: &'a str,
    /// Where to go instead.
    pub cancel: &'a str,
    /// The form's token.
    pub csrf: &'a str,
    /// Its name.
    pub name: &'a str,
    /// How many people it acts for.
    pub grants: &'a str,
    /// Why it was not deleted.
    pub problem: Option<&'a str>,
}

impl View for Apps<'_> {
    fn title(&self, words: &Words) -> String {
        words.apps.title.to_string()
    }
}

impl View for AppForm<'_> {
    fn title(&self, words: &Words) -> String {
        if self.is_new {
            words.app_form.title_new.to_string()
        } else {
            words.app_form.title_edit.plain(&[("name", self.name)])
        }
    }
}

impl View for App<'_> {
    const COPIES: bool = true;

    fn title(&self, _: &Words) -> String {
        self.name.to_owned()
    }
}

impl View for AppDelete<'_> {
    fn title(&self, words: &Words) -> String {
        words.app_delete.title.plain(&[("name", self.name)])
    }
}

impl AppForm<'_> {
    pub(crate) fn is_wrong(&self, field: &str) -> bool {
        self.problem.is_some_and(|problem| problem.field == field)
    }

    /// What a field is described by, and what marks one that is wrong. `hint` is the id of its hint, if it has one.
    pub(crate) fn mark(&self, field: &str, hint: &str) -> String {
        match (self.is_wrong(field), hint) {
            (true, "") => format!(r#" aria-invalid="true" aria-describedby="{field}-problem""#),
            (true, hint) => format!(r#" aria-invalid="true" aria-describedby="{field}-problem {hint}""#),
            (false, "") => String::new(),
            (false, hint) => format!(r#" aria-describedby="{hint}""#),
        }
    }
}

pub(super) fn samples() -> Vec<Page<'static>> {
    const TICKS: &[Tick<'static>] = &[
        Tick { token: "media:read", wording: Wording::new("See your media"), ticked: true },
        Tick { token: "media:write", wording: Wording::other("Ihre Medien ändern", "de"), ticked: false },
    ];
    const NEW: AppForm<'static> = AppForm {
        action: "/apps/new",
        cancel: "/apps",
        csrf: "token",
        client_id: Some("web"),
        is_new: true,
        name: "",
        description: "",
        home: "",
        redirect_uris: "",
        choose_kind: true,
        is_public: false,
        grants: &[],
        scopes: &[],
        problem: None,
        picture: None,
    };
    const EDIT: AppForm<'static> = AppForm {
        is_new: false,
        name: "Web",
        description: "Shows your media on your site.",
        home: "https://app.example.test",
        redirect_uris: "https://app.example.test/cb",
        choose_kind: false,
        grants: TICKS,
        scopes: TICKS,
        problem: Some(Problem { field: "redirect_uris", text: "This cannot be a redirect URI." }),
        picture: Some(AppPicture {
            action: "/apps/web/logo",
            src: Some("/logo/web?v=1"),
            most_kilobytes: 32,
        }),
        ..NEW
    };
    const NONE: Apps<'static> = Apps { register: None, apps: &[], next: None };
    const PERMISSIONS: &[Wording<'static>] =
        &[Wording::new("See your media"), Wording::other("Ihre Medien ändern", "de")];
    const BARE: App<'static> = App {
        list: "/apps",
        edit: "/apps/web/edit",
        delete: "/apps/web/delete",
        rotate: None,
        csrf: "token",
        name: "Web",
        description: None,
        logo: None,
        client_id: "web",
        secret: None,
        newest: "1",
        secrets: &[],
        overlaps: &[],
        redirect_uris: &[],
        permissions: &[],
        link: None,
        needs_pkce: false,
        samples: &[],
        usage: None,
        grants: "0",
    };
    const DELETE: AppDelete<'static> = AppDelete {
        action: "/apps/web/delete",
        cancel: "/apps/web",
        csrf: "token",
        name: "Web",
        grants: "3",
        problem: None,
    };
    const NOT_DELETED: AppDelete<'static> =
        AppDelete { problem: Some("This is not the name of the application."), ..DELETE };
    static LINES: LazyLock<Vec<AppLine>> = LazyLock::new(|| {
        let web = AppLine {
            href: "/apps/web".to_owned(),
            name: "Web".to_owned(),
            description: Some("Shows your media on your site.".to_owned()),
            client_id: "web".to_owned(),
        };
        vec![web.clone(), AppLine { description: None, ..web }]
    });
    static SOME: LazyLock<Apps<'static>> =
        LazyLock::new(|| Apps { register: Some("/apps/new"), apps: &LINES, next: Some("/apps?after=web") });
    static SECRETS: LazyLock<Vec<SecretLine>> = LazyLock::new(|| {
        let since = || Moment::of("2026-01-31T12:00:00.000Z");
        vec![
            SecretLine { since: since(), until: None },
            SecretLine { since: since(), until: Some(Moment::of("2026-02-07T12:00:00.000Z")) },
        ]
    });
    static CODE: LazyLock<Vec<Sample>> =
        LazyLock::new(|| vec![Sample { id: "curl", title: "curl", code: "curl https://…".to_owned() }]);
    static USAGE: LazyLock<Chart> = LazyLock::new(|| {
        let bar = |day: u64| Bar { day: format!("2026-01-{day:02}"), count: day % 7 };
        Chart::of((1..=30).map(bar).collect())
    });
    static FULL: LazyLock<App<'static>> = LazyLock::new(|| App {
        rotate: Some("/apps/web/secret"),
        description: Some("Shows your media on your site."),
        logo: Some("/logo/web?v=1"),
        secret: Some("gra_cs_secret"),
        secrets: &SECRETS,
        overlaps: &[Overlap { value: "0", text: "They end at once" }],
        redirect_uris: &["https://app.example.test/cb"],
        permissions: PERMISSIONS,
        link: Some("https://auth.example.test/oauth2/authorize?client_id=web"),
        needs_pkce: true,
        samples: &CODE,
        usage: Some(&USAGE),
        grants: "12",
        ..BARE
    });
    vec![
        Page::Apps(&SOME),
        Page::Apps(&NONE),
        Page::AppForm(&NEW),
        Page::AppForm(&EDIT),
        Page::App(&FULL),
        Page::App(&BARE),
        Page::AppDelete(&DELETE),
        Page::AppDelete(&NOT_DELETED),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_high_as_their_numbers_and_what_is_not_nought_can_be_seen() {
        let bar = |count| Bar { day: String::new(), count };
        let heights = |counts: &[u64]| -> Vec<u64> {
            let chart = Chart::of(counts.iter().copied().map(bar).collect());
            chart.drawn().map(|(_, _, height)| height).collect()
        };
        assert_eq!(heights(&[0, 1, 5, 10]), [0, 10, 50, 100]);
        assert_eq!(heights(&[0, 0]), [0, 0]);
        assert_eq!(heights(&[1, 1_000_000]), [2, 100]);
        assert_eq!(heights(&[u64::MAX, 1]).len(), 2);
    }
}
