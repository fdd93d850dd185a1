//! From what a party does to the flow that answers it, and from the flow's end to what the party was told.

use grantor_core::client::Client as Registered;
use grantor_core::flow::{self, Asked as Put, AuthorizationAnswer, Examined, Introspection, TokenAnswer};
use grantor_core::grant::RevocationCause;
use grantor_core::profile::RedirectField;
use grantor_core::record::{Expect, Put as Write, Version};
use grantor_core::request::{
    AuthorizationParameters, Choice, DecisionRequest, GrantRequest, Presenter, TokenRequest,
};
use grantor_core::step::{Committed, Step, Stop, commit, load};
use grantor_core::wire::Parameters;
use grantor_core::{
    CodeVerifier, Digest, GrantId, Limits, Reason, Scope, Secret, Standing, StandingState, Time,
};

use super::act::{Act, Client, Ender, Person, Slip, Way, Words};
use super::ledger::{Asked, Id, Kind, Ledger};
use super::policy::{ELSEWHERE, Policy, subject};
use super::world::World;

/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const OTHER_VERIFIER: &str = "another-verifier-which-is-long-enough-to-be-one";

/// How a flow ends well.
pub(crate) enum Answer {
    /// A person is asked.
    Question(Secret),
    /// The browser is sent back to the client.
    Sent {
        question: Option<Secret>,
        answer: AuthorizationAnswer,
    },
    Tokens(TokenAnswer),
    /// What a token is worth.
    Worth(Introspection),
    Done,
}

/// What a party was told, with numbers for names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Question(Id),
    /// A code; and the question, if the person was asked.
    Code {
        question: Option<Id>,
        code: Id,
        grant: Id,
    },
    Tokens(Given),
    /// What a token is worth, and what it permits.
    Live(Option<Words>),
    Dead,
    Done,
    Refused(Reason),
    /// Something wrong was told, whatever the state: which promise it breaks.
    Wrong(super::Invariant, String),
    /// Nothing, or that the server could not do its work: it may have happened.
    Nothing,
}

/// Tokens as they were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) access: Id,
    pub(crate) refresh: Option<Id>,
    pub(crate) scope: Option<Words>,
    pub(crate) ends: Time,
    pub(crate) grant: Option<Id>,
    pub(crate) person: Option<Person>,
    /// For an answer in a fragment, which says less.
    pub(crate) partial: bool,
}

pub(crate) fn session(person: Person) -> Digest {
    Digest::of(super::policy::name(person).as_bytes())
}

/// The parameters of an authorization request.
pub(crate) fn parameters(
    policy: &Policy,
    client: Client,
    scope: Option<Words>,
    way: Way,
) -> AuthorizationParameters {
    let said = |text: &str| Ok(Some(text.to_owned()));
    let challenged = matches!(way, Way::Code | Way::Unnamed | Way::Elsewhere);
    AuthorizationParameters {
        client_id: said(policy.metadata(client).client_id.as_str()),
        redirect_uri: match way {
            Way::Unnamed => Ok(None),
            Way::Elsewhere => said(ELSEWHERE),
            Way::Code | Way::WithoutChallenge | Way::Implicit => said(policy.callback(client)),
        },
        response_type: said(if way == Way::Implicit { "token" } else { "code" }),
        response_mode: Ok(None),
        scope: Ok(scope.map(|words| policy.scope(words).as_str().to_owned()).filter(|text| !text.is_empty())),
        state: said("state"),
        code_challenge: Ok(challenged.then(|| CHALLENGE.to_owned())),
        code_challenge_method: Ok(challenged.then(|| "S256".to_owned())),
        page: Ok(None),
        others: None,
    }
}

pub(crate) fn code_grant(policy: &Policy, ledger: &Ledger, code: Id, slip: Option<Slip>) -> GrantRequest {
    let entry = ledger.entry(code);
    let redirect_uri = match slip {
        Some(Slip::OtherUri) => Some(ELSEWHERE.to_owned()),
        Some(Slip::NoUri) => None,
        _ => entry.named.then(|| policy.callback(entry.client).to_owned()),
    };
    let verifier = match slip {
        Some(Slip::OtherVerifier) => Some(OTHER_VERIFIER),
        Some(Slip::NoVerifier) => None,
        _ => entry.challenged.then_some(VERIFIER),
    };
    let code = ledger.shown(policy, code, slip);
    GrantRequest::AuthorizationCode {
        code,
        redirect_uri,
        code_verifier: verifier.and_then(CodeVerifier::parse),
    }
}

