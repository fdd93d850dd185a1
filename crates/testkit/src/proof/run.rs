//! One run of a case: what parties do one after another, what they do at the same time, and a look at every token after
//! each.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use grantor_core::flow;
use grantor_core::grant::{ClientGrant, Grant, SubjectGrant};
use grantor_core::record::{Kind as RecordKind, Put, decode};
use grantor_core::step::{Step, Stop};
use grantor_core::{Scope, Time};

use super::Invariant;
use super::act::{Act, Person, Token};
use super::case::Case;
use super::explain::{Event, explain, explain_once};
use super::ledger::{Asked, Id, Kind, Ledger};
use super::model::{Broken, Model, Rules};
use super::policy::{Policy, subject};
use super::request::{self, Answer, Told};
use super::schedule::{Choose, Move, Need, View, Written, record};
use super::shelf::{Down, Shelf};
use super::world::{Fate, World};

/// So many steps of one request mean that it does not end.
const FOR_EVER: usize = 2_000;
/// How many codes and tokens are tried at the end.
const TRIED: u8 = 4;

/// What is written down of a run, for a story.
#[derive(Debug, Clone)]
pub(crate) enum Line {
    /// What a party did by itself, and was told.
    Did(Asked, Told),
    /// From here on several are at it at the same time; these, in this order.
    Meanwhile,
    /// A party began something.
    Began(u8, Asked),
    /// A party's request went on.
    Step(u8, String),
    /// Something happened to everybody.
    Note(String),
    /// A party was told.
    Ended(u8, Told),
}

/// How a run failed.
pub(crate) struct Failed {
    pub(crate) broken: Broken,
    /// What was tried last, to bring it to light.
    pub(crate) tried: Option<Act>,
}

#[derive(Clone)]
pub(crate) struct Run {
    pub(crate) world: World,
    pub(crate) ledger: Ledger,
    ways: Vec<Model>,
    log: Option<Vec<Line>>,
    /// Whether one order is enough that explains what happened at once. What fails may not fail where all are known.
    quick: bool,
}

/// A request on its way.
struct Running {
    asked: Asked,
    now: Time,
    began: u32,
    step: Step<Answer>,
    /// Whose grants are to be ended when the flow is at its end.
    then_end: Option<Person>,
    unheard: bool,
    stale: bool,
    faulted: bool,
    steps: usize,
}

struct Party {
    acts: VecDeque<Act>,
    running: Option<Running>,
}

impl Run {
    pub(crate) fn new(rules: &Arc<Rules>) -> Self {
        Self::on(rules, Shelf::Map(BTreeMap::new()))
    }

    /// A run whose records lie in somebody's store, which is empty.
    pub(crate) fn on(rules: &Arc<Rules>, shelf: Shelf) -> Self {
        Self {
            world: World::new(&rules.policy, shelf),
            ledger: Ledger::default(),
            ways: vec![Model::new(rules.clone())],
            log: None,
            quick: false,
        }
    }

    /// The same, where one order is enough: what it finds right is right, and what it finds wrong is to be tried again.
    pub(crate) fn quick(self) -> Self {
        Self { quick: true, ..self }
    }

    /// The same, written down.
    pub(crate) fn logged(self) -> Self {
        Self { log: Some(Vec::new()), ..self }
    }

    pub(crate) fn log(&self) -> &[Line] {
        self.log.as_deref().unwrap_or_default()
    }

    fn write(&mut self, line: impl FnOnce() -> Line) {
        if let Some(log) = &mut self.log {
            log.push(line());
        }
    }

    /// Runs a whole case by its own schedule, and tries at its end whatever is left to be tried.
    pub(crate) fn case(&mut self, case: &Case) -> Result<(), Failed> {
        let fail = |broken| Failed { broken, tried: None };
        for act in &case.before {
            self.alone(*act).map_err(fail)?;
        }
        if !case.meanwhile.is_empty() {
            self.meanwhile(&case.meanwhile, &mut Written::new(&case.moves))
                .map_err(|(broken, _)| fail(broken))?;
        }
        for act in &case.after {
            self.alone(*act).map_err(fail)?;
        }
        self.tries().map_err(|(broken, tried)| Failed { broken, tried: Some(tried) })
    }

