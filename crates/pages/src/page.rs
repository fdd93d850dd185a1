//! The pages there are.

use askama::Template;
use serde::Serialize;

use crate::views::{
    Account, App, AppDelete, AppForm, Apps, ChangePassword, Choose, Consent, Login, Logout, Message,
    Sessions, SignUp,
};
use crate::words::Words;

/// What a view says of itself beside its fields.
pub(crate) trait View: Serialize {
    /// Whether there is something on it to copy.
    const COPIES: bool = false;

    /// What stands in the title bar, and at the top.
    fn title(&self, words: &Words) -> String;
}

macro_rules! pages {
    ($($(#[$doc:meta])* $view:ident = $name:literal, $path:literal;)*) => {
        /// A page: which one it is, and what it shows. A page that is added must be looked at by whoever replaces pages, so this
        /// grows in minor versions.
        #[non_exhaustive]
        pub enum Page<'a> { $($(#[$doc])* $view(&'a $view<'a>),)* }

        /// Their names, as templates have them.
        pub(crate) const NAMES: &[&str] = &[$($name,)*];

        impl Page<'_> {
            /// The page's name, as templates have it.
            pub fn name(&self) -> &'static str {
                match self { $(Page::$view(_) => $name,)* }
            }

            pub(crate) fn title(&self, words: &Words) -> String {
                match self { $(Page::$view(view) => view.title(words),)* }
            }

            pub(crate) fn has_copies(&self) -> bool {
                match self { $(Page::$view(_) => <$view<'_> as View>::COPIES,)* }
            }

            /// The view's fields.
            pub(crate) fn value(&self) -> minijinja::Value {
                match self { $(Page::$view(view) => minijinja::Value::from(minijinja::value::Serde(view)),)* }
            }

            /// What stands in the page's `main`, by our template.
            pub(crate) fn body(&self, words: &Words) -> Result<String, askama::Error> {
                match self {
                    $(Page::$view(page) => {
                        #[derive(Template)]
                        #[template(path = $path)]
                        struct Body<'a> {
                            words: &'a Words,
                            page: &'a $view<'a>,
                        }
                        Body { words, page }.render()
                    })*
                }
            }
        }
    };
}

pages! {
    /// The login form.
    Login = "login", "login.html";
    /// The form for signing up.
    SignUp = "signup", "signup.html";
    /// The question for which account.
    Choose = "choose", "choose.html";
    /// The question whether an application may.
    Consent = "consent", "consent.html";
    /// The question whether to log out.
    Logout = "logout", "logout.html";
    /// Who I am, and the applications I authorized.
    Account = "account", "account.html";
    /// Where I am signed in.
    Sessions = "sessions", "sessions.html";
    /// The form for another password.
    ChangePassword = "password", "password.html";
    /// The applications that somebody registered.
    Apps = "apps", "apps.html";
    /// The form for an application.
    AppForm = "app_form", "app_form.html";
    /// An application, as its owner sees it.
    App = "app", "app.html";
    /// The question whether to delete an application.
    AppDelete = "app_delete", "app_delete.html";
    /// What went wrong, or what has happened, and where to go on.
    Message = "message", "message.html";
}