pub(crate) fn scope_of(policy: &Policy, scope: Option<Words>) -> Option<Scope> {
    scope.filter(|words| words.0 != 0).map(|words| policy.scope(words))
}

/// The request for tokens that an act is, if it is one.
pub(crate) fn token_request(policy: &Policy, ledger: &Ledger, asked: Asked) -> Option<TokenRequest> {
    let (by, slip, grant) = match (asked.act, asked.on) {
        (Act::Redeem { by, slip, .. }, Some(code)) => (by, slip, code_grant(policy, ledger, code, slip)),
        (Act::Refresh { by, scope, slip, .. }, Some(token)) => {
            let refresh_token = ledger.shown(policy, token, slip);
            (by, slip, GrantRequest::RefreshToken { refresh_token, scope: scope_of(policy, scope) })
        }
        (Act::Own { by, scope, slip }, _) => {
            (by, slip, GrantRequest::ClientCredentials { scope: scope_of(policy, scope) })
        }
        (Act::Password { by, person, right, scope, slip }, _) => {
            let subject = right.then(|| subject(person));
            (by, slip, GrantRequest::Password { subject, scope: scope_of(policy, scope) })
        }
        (Act::Key { by, slip }, _) => (by, slip, GrantRequest::ApiKey),
        _ => return None,
    };
    let client = match (asked.act, policy.is_keyed(by)) {
        // A key's holder shows nothing but the token, and only where the token is what he shows.
        (Act::Refresh { .. }, true) => Presenter::Bearer,
        _ => policy.presenter(by, slip),
    };
    Some(TokenRequest { client, grant })
}

/// The flow that answers an act. An act of the clock or of a sweep is none.
pub(crate) fn begin(world: &mut World, ledger: &Ledger, asked: Asked) -> Option<Step<Answer>> {
    let policy = world.policy.clone();
    if let Some(request) = token_request(&policy, ledger, asked) {
        return Some(flow::token(world.context(), request).then(|answer| Step::done(Answer::Tokens(answer))));
    }
    Some(match asked.act {
        Act::Ask { client, person, scope, way } => authorize(world, client, person, scope, way, None),
        Act::Approve { client, person, scope, part, way } => {
            let choice = Choice::Approve { scope: part.map(|words| policy.scope(words)) };
            authorize(world, client, person, scope, way, Some(choice))
        }
        Act::Decide { person, same_session, approve, .. } => {
            let choice = if approve { Choice::Approve { scope: None } } else { Choice::Deny };
            let session = if same_session {
                session(ledger.entry(asked.on?).person.unwrap_or(person))
            } else {
                Digest::of(b"another browser")
            };
            let decision = DecisionRequest {
                handle: ledger.secret(asked.on?),
                session,
                approver: policy.approver(person),
                account: None,
                choice,
            };
            let decided = flow::decide(world.context(), decision);
            decided.then(|answer| Step::done(Answer::Sent { question: None, answer }))
        }
        Act::GiveBack { by, slip, .. } => {
            let credentials = policy.credentials(by, slip);
            let revoked = flow::revoke(world.context(), credentials, ledger.secret(asked.on?));
            revoked.then(|()| Step::done(Answer::Done))
        }
        Act::Look { by, slip, .. } => {
            let credentials = policy.credentials(by, slip);
            let looked = flow::introspect(world.context(), credentials, ledger.secret(asked.on?));
            looked.then(|found| Step::done(Answer::Worth(found)))
        }
        Act::Use { scope, slip, .. } => {
            let token = ledger.shown(&policy, asked.on?, slip);
            let required = scope_of(&policy, scope).unwrap_or_default();
            let checked = flow::check(world.context(), Some(token), required, None);
            checked.then(|live| Step::done(Answer::Worth(Introspection::AccessToken(live))))
        }
        Act::EndGrant { by, .. } => {
            let cause = match by {
                Ender::Owner => RevocationCause::BySubject,
                Ender::Operator => RevocationCause::ByOperator,
            };
            let ended = flow::revoke_grant(world.context(), ledger.grant(asked.on?), cause);
            ended.then(|_| Step::done(Answer::Done))
        }
        Act::Suspend { person } => stand(world, person, StandingState::Suspended),
        Act::Reinstate { person } => stand(world, person, StandingState::Good),
        Act::SwitchOff { client } => switch(world, client, true),
        Act::SwitchOn { client } => switch(world, client, false),
        Act::Pass { .. }
        | Act::SetBack { .. }
        | Act::Purge
        | Act::Redeem { .. }
        | Act::Refresh { .. }
        | Act::Own { .. }
        | Act::Password { .. }
        | Act::Key { .. } => return None,
    })
}