    /// Something that a party does by itself, looked at from all sides.
    pub(crate) fn alone(&mut self, act: Act) -> Result<(), Broken> {
        let Some(asked) = self.ledger.resolve(&self.world.policy, act) else { return Ok(()) };
        let copied = changes_nothing_when_refused(act) && self.world.shelf.can_be_copied();
        let before = copied.then(|| self.world.shelf.clone());
        let now = self.world.now;
        let told = self.perform(asked)?;
        self.write(|| Line::Did(asked, told.clone()));
        let event = Event { asked, now, told: told.clone(), began: 0, ended: Some(1), stale: false };
        self.judge(&[event])?;
        if let (Some(before), Told::Refused(_)) = (before, &told) {
            self.changed_nothing(&before)?;
        }
        self.look_around()
    }

    fn perform(&mut self, asked: Asked) -> Result<Told, Broken> {
        let Some(step) = request::begin(&mut self.world, &self.ledger, asked) else {
            self.world.turn(asked.act);
            return Ok(Told::Done);
        };
        let mut end = run_to_its_end(&mut self.world, step)?;
        if let (Act::Suspend { person }, Ok(_)) = (asked.act, &end) {
            let grants = self.world.grants_of(&subject(person));
            let ending = request::end_all(&mut self.world, grants);
            end = run_to_its_end(&mut self.world, ending)?;
        }
        let policy = self.world.policy.clone();
        Ok(request::told(&policy, &mut self.ledger, asked, end))
    }

    fn judge(&mut self, events: &[Event]) -> Result<(), Broken> {
        self.ways = explain(&self.ways, events)?;
        Ok(())
    }

    fn judge_quickly(&mut self, events: &[Event]) -> Result<(), Broken> {
        let (now, seen) = (self.world.now, self.observe()?);
        let is_as_seen =
            |way: &Model| seen.iter().all(|(kind, id, told)| way.is_as_seen(*kind, *id, now, told).is_ok());
        self.ways = explain_once(&self.ways, events, &is_as_seen)?;
        self.records_are_sound()
    }

    /// Every token is worth what it must be worth, in one at least of the ways in which it may all have come about.
    fn look_around(&mut self) -> Result<(), Broken> {
        let now = self.world.now;
        let seen = self.observe()?;
        let mut first = None;
        self.ways.retain(|way| {
            let wrong = seen.iter().find_map(|(kind, id, told)| way.is_as_seen(*kind, *id, now, told).err());
            let right = wrong.is_none();
            first = first.take().or(wrong);
            right
        });
        match first {
            Some(broken) if self.ways.is_empty() => Err(broken),
            _ => self.records_are_sound(),
        }
    }

    /// What an operator sees of every token.
    fn observe(&mut self) -> Result<Vec<(Kind, Id, Told)>, Broken> {
        let policy = self.world.policy.clone();
        let tokens: Vec<(Kind, Id)> = [Kind::Access, Kind::Refresh]
            .into_iter()
            .flat_map(|kind| self.ledger.all(kind).map(move |id| (kind, id)))
            .collect();
        let mut seen = Vec::with_capacity(tokens.len());
        for (kind, id) in tokens {
            let secret = self.ledger.secret(id);
            let step = match kind {
                Kind::Refresh => flow::look_up(self.world.context(), &secret)
                    .then(|found| Step::done(Answer::Worth(found))),
                Kind::Access | Kind::Question | Kind::Code | Kind::Grant => {
                    let checked = flow::check(self.world.context(), Some(secret), Scope::none(), None);
                    checked.then(|live| Step::done(Answer::Worth(flow::Introspection::AccessToken(live))))
                }
            };
            let end = run_to_its_end(&mut self.world, step)?;
            let asked = Asked { act: Act::Purge, on: None };
            seen.push((kind, id, request::told(&policy, &mut self.ledger, asked, end)));
        }
        Ok(seen)
    }

