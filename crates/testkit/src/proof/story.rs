//! How a promise was broken, told so that a person sees it at once, and as a test that shows it again.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use grantor_core::RefreshMode;

use super::act::{Act, Client, Ender, Slip, Way, Words};
use super::case::Case;
use super::invariant::Invariant;
use super::ledger::{Asked, Id, Kind, Ledger};
use super::model::Rules;
use super::policy::{Policy, name};
use super::request::Told;
use super::run::{Failed, Line, Run};
use super::shrink::shrink;

/// Where a case is run again.
pub(crate) struct Bench<'a> {
    /// A run that has not begun.
    pub(crate) run: &'a dyn Fn() -> Run,
    /// How often.
    pub(crate) patience: usize,
}

/// A promise that was broken, by the shortest case that was found.
pub struct Story {
    /// Which one.
    pub invariant: Invariant,
    /// What is wrong in the end.
    pub why: String,
    /// Who does what.
    pub case: Case,
    /// How many cases were tried before the first that failed, that one among them.
    pub tries: u64,
    /// The seed that leads to the case as it was found, where one does.
    pub seed: Option<u64>,
    policy: Policy,
    /// How the test that is to be pasted gets the policy.
    expression: String,
    sentences: Vec<String>,
    lines: Vec<String>,
}

impl Story {
    /// Shortens a case that fails, and tells it.
    ///
    /// # Panics
    /// If the case does not fail.
    pub(crate) fn of(rules: &Arc<Rules>, bench: &Bench<'_>, case: Case, expression: &str) -> Box<Self> {
        let broken_by = |case: &Case| (bench.run)().case(case).err();
        let first = broken_by(&case).expect("a story of something that is wrong");
        let case = match first.tried {
            Some(act) if act != Act::Purge => with(case, act),
            _ => case,
        };
        // Whatever it breaks, if it does so by itself: what is tried at the end would not be told.
        let by_itself = |failed: Failed| failed.tried.is_none_or(|act| act == Act::Purge);
        let case = shrink(case, bench.patience, |case| broken_by(case).is_some_and(by_itself));
        let mut run = (bench.run)().logged();
        let failed = run.case(&case).expect_err("it fails when it is told, too");
        let (sentences, lines) = told_of(&rules.policy, &run.ledger, run.log());
        Box::new(Self {
            invariant: failed.broken.invariant,
            why: failed.broken.why,
            case,
            tries: 1,
            seed: None,
            policy: rules.policy.clone(),
            expression: expression.to_owned(),
            sentences,
            lines,
        })
    }

    /// How many things happen in it.
    pub fn length(&self) -> usize {
        self.case.len()
    }

    /// The whole of it in one sentence.
    pub fn sentence(&self) -> String {
        format!("{}: {}", self.sentences.join(", "), self.why)
    }

    /// A test that shows it again, to be pasted beside the policy.
    pub fn test(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "    let case = Case {{");
        let list = |text: &mut String, field: &str, acts: &[Act]| {
            if !acts.is_empty() {
                let _ = writeln!(text, "        {field}: vec![");
                for act in acts {
                    let _ = writeln!(text, "            {act:?},");
                }
                let _ = writeln!(text, "        ],");
            }
        };
        list(&mut text, "before", &self.case.before);
        if !self.case.meanwhile.is_empty() {
            let _ = writeln!(text, "        meanwhile: vec![");
            for acts in &self.case.meanwhile {
                let _ = writeln!(text, "            vec!{acts:?},");
            }
            let _ = writeln!(text, "        ],");
            let _ = writeln!(text, "        moves: vec!{:?},", self.case.moves);
        }
        list(&mut text, "after", &self.case.after);
        let _ = writeln!(text, "        ..Case::default()\n    }};");
        let _ =
            writeln!(text, "    grantor_testkit::proof::assert_holds(&{}(), &case);\n}}", self.expression);
        let name = snake(self.invariant.name());
        format!("#[test]\nfn {name}() {{\n    use grantor_testkit::proof::{{{}}};\n{text}", names(&text))
    }
}

/// What a test has to bring into scope.
fn names(text: &str) -> String {
    const NAMES: [(&str, &[&str]); 9] = [
        ("Act::*", &["{ ", "Purge"]),
        ("Case", &["Case"]),
        ("Client", &["Client("]),
        ("Ender::*", &["Owner", "Operator"]),
        ("Move::*", &["moves: vec![", "Go("]),
        ("Person::*", &["Alice", "Bob"]),
        ("Slip::*", &["Some(Wrong", "Some(No", "Some(Other", "Some(Invented", "Some(Garbled"]),
        ("Token", &["Token::"]),
        ("Way::*", &["way: "]),
    ];
    let used = NAMES.into_iter().filter(|(_, signs)| signs.iter().any(|sign| text.contains(sign)));
    let words = text.contains("Words(").then_some("Words");
    used.map(|(name, _)| name).chain(words).collect::<Vec<_>>().join(", ")
}