fn authorize(
    world: &mut World,
    client: Client,
    person: Person,
    scope: Option<Words>,
    way: Way,
    choice: Option<Choice>,
) -> Step<Answer> {
    let policy = &world.policy;
    let parameters = parameters(policy, client, scope, way);
    let approver = policy.approver(person);
    let (asking, deciding) = (world.context(), world.context());
    flow::examine(world.context(), parameters).then(move |examined| {
        let request = match examined {
            Examined::Redirect(error) => return Step::stop(error.refusal),
            Examined::Proceed { request, .. } => request,
        };
        flow::ask(asking, request, approver.clone(), session(person)).then(move |asked| {
            match (asked, choice) {
                (Put::Answered(answer), _) => Step::done(Answer::Sent { question: None, answer }),
                // He has one account, so he is not asked which.
                (Put::Account(question) | Put::Decision(question), None) => {
                    Step::done(Answer::Question(question.opened.handle))
                }
                (Put::Account(question) | Put::Decision(question), Some(choice)) => {
                    let handle = question.opened.handle;
                    let decision = DecisionRequest {
                        handle: handle.clone(),
                        session: session(person),
                        approver,
                        account: None,
                        choice,
                    };
                    let decided = flow::decide(deciding, decision);
                    decided.then(|answer| Step::done(Answer::Sent { question: Some(handle), answer }))
                }
            }
        })
    })
}

fn stand(world: &mut World, person: Person, state: StandingState) -> Step<Answer> {
    let standing = Standing::new(state, world.now);
    let version = Version::draw(&mut world.entropy());
    stand_so(person, standing, version)
}

/// An operator who loses a race to another does it again.
fn stand_so(person: Person, standing: Standing, version: Version) -> Step<Answer> {
    let key = Standing::key(&subject(person));
    load(key.clone()).then(move |found| {
        let expect = found.map_or(Expect::Absent, |found| Expect::Version(found.version));
        let put = Write::of(&key, expect, version, &standing, None);
        commit(put, Vec::new()).then(move |committed| match committed {
            Committed::Yes => Step::done(Answer::Done),
            Committed::LostRace => stand_so(person, standing, version),
        })
    })
}

/// Ends these grants one by one, as whoever suspends a person does.
pub(crate) fn end_all(world: &mut World, grants: Vec<GrantId>) -> Step<Answer> {
    let cause = RevocationCause::SubjectSuspended;
    grants.into_iter().fold(Step::done(Answer::Done), |before, grant| {
        let context = world.context();
        before.then(move |_| flow::revoke_grant(context, grant, cause).then(|_| Step::done(Answer::Done)))
    })
}

fn switch(world: &mut World, client: Client, off: bool) -> Step<Answer> {
    let key = Registered::key(&world.policy.metadata(client).client_id);
    let version = Version::draw(&mut world.entropy());
    load(key.clone()).then(move |found| {
        let Some(found) = found else { return Step::done(Answer::Done) };
        let mut client = found.record;
        client.metadata.disabled = off;
        let put = Write::of(&key, Expect::Version(found.version), version, &client, None);
        commit(put, Vec::new()).then(|committed| match committed {
            Committed::Yes => Step::done(Answer::Done),
            Committed::LostRace => Step::stop(Reason::ClientUnknown),
        })
    })
}

/// Writes down what was given, and says what was told.
pub(crate) fn told(policy: &Policy, ledger: &mut Ledger, asked: Asked, end: Result<Answer, Stop>) -> Told {
    let answer = match end {
        Ok(answer) => answer,
        Err(Stop::Refused(refusal)) => return Told::Refused(refusal.reason),
        Err(Stop::Fault(_)) => return Told::Nothing,
    };
    let (client, person, way) = about(ledger, asked);
    match answer {
        Answer::Question(handle) => {
            let id = ledger.learn(Kind::Question, handle.expose(), client, person);
            ledger.bind(id, way != Way::Unnamed, way != Way::WithoutChallenge);
            Told::Question(id)
        }
        Answer::Sent { question, answer } => {
            let question = question.map(|handle| {
                let id = ledger.learn(Kind::Question, handle.expose(), client, person);
                ledger.bind(id, way != Way::Unnamed, way != Way::WithoutChallenge);
                id
            });
            sent(policy, ledger, (client, person), way, question, &answer)
        }
        Answer::Tokens(answer) => {
            let client = policy.client_of(&answer.client).unwrap_or(client);
            let person = person_of(answer.subject.as_ref().map(|s| s.as_str()));
            let grant = answer.grant.map(|id| ledger.learn(Kind::Grant, &id.to_string(), client, person));
            let refresh = answer.refresh_token.as_ref();
            Told::Tokens(Given {
                access: ledger.learn(Kind::Access, answer.access_token.expose(), client, person),
                refresh: refresh.map(|token| ledger.learn(Kind::Refresh, token.expose(), client, person)),
                scope: policy.words_of(&answer.scope),
                ends: answer.expires_at,
                grant,
                person,
                partial: false,
            })
        }
        Answer::Worth(Introspection::Inactive) => Told::Dead,
        Answer::Worth(Introspection::AccessToken(live)) => Told::Live(policy.words_of(&live.scope)),
        Answer::Worth(Introspection::RefreshToken { grant, .. }) => Told::Live(policy.words_of(&grant.scope)),
        Answer::Done => Told::Done,
    }
}

