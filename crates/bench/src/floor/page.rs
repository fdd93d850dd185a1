//! The two pages: a form to log in, and one to approve.

pub(crate) fn login(next: &str) -> String {
    format!(
        "<!doctype html><title>Log in</title><form method=\"post\" action=\"/login?{}\">\
         <input name=\"username\"><input type=\"password\" name=\"password\"><button>Log in</button></form>",
        escaped(next)
    )
}

pub(crate) fn consent(query: &str) -> String {
    format!(
        "<!doctype html><title>Approve</title><form method=\"post\" action=\"/oauth2/authorize/decision\">\
         <input type=\"hidden\" name=\"request\" value=\"{}\">\
         <button name=\"decision\" value=\"approve\">Approve</button></form>",
        escaped(query)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}