    /// What no party can see, and an operator relies on.
    fn records_are_sound(&self) -> Result<(), Broken> {
        let one_grant = self.world.policy.profile().approval.one_grant;
        let (mut grants, mut damaged) = (Vec::new(), None);
        self.world.shelf.each(|key, stored| {
            if key.kind() == RecordKind::Grant {
                match decode::<Grant>(key, &stored.body) {
                    Ok(grant) => grants.push(grant),
                    Err(corrupt) => damaged = Some(corrupt),
                }
            }
        });
        if let Some(corrupt) = damaged {
            return Err(Broken::new(Invariant::NobodyIsLeftWaiting, corrupt.to_string()));
        }
        let lasts = |grant: &&Grant| grant.facts().expires_at.is_none_or(|end| end > self.world.now);
        for grant in grants.iter().filter(lasts) {
            let facts = grant.facts();
            let of_subject = SubjectGrant::key(&facts.subject, facts.id);
            let of_client = ClientGrant::key(&facts.client, facts.id);
            for (hint, by) in
                [(of_subject.raw(), facts.subject.as_str()), (of_client.raw(), facts.client.as_str())]
            {
                if !self.world.shelf.get(hint).is_ok_and(|found| found.is_some()) {
                    let why = format!("a grant of {by} is not among those that can be found by it");
                    return Err(Broken::new(Invariant::GrantsAreFound, why));
                }
            }
        }
        let mut holders: Vec<_> = grants
            .iter()
            .filter(|_| one_grant)
            .map(|grant| (&grant.facts().client, &grant.facts().subject, &grant.facts().account))
            .collect();
        holders.sort();
        if holders.windows(2).any(|two| two[0] == two[1]) {
            return Err(Broken::new(Invariant::ReplacedIsOver, "a client holds two grants of one person"));
        }
        Ok(())
    }

    /// No text that opens anything stands in a record.
    fn nothing_usable_at_rest(&self) -> Result<(), Broken> {
        let kinds = [Kind::Code, Kind::Access, Kind::Refresh, Kind::Question];
        let given = kinds.into_iter().flat_map(|kind| self.ledger.all(kind));
        let texts: Vec<&str> = given.map(|id| self.ledger.text(id)).collect();
        let mut found = None;
        self.world.shelf.each(|key, stored| {
            let body = String::from_utf8_lossy(&stored.body);
            if texts.iter().any(|text| body.contains(text) || key.id().contains(text)) {
                found = Some(key.kind());
            }
        });
        match found {
            Some(kind) => {
                let why = format!("it stands in a record of kind {kind}");
                Err(Broken::new(Invariant::NothingUsableAtRest, why))
            }
            None => Ok(()),
        }
    }

    /// Nothing changed, unless to end a grant.
    fn changed_nothing(&self, before: &Shelf) -> Result<(), Broken> {
        let mut written = None;
        self.world.shelf.each(|key, stored| {
            let stood = before.get(key).ok().flatten();
            let same = stood.is_some_and(|stood| stood.version == stored.version);
            let ended = || decode::<Grant>(key, &stored.body).is_ok_and(|grant| is_over(&grant));
            let is_an_end = || key.kind() == RecordKind::Grant && ended();
            if !same && !is_an_end() {
                written = Some(key.kind());
            }
        });
        match written {
            Some(kind) => {
                let why = format!("it was refused, and a record of kind {kind} was written");
                Err(Broken::new(Invariant::RefusalChangesNothing, why))
            }
            None => Ok(()),
        }
    }

    /// Tries every code and refresh token once more, each in a world of its own if there can be one: what is hidden comes
    /// to light.
    pub(crate) fn tries(&mut self) -> Result<(), (Broken, Act)> {
        // Whoever tells the story wants to hear of what was tried only if something came of it.
        let log = self.log.take();
        let tried = self.what_to_try().into_iter().try_for_each(|act| {
            let tried =
                if self.world.shelf.can_be_copied() { self.clone().alone(act) } else { self.alone(act) };
            tried.map_err(|broken| (broken, act))
        });
        self.log = log;
        tried?;
        self.nothing_usable_at_rest().map_err(|broken| (broken, Act::Purge))
    }

    fn what_to_try(&self) -> Vec<Act> {
        let mut acts = Vec::new();
        for id in self.ledger.all(Kind::Code).rev().take(usize::from(TRIED)) {
            acts.push(Act::Redeem {
                code: self.ledger.back(id),
                by: self.ledger.entry(id).client,
                slip: None,
            });
        }
        for id in self.ledger.all(Kind::Refresh).rev().take(usize::from(TRIED)) {
            let (token, by) = (self.ledger.back(id), self.ledger.entry(id).client);
            acts.push(Act::Refresh { token, by, scope: None, slip: None });
        }
        acts
    }

