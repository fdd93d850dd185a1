//! From a case that fails to the shortest that still does.

use super::act::{Act, Person, Way, Words};
use super::case::Case;
use super::schedule::Move;

/// The shortest case that can be found for which `fails` still says so. It is tried what can be left out, then what can be
/// made plainer, until nothing can.
/// At most `patience` cases are tried.
pub(crate) fn shrink(mut case: Case, patience: usize, fails: impl Fn(&Case) -> bool) -> Case {
    let mut tried = 0;
    loop {
        let better = shorter(&case).into_iter().chain(plainer(&case)).find(|other| {
            tried += 1;
            tried <= patience && fails(other)
        });
        match better {
            Some(better) => case = better,
            None => return case,
        }
    }
}

fn shorter(case: &Case) -> Vec<Case> {
    let mut all = Vec::new();
    // Long pieces first: most of a long history has nothing to do with it.
    let mut piece = case.before.len();
    while piece > 0 {
        for at in (0..=case.before.len() - piece).rev() {
            let mut other = case.clone();
            other.before.drain(at..at + piece);
            all.push(other);
        }
        piece /= 2;
    }
    for at in (0..case.after.len()).rev() {
        let mut other = case.clone();
        other.after.remove(at);
        all.push(other);
    }
    for party in 0..case.meanwhile.len() {
        // Whoever is left does it by himself.
        let mut other = case.clone();
        other.meanwhile.remove(party);
        if let [alone] = other.meanwhile.as_slice() {
            let mut by_itself = other.clone();
            by_itself.before.extend(alone.iter().copied());
            by_itself.meanwhile.clear();
            by_itself.moves.clear();
            all.push(by_itself);
        }
        all.push(other);
        if case.meanwhile[party].len() > 1 {
            for at in 0..case.meanwhile[party].len() {
                let mut other = case.clone();
                other.meanwhile[party].remove(at);
                all.push(other);
            }
        }
    }
    if !case.moves.is_empty() {
        all.push(Case { moves: Vec::new(), ..case.clone() });
    }
    for at in (0..case.moves.len()).rev() {
        let mut other = case.clone();
        other.moves.remove(at);
        all.push(other);
    }
    all
}

fn plainer(case: &Case) -> Vec<Case> {
    let mut all = Vec::new();
    for at in 0..case.before.len() {
        for act in plainer_acts(case.before[at]) {
            let mut other = case.clone();
            other.before[at] = act;
            all.push(other);
        }
    }
    for at in 0..case.after.len() {
        for act in plainer_acts(case.after[at]) {
            let mut other = case.clone();
            other.after[at] = act;
            all.push(other);
        }
    }
    for party in 0..case.meanwhile.len() {
        for at in 0..case.meanwhile[party].len() {
            for act in plainer_acts(case.meanwhile[party][at]) {
                let mut other = case.clone();
                other.meanwhile[party][at] = act;
                all.push(other);
            }
        }
    }
    for at in 0..case.moves.len() {
        let plainer = match case.moves[at] {
            Move::Go(party, steps) if steps > 1 => {
                vec![Move::Go(party, steps / 2), Move::Go(party, steps - 1)]
            }
            Move::Twice(party) | Move::Late(party) => vec![Move::Go(party, 1), Move::AnswerLost(party)],
            Move::Unheard(party) | Move::Stale(party) | Move::Fails(party) | Move::AnswerLost(party) => {
                vec![Move::Go(party, 1)]
            }
            Move::RequestLost(party) => vec![Move::Go(party, 1), Move::Fails(party)],
            Move::Go(..) | Move::Crash(_) | Move::Land | Move::Wait(_) | Move::Back(_) => Vec::new(),
        };
        for next in plainer {
            let mut other = case.clone();
            other.moves[at] = next;
            all.push(other);
        }
    }
    all
}