/// Whose an act is, and how the request was made.
fn about(ledger: &Ledger, asked: Asked) -> (Client, Option<Person>, Way) {
    match asked.act {
        Act::Ask { client, person, way, .. } | Act::Approve { client, person, way, .. } => {
            (client, Some(person), way)
        }
        Act::Decide { .. } => asked.on.map_or((Client(0), None, Way::Code), |on| {
            let entry = ledger.entry(on);
            let way = match (entry.named, entry.challenged) {
                (false, _) => Way::Unnamed,
                (true, false) => Way::WithoutChallenge,
                (true, true) => Way::Code,
            };
            (entry.client, entry.person, way)
        }),
        act @ (Act::Redeem { .. }
        | Act::Refresh { .. }
        | Act::Own { .. }
        | Act::Password { .. }
        | Act::Key { .. }
        | Act::GiveBack { .. }
        | Act::Look { .. }
        | Act::Use { .. }
        | Act::EndGrant { .. }
        | Act::Suspend { .. }
        | Act::Reinstate { .. }
        | Act::SwitchOff { .. }
        | Act::SwitchOn { .. }
        | Act::Pass { .. }
        | Act::SetBack { .. }
        | Act::Purge) => (super::ledger::actor(act).unwrap_or(Client(0)), None, Way::Code),
    }
}

fn person_of(subject: Option<&str>) -> Option<Person> {
    [Person::Alice, Person::Bob].into_iter().find(|person| Some(super::policy::name(*person)) == subject)
}

/// What the browser carries to the client.
fn sent(
    policy: &Policy,
    ledger: &mut Ledger,
    (client, person): (Client, Option<Person>),
    way: Way,
    question: Option<Id>,
    answer: &AuthorizationAnswer,
) -> Told {
    let location = answer.location.expose();
    if !location.starts_with(policy.callback(client)) {
        let why = format!("the browser is sent to {}", location.split(['?', '#']).next().unwrap_or_default());
        return Told::Wrong(super::Invariant::RedirectIsRegistered, why);
    }
    if let Some(refusal) = &answer.refusal {
        return Told::Refused(refusal.reason);
    }
    let rules = &policy.profile().authorization;
    let named = |source, fields: &[grantor_core::profile::Field<RedirectField>]| {
        fields.iter().find(|field| field.source == source).map(|field| field.name.clone())
    };
    let (_, parameters) = location.split_once(['?', '#']).unwrap_or_default();
    let parameters = Parameters::read(parameters.as_bytes(), &Limits::DEFAULT);
    let grant = answer.grant.map(|id| ledger.learn(Kind::Grant, &id.to_string(), client, person));
    let find = |name: Option<String>| name.and_then(|name| parameters.get(&name).map(str::to_owned));
    let code = find(named(RedirectField::Code, &rules.code_answer));
    let token = find(named(RedirectField::AccessToken, &rules.token_answer));
    match (code, token, grant) {
        (Some(code), None, Some(grant)) => {
            let code = ledger.learn(Kind::Code, &code, client, person);
            ledger.bind(code, way != Way::Unnamed, way != Way::WithoutChallenge);
            Told::Code { question, code, grant }
        }
        (None, Some(token), Some(_)) => Told::Tokens(Given {
            access: ledger.learn(Kind::Access, &token, client, person),
            refresh: None,
            scope: None,
            ends: Time::NEVER,
            grant,
            person,
            partial: true,
        }),
        _ => Told::Wrong(
            super::Invariant::RightIsLetPass,
            "the answer holds neither a code nor a token".to_owned(),
        ),
    }
}
