//! What a case comes to.

/// Why a case does not hold.
#[derive(Debug)]
pub(crate) enum Found {
    /// The server breaks the rule.
    Rule(String),
    /// The case did not come so far as to judge it.
    Broken(String),
}

pub(crate) type Outcome = Result<(), Found>;

pub(crate) fn rule(what: impl Into<String>) -> Found {
    Found::Rule(what.into())
}

pub(crate) fn broken(what: impl Into<String>) -> Found {
    Found::Broken(what.into())
}

/// The rule is broken unless this is so.
macro_rules! ensure {
    ($so:expr, $($what:tt)+) => {
        if !$so {
            return Err(crate::judge::rule(format!($($what)+)));
        }
    };
}
pub(crate) use ensure;

/// The two are equal, or the rule is broken.
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(what: &str, is: &T, should: &T) -> Outcome {
    if is == should { Ok(()) } else { Err(rule(format!("{what}: {is:?} and not {should:?}"))) }
}