    /// What parties do at the same time, in an order that `choose` decides. Gives the schedule as it was.
    pub(crate) fn meanwhile(
        &mut self,
        parties: &[Vec<Act>],
        choose: &mut dyn Choose,
    ) -> Result<Vec<Move>, (Broken, Vec<Move>)> {
        self.write(|| Line::Meanwhile);
        let races = Races::among(&self.world.policy, parties);
        let parties = parties
            .iter()
            .map(|acts| Party { acts: acts.iter().copied().collect(), running: None })
            .collect();
        let mut round =
            Round { run: self, parties, races, events: Vec::new(), tick: 0, current: 0, moves: Vec::new() };
        round.run.world.round(true);
        let ended = round.go_to_the_end(choose);
        round.run.world.round(false);
        let (events, moves) = (round.events, round.moves);
        let right = match ended {
            Ok(()) if self.quick => self.judge_quickly(&events),
            Ok(()) => self.judge(&events).and_then(|()| self.look_around()),
            Err(broken) => Err(broken),
        };
        right.map(|()| moves.clone()).map_err(|broken| (broken, moves))
    }
}

fn is_over(grant: &Grant) -> bool {
    match grant.state() {
        grantor_core::grant::State::Revoked(_) => true,
        grantor_core::grant::State::CodeIssued(_) | grantor_core::grant::State::Active(_) => false,
    }
}

fn is_an_operators(act: Act) -> bool {
    matches!(act, Act::Suspend { .. } | Act::Reinstate { .. } | Act::SwitchOff { .. } | Act::SwitchOn { .. })
}

/// What must leave no trace if it is refused. A person's answer is taken once, even where nothing comes of it.
fn changes_nothing_when_refused(act: Act) -> bool {
    match act {
        Act::Redeem { .. }
        | Act::Refresh { .. }
        | Act::Own { .. }
        | Act::GiveBack { .. }
        | Act::Look { .. }
        | Act::Use { .. } => true,
        Act::Ask { .. }
        | Act::Approve { .. }
        | Act::Decide { .. }
        | Act::Password { .. }
        | Act::Key { .. }
        | Act::EndGrant { .. }
        | Act::Suspend { .. }
        | Act::Reinstate { .. }
        | Act::SwitchOff { .. }
        | Act::SwitchOn { .. }
        | Act::Pass { .. }
        | Act::SetBack { .. }
        | Act::Purge => false,
    }
}

fn run_to_its_end(world: &mut World, mut step: Step<Answer>) -> Result<Result<Answer, Stop>, Broken> {
    for _ in 0..FOR_EVER {
        step = match step {
            Step::Done(Err(Stop::Fault(fault))) => {
                return Err(Broken::new(
                    Invariant::NobodyIsLeftWaiting,
                    format!("a fault where nothing failed: {fault}"),
                ));
            }
            Step::Done(end) => return Ok(end),
            other @ (Step::Load(_)
            | Step::Registration(_)
            | Step::Commit(_)
            | Step::Settle(_)
            | Step::VerifySecret(_)
            | Step::Sign(_)
            | Step::VerifyJws(_)) => world
                .answer(other, Fate::Well)
                .map_err(|Down| Broken::new(Invariant::NobodyIsLeftWaiting, "the store did not answer"))?,
        };
    }
    Err(Broken::new(Invariant::NobodyIsLeftWaiting, "a request does not come to an end"))
}

/// Which records several parties may write, so that it matters who comes first.
struct Races {
    kinds: Vec<RecordKind>,
}

impl Races {
    fn among(policy: &Policy, parties: &[Vec<Act>]) -> Self {
        let mut kinds = vec![RecordKind::Grant];
        let acts = || parties.iter().flatten();
        if policy.profile().approval.remember {
            kinds.push(RecordKind::Consent);
        }
        if acts().any(|act| matches!(act, Act::Suspend { .. } | Act::Reinstate { .. })) {
            kinds.extend([RecordKind::Standing, RecordKind::SubjectGrant]);
        }
        if acts().any(|act| matches!(act, Act::SwitchOff { .. } | Act::SwitchOn { .. })) {
            kinds.push(RecordKind::Client);
        }
        if acts().any(|act| matches!(act, Act::Decide { .. })) {
            kinds.push(RecordKind::Interaction);
        }
        if acts().any(|act| matches!(act, Act::GiveBack { token: Token::Access(_), .. })) {
            kinds.push(RecordKind::AccessToken);
        }
        Self { kinds }
    }
}

/// Several parties at the same time.
struct Round<'a> {
    run: &'a mut Run,
    parties: Vec<Party>,
    races: Races,
    events: Vec<Event>,
    tick: u32,
    current: usize,
    moves: Vec<Move>,
}