/// A case with one more act at its end.
fn with(mut case: Case, act: Act) -> Case {
    if case.meanwhile.is_empty() {
        case.before.push(act)
    } else {
        case.after.push(act)
    }
    case
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "a promise is broken. {}", self.invariant)?;
        writeln!(f, "under {}:", policy_in_words(&self.policy))?;
        for line in &self.lines {
            writeln!(f, "  {line}")?;
        }
        writeln!(f, "and so: {}.", self.why)?;
        if let Some(seed) = self.seed {
            writeln!(f, "found with seed {seed}, after {} tries; to try it alone:", self.tries)?;
            writeln!(f, "  GRANTOR_SEED={seed} GRANTOR_HISTORIES=1 GRANTOR_SCHEDULES=1 cargo test")?;
        }
        write!(f, "\nTo see it again, paste this beside the policy:\n\n{}", self.test())
    }
}

impl fmt::Debug for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn policy_in_words(policy: &Policy) -> String {
    let profile = policy.profile();
    let mode = match profile.refresh {
        RefreshMode::None => "no refresh tokens".to_owned(),
        RefreshMode::Reuse => "refresh tokens that stay".to_owned(),
        RefreshMode::ReplaceAll => "refresh tokens that are replaced".to_owned(),
        RefreshMode::Rotate { grace } => format!("refresh tokens that are rotated with a grace of {grace}"),
    };
    format!("the profile `{}`, {} access tokens and {mode}", profile.name, profile.access_token.format)
}

fn snake(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

/// The sentences that make one, and the lines of the whole.
fn told_of(policy: &Policy, ledger: &Ledger, log: &[Line]) -> (Vec<String>, Vec<String>) {
    let teller = Teller { policy, ledger };
    let (mut sentences, mut lines) = (Vec::new(), Vec::new());
    let mut steps: Option<(u8, String)> = None;
    for line in log {
        let flush = |steps: &mut Option<(u8, String)>, lines: &mut Vec<String>| {
            if let Some((party, what)) = steps.take() {
                lines.push(format!("  {} {what}", letter(party)));
            }
        };
        if let Line::Step(party, what) = line {
            match &mut steps {
                Some((last, text)) if last == party => {
                    let _ = write!(text, ", {what}");
                }
                _ => {
                    flush(&mut steps, &mut lines);
                    steps = Some((*party, what.clone()));
                }
            }
            continue;
        }
        flush(&mut steps, &mut lines);
        match line {
            Line::Did(asked, told) => {
                let act = teller.act(*asked);
                lines.push(match teller.told(told) {
                    Some(told) => format!("{act}: {told}"),
                    None => act.clone(),
                });
                sentences.push(act);
            }
            Line::Meanwhile => lines.push("at the same time:".to_owned()),
            Line::Began(party, asked) => {
                let act = teller.act(*asked);
                lines.push(format!("  {} begins: {act}", letter(*party)));
                sentences.push(if *party == 0 { act } else { format!("meanwhile {act}") });
            }
            Line::Note(text) => lines.push(format!("  {text}")),
            Line::Ended(party, told) => {
                let told = teller.told(told).unwrap_or_else(|| "done".to_owned());
                lines.push(format!("  {} is told: {told}", letter(*party)));
            }
            Line::Step(..) => {}
        }
    }
    (sentences, lines)
}

fn letter(party: u8) -> char {
    char::from(b'A' + party % 26)
}

struct Teller<'a> {
    policy: &'a Policy,
    ledger: &'a Ledger,
}