fn plainer_acts(act: Act) -> Vec<Act> {
    let mut all = Vec::new();
    let mut change = |act: Act| all.push(act);
    match act {
        Act::Ask { client, person, scope, way } => {
            if scope.is_some() {
                change(Act::Ask { client, person, scope: None, way });
            }
            if way != Way::Code {
                change(Act::Ask { client, person, scope, way: Way::Code });
            }
            if person != Person::Alice {
                change(Act::Ask { client, person: Person::Alice, scope, way });
            }
        }
        Act::Approve { client, person, scope, part, way } => {
            if part.is_some() {
                change(Act::Approve { client, person, scope, part: None, way });
            }
            for scope in plainer_scopes(scope) {
                change(Act::Approve { client, person, scope, part, way });
            }
            if way != Way::Code {
                change(Act::Approve { client, person, scope, part, way: Way::Code });
            }
            if person != Person::Alice {
                change(Act::Approve { client, person: Person::Alice, scope, part, way });
            }
        }
        Act::Redeem { code, by, slip } => {
            if code > 0 {
                change(Act::Redeem { code: code - 1, by, slip });
            }
            if slip.is_some() {
                change(Act::Redeem { code, by, slip: None });
            }
        }
        Act::Refresh { token, by, scope, slip } => {
            if token > 0 {
                change(Act::Refresh { token: token - 1, by, scope, slip });
            }
            if slip.is_some() {
                change(Act::Refresh { token, by, scope, slip: None });
            }
            for scope in plainer_scopes(scope) {
                change(Act::Refresh { token, by, scope, slip });
            }
        }
        Act::Own { by, scope, slip } => {
            for scope in plainer_scopes(scope) {
                change(Act::Own { by, scope, slip });
            }
            if slip.is_some() {
                change(Act::Own { by, scope, slip: None });
            }
        }
        Act::Password { by, person, right, scope, slip } => {
            for scope in plainer_scopes(scope) {
                change(Act::Password { by, person, right, scope, slip });
            }
            if slip.is_some() {
                change(Act::Password { by, person, right, scope, slip: None });
            }
            if !right {
                change(Act::Password { by, person, right: true, scope, slip });
            }
        }
        Act::Key { by, slip: Some(_) } => change(Act::Key { by, slip: None }),
        Act::GiveBack { token, by, slip: Some(_) } => change(Act::GiveBack { token, by, slip: None }),
        Act::Look { token, by, slip: Some(_) } => change(Act::Look { token, by, slip: None }),
        Act::Use { token, scope, slip } => {
            if slip.is_some() {
                change(Act::Use { token, scope, slip: None });
            }
            for scope in plainer_scopes(scope) {
                change(Act::Use { token, scope, slip });
            }
        }
        Act::EndGrant { grant, by } if grant > 0 => change(Act::EndGrant { grant: grant - 1, by }),
        Act::Decide { question, person, same_session, approve } => {
            if question > 0 {
                change(Act::Decide { question: question - 1, person, same_session, approve });
            }
            if !approve {
                change(Act::Decide { question, person, same_session, approve: true });
            }
            if !same_session {
                change(Act::Decide { question, person, same_session: true, approve });
            }
        }
        Act::Key { .. }
        | Act::GiveBack { .. }
        | Act::Look { .. }
        | Act::EndGrant { .. }
        | Act::Suspend { .. }
        | Act::Reinstate { .. }
        | Act::SwitchOff { .. }
        | Act::SwitchOn { .. }
        | Act::Pass { .. }
        | Act::SetBack { .. }
        | Act::Purge => {}
    }
    all
}

/// Nothing said, or one word less.
fn plainer_scopes(scope: Option<Words>) -> Vec<Option<Words>> {
    let Some(Words(words)) = scope else { return Vec::new() };
    let fewer = (0..u64::BITS).map(|bit| words & !(1 << bit)).filter(|fewer| *fewer != words && *fewer != 0);
    std::iter::once(None).chain(fewer.map(|fewer| Some(Words(fewer)))).collect()
}