impl Round<'_> {
    fn go_to_the_end(&mut self, choose: &mut dyn Choose) -> Result<(), Broken> {
        loop {
            let needs: Vec<Need> = (0..self.parties.len()).map(|party| self.need(party)).collect();
            if needs.iter().all(|need| *need == Need::Nothing) {
                self.run.world.forget_late_writes();
                return Ok(());
            }
            let view = View { current: self.current, needs: &needs, late: self.run.world.has_late_writes() };
            let next = choose.next(&view).unwrap_or_else(|| {
                let here = |party: &usize| needs[*party] != Need::Nothing;
                let party = Some(self.current).filter(here).or_else(|| (0..needs.len()).find(here)).unwrap();
                Move::Go(u8::try_from(party).unwrap(), 1)
            });
            record(&mut self.moves, next);
            self.tick += 1;
            self.make(next)?;
        }
    }

    fn need(&self, party: usize) -> Need {
        let Some(party) = self.parties.get(party) else { return Need::Nothing };
        let Some(running) = &party.running else {
            return if party.acts.is_empty() { Need::Nothing } else { Need::Begin };
        };
        match &running.step {
            Step::Load(load) => Need::Load {
                race: self.races.kinds.contains(&load.key().kind()),
                stale: self.run.world.has_stale(load.key()),
            },
            Step::Registration(_) => {
                Need::Load { race: self.races.kinds.contains(&RecordKind::Client), stale: false }
            }
            Step::Commit(commit) => {
                Need::Commit { race: self.races.kinds.contains(&commit.put().key.kind()) }
            }
            Step::Settle(_) => Need::Settle,
            Step::VerifySecret(_) | Step::Sign(_) | Step::VerifyJws(_) | Step::Done(_) => Need::Compute,
        }
    }

    fn make(&mut self, next: Move) -> Result<(), Broken> {
        let (party, fate) = match next {
            Move::Go(party, _) | Move::Unheard(party) => (party, Fate::Well),
            Move::Fails(party) => (party, Fate::Fails),
            Move::Stale(party) => (party, Fate::Stale),
            Move::AnswerLost(party) => (party, Fate::AnswerLost),
            Move::RequestLost(party) => (party, Fate::RequestLost),
            Move::Late(party) => (party, Fate::Late),
            Move::Twice(party) => (party, Fate::Twice),
            Move::Crash(party) => {
                let running = self
                    .parties
                    .get_mut(usize::from(party))
                    .and_then(|party| party.running.take_if(|running| !is_an_operators(running.asked.act)));
                if let Some(running) = running {
                    self.run.write(|| Line::Step(party, "its server crashes".to_owned()));
                    self.end(party, running, None);
                }
                return Ok(());
            }
            Move::Land => {
                if let Some((key, outcome)) = self.run.world.land() {
                    let kind = key.kind();
                    self.run.write(|| Line::Note(format!("a late write of the {kind} arrives: {outcome:?}")));
                }
                return Ok(());
            }
            Move::Wait(seconds) => {
                self.run.world.pass(seconds);
                self.run.write(|| Line::Note(format!("{seconds} seconds pass")));
                return Ok(());
            }
            Move::Back(seconds) => {
                self.run.world.set_back(seconds);
                self.run.write(|| Line::Note(format!("the clock is set back by {seconds} seconds")));
                return Ok(());
            }
        };
        self.go(party, fate, matches!(next, Move::Unheard(_)))
    }

    fn go(&mut self, party: u8, fate: Fate, unheard: bool) -> Result<(), Broken> {
        let at = usize::from(party);
        if self.parties.get(at).is_none() {
            return Ok(());
        }
        self.current = at;
        let Some(mut running) = self.parties[at].running.take().or_else(|| self.begin(party)) else {
            return Ok(());
        };
        // An operator tries again until he is told: what goes wrong meanwhile makes no difference.
        let steady = is_an_operators(running.asked.act);
        let (fate, unheard) = if steady { (Fate::Well, false) } else { (fate, unheard) };
        running.unheard |= unheard;
        running.stale |= fate == Fate::Stale;
        running.faulted |= fate != Fate::Well;
        running.steps += 1;
        if running.steps > FOR_EVER {
            return Err(Broken::new(Invariant::NobodyIsLeftWaiting, "a request does not come to an end"));
        }
        self.tell_step(party, &running.step, fate);
        running.step = match self.run.world.answer(running.step, fate) {
            Ok(step) => step,
            Err(Down) => {
                running.step = Step::done(Answer::Done);
                self.end(party, running, None);
                return Ok(());
            }
        };
        self.go_on(party, running)
    }

    /// Puts a request back, or ends it if it is at its end.
    fn go_on(&mut self, party: u8, mut running: Running) -> Result<(), Broken> {
        loop {
            match running.step {
                Step::Done(Ok(_)) if running.then_end.is_some() => {
                    let person = running.then_end.take().unwrap_or(Person::Alice);
                    let grants = self.run.world.grants_of(&subject(person));
                    running.step = request::end_all(&mut self.run.world, grants);
                }
                Step::Done(end) => {
                    if let (Err(Stop::Fault(fault)), false) = (&end, running.faulted) {
                        let why = format!("a fault where nothing failed: {fault}");
                        return Err(Broken::new(Invariant::NobodyIsLeftWaiting, why));
                    }
                    running.step = Step::done(Answer::Done);
                    let end = (!running.unheard).then_some(end);
                    self.end(party, running, end);
                    return Ok(());
                }
                Step::Load(_)
                | Step::Registration(_)
                | Step::Commit(_)
                | Step::Settle(_)
                | Step::VerifySecret(_)
                | Step::Sign(_)
                | Step::VerifyJws(_) => {
                    self.parties[usize::from(party)].running = Some(running);
                    return Ok(());
                }
            }
        }
    }

    /// Begins the next thing that a party does. What is a matter of the clock alone, or about nothing there is, is over at
    /// once.
    fn begin(&mut self, party: u8) -> Option<Running> {
        loop {
            let act = self.parties[usize::from(party)].acts.pop_front()?;
            let policy = self.run.world.policy.clone();
            let Some(asked) = self.run.ledger.resolve(&policy, act) else { continue };
            let Some(step) = request::begin(&mut self.run.world, &self.run.ledger, asked) else {
                self.run.world.turn(act);
                self.run.write(|| Line::Did(asked, Told::Done));
                let (now, tick) = (self.run.world.now, self.tick);
                let told = Told::Done;
                self.events.push(Event { asked, now, told, began: tick, ended: Some(tick), stale: false });
                continue;
            };
            self.run.write(|| Line::Began(party, asked));
            let then_end = if let Act::Suspend { person } = act { Some(person) } else { None };
            return Some(Running {
                asked,
                now: self.run.world.now,
                began: self.tick,
                step,
                then_end,
                unheard: false,
                stale: false,
                faulted: false,
                steps: 0,
            });
        }
    }

    fn end(&mut self, party: u8, running: Running, end: Option<Result<Answer, Stop>>) {
        let Running { asked, now, began, stale, .. } = running;
        let policy = self.run.world.policy.clone();
        let told = end.map_or(Told::Nothing, |end| request::told(&policy, &mut self.run.ledger, asked, end));
        self.run.write(|| Line::Ended(party, told.clone()));
        let ended = (told != Told::Nothing).then_some(self.tick);
        self.events.push(Event { asked, now, told, began, ended, stale });
    }

    fn tell_step(&mut self, party: u8, step: &Step<Answer>, fate: Fate) {
        if self.run.log.is_none() {
            return;
        }
        let kind = |put: &Put| put.key.kind().as_str();
        let does = match step {
            Step::Load(load) => format!("reads the {}", load.key().kind()),
            Step::Registration(_) => format!("reads the {}", RecordKind::Client),
            Step::Commit(commit) => {
                let kinds: Vec<_> = commit.first().iter().chain([commit.put()]).map(kind).collect();
                format!("writes the {}", kinds.join(" and then the "))
            }
            Step::Settle(settle) => format!("reads back the {}", settle.key().kind()),
            Step::VerifySecret(_) => "verifies the secret".to_owned(),
            Step::Sign(_) => "signs the token".to_owned(),
            Step::VerifyJws(_) => "verifies the token".to_owned(),
            Step::Done(_) => return,
        };
        let happens = match fate {
            Fate::Well => "",
            Fate::Fails => ", and the store is down",
            Fate::Stale => ", and sees what stood there before",
            Fate::AnswerLost => ", and the store's answer is lost",
            Fate::RequestLost => ", which never arrives, and nobody can tell",
            Fate::Late => ", which is on its way still",
            Fate::Twice => ", which will arrive once more",
        };
        self.run.write(|| Line::Step(party, format!("{does}{happens}")));
    }
}
