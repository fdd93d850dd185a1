//! Paths with names in them. A name travels in the query and not in the path: it may be `..`, which a browser takes for a
//! step up.

/// A path with these parameters, those without a value left out.
pub(crate) fn to(path: &str, parameters: &[(&str, &str)]) -> String {
    let given = parameters.iter().filter(|(_, value)| !value.is_empty());
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// A path whose gaps, names in braces, are filled with parameters. One that is missing leaves its gap empty.
pub(crate) fn filled<'a>(path: &str, parameter: impl Fn(&str) -> Option<&'a str>) -> String {
    let (mut whole, mut rest) = (String::new(), path);
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
    {
        whole.push_str(before);
        whole.push_str(&encoded(parameter(name).unwrap_or_default()));
        rest = after;
    }
    whole + rest
}

/// A name within a path or a query. What stands for a space in forms is a plus in paths.
fn encoded(name: &str) -> String {
    form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_name_wherever_it_goes() {
        assert_eq!(to("/clients/show", &[("id", "a/b?c&d e")]), "/clients/show?id=a%2Fb%3Fc%26d+e");
        assert_eq!(to("/clients", &[("prefix", "")]), "/clients");
        let one = |name: &str| (name == "id").then_some("../x y?z");
        assert_eq!(filled("/api/a/{id}/b", one), "/api/a/..%2Fx%20y%3Fz/b");
        assert_eq!(filled("/api/a/{of}/b", one), "/api/a//b");
        assert_eq!(filled("/keys", one), "/keys");
    }
}