impl Teller<'_> {
    fn client(&self, client: Client) -> &str {
        let id = self.policy.metadata(client).client_id.as_str();
        if self.policy.is_keyed(client) { id.split('_').next().unwrap_or(id) } else { id }
    }

    /// "the code", or "the 2nd code" where there are several; and whose, if not the actor's.
    fn thing(&self, on: Option<Id>, by: Option<Client>) -> String {
        let Some(id) = on else { return "nothing".to_owned() };
        let entry = self.ledger.entry(id);
        let what = match entry.kind {
            Kind::Question => "question",
            Kind::Code => "code",
            Kind::Access => "access token",
            Kind::Refresh => "refresh token",
            Kind::Grant => "grant",
        };
        let of = match self.ledger.place(id) {
            (_, 1) => what.to_owned(),
            (place, _) => format!("{} {what}", ordinal(place)),
        };
        if by.is_some_and(|by| by != entry.client) {
            format!("{}'s {of}", self.client(entry.client))
        } else {
            format!("the {of}")
        }
    }

    fn scope(&self, scope: Option<Words>) -> String {
        scope
            .filter(|words| words.0 != 0)
            .map_or_else(String::new, |words| format!(" for `{}`", self.policy.scope(words)))
    }

    fn act(&self, asked: Asked) -> String {
        let thing = |by| self.thing(asked.on, by);
        match asked.act {
            Act::Ask { client, person, scope, way } => {
                format!("{} asks {}{}{}", self.client(client), name(person), self.scope(scope), in_way(way))
            }
            Act::Approve { client, person, scope, part, way } => {
                let part = part.map_or_else(String::new, |part| {
                    format!(", and ticks only `{}`", self.policy.scope(part))
                });
                let (who, scope) = (self.client(client), self.scope(scope));
                format!("{} approves what {who} asks{scope}{}{part}", name(person), in_way(way))
            }
            Act::Decide { person, same_session, approve, .. } => {
                let says = if approve { "approves" } else { "declines" };
                let session = if same_session { "" } else { " in another browser" };
                format!("{} {says} {}{session}", name(person), thing(None))
            }
            Act::Redeem { by, slip, .. } => {
                format!("{} redeems {}{}", self.client(by), thing(Some(by)), slipping(slip))
            }
            Act::Refresh { by, scope, slip, .. } => {
                format!(
                    "{} refreshes with {}{}{}",
                    self.client(by),
                    thing(Some(by)),
                    self.scope(scope),
                    slipping(slip)
                )
            }
            Act::Own { by, scope, slip } => {
                format!(
                    "{} asks for a token of its own{}{}",
                    self.client(by),
                    self.scope(scope),
                    slipping(slip)
                )
            }
            Act::Password { by, person, right, scope, slip } => {
                let right = if right { "password" } else { "wrong password" };
                let (who, scope) = (self.client(by), self.scope(scope));
                format!("{who} shows {}'s {right}{scope}{}", name(person), slipping(slip))
            }
            Act::Key { by, slip } => format!("{} is shown{}", self.client(by), slipping(slip)),
            Act::GiveBack { by, slip, .. } => {
                format!("{} gives {} back{}", self.client(by), thing(Some(by)), slipping(slip))
            }
            Act::Look { by, slip, .. } => {
                format!("{} asks what {} is worth{}", self.client(by), thing(Some(by)), slipping(slip))
            }
            Act::Use { scope, slip, .. } => {
                format!("{} is used{}{}", thing(None), self.scope(scope), slipping(slip))
            }
            Act::EndGrant { by, .. } => {
                let who = match by {
                    Ender::Owner => {
                        asked.on.and_then(|on| self.ledger.entry(on).person).map_or("its owner", name)
                    }
                    Ender::Operator => "an operator",
                };
                format!("{who} ends {}", thing(None))
            }
            Act::Suspend { person } => format!("{} is suspended", name(person)),
            Act::Reinstate { person } => format!("{} is reinstated", name(person)),
            Act::SwitchOff { client } => format!("{} is switched off", self.client(client)),
            Act::SwitchOn { client } => format!("{} is switched on", self.client(client)),
            Act::Pass { seconds } => format!("{seconds} seconds pass"),
            Act::SetBack { seconds } => format!("the clock is set back by {seconds} seconds"),
            Act::Purge => "what is long past is purged".to_owned(),
        }
    }

    fn told(&self, told: &Told) -> Option<String> {
        Some(match told {
            Told::Question(_) => "he is asked".to_owned(),
            Told::Code { .. } => "a code".to_owned(),
            Told::Tokens(given) => {
                let (access, _) = self.ledger.place(given.access);
                let refresh = given.refresh.map(|id| self.ledger.place(id).0);
                let refresh = refresh.map_or_else(String::new, |at| format!(", refresh token {at}"));
                let scope = given.scope.map(|words| format!(" for `{}`", self.policy.scope(words)));
                format!("access token {access}{}{refresh}", scope.unwrap_or_default())
            }
            Told::Live(_) => "active".to_owned(),
            Told::Dead => "inactive".to_owned(),
            Told::Done => return None,
            Told::Refused(reason) => format!("refused ({reason:?})"),
            Told::Wrong(_, why) => why.clone(),
            Told::Nothing => "nothing, or that the server is in trouble".to_owned(),
        })
    }
}

fn in_way(way: Way) -> &'static str {
    match way {
        Way::Code => "",
        Way::WithoutChallenge => " without a challenge",
        Way::Unnamed => " without naming its redirect URI",
        Way::Elsewhere => " to be answered elsewhere",
        Way::Implicit => " by the implicit way",
    }
}

fn slipping(slip: Option<Slip>) -> &'static str {
    match slip {
        None => "",
        Some(Slip::WrongSecret) => ", with a wrong secret",
        Some(Slip::NoSecret) => ", without a secret",
        Some(Slip::OtherUri) => ", with another redirect URI",
        Some(Slip::NoUri) => ", without a redirect URI",
        Some(Slip::OtherVerifier) => ", with another verifier",
        Some(Slip::NoVerifier) => ", without a verifier",
        Some(Slip::Invented) => ", with an invented secret part",
        Some(Slip::Garbled) => ", with one character changed",
    }
}

fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}
