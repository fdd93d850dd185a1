//! The authorization endpoint (RFC 6749, section 4.1; RFC 9207), once a request was examined: let a person decide, and
//! answer at the client's redirect URI.

use super::before::{Approved, Before};
use super::issue::{self, Speaker};
use super::{Context, RedirectError, store};
use crate::client::{ClientMetadata, GrantType, ResponseType};
use crate::credential::{AuthorizationCode, InteractionHandle};
use crate::event::Event;
use crate::grant::{CodeIssued, Grant, GrantFacts};
use crate::ids::{AccountId, ClientId, GrantId, SubjectId};
use crate::interaction::{Asking, AuthorizationRequest, Interaction};
use crate::profile::{Field, Profile, RedirectField};
use crate::record::{Expect, Key, Put, Version};
use crate::redirect::{RedirectTrusted, ResponsePlace};
use crate::refusal::{Reason, Refusal};
use crate::request::{Approver, ApproverAccount, Choice, DecisionRequest};
use crate::scope::Scope;
use crate::secret::{Digest, Secret};
use crate::step::{Committed, Step, commit, create, load, registration};
use crate::time::Time;

/// A request that waits for a person's decision.
pub struct OpenedInteraction {
    /// What the page must send back with the decision.
    pub handle: Secret,
    /// Until when.
    pub expires_at: Time,
}

/// What a person is asked.
pub struct Question {
    /// Which client asks.
    pub client: ClientId,
    /// For what. Where an account must be chosen first, for all that the request asks for.
    pub scope: Scope,
    /// What of `scope` he may leave out.
    pub optional: Scope,
    /// What he approved before and is asked for again: it is granted as well, and he need not be asked.
    pub already: Scope,
    /// For which account, where that is chosen.
    pub account: Option<AccountId>,
    /// Where he will be taken.
    pub redirect: RedirectTrusted,
    /// What the page must send back.
    pub opened: OpenedInteraction,
}

/// What came of putting a request before a person.
pub enum Asked {
    /// He must choose one of his accounts first.
    Account(Question),
    /// He must decide.
    Decision(Question),
    /// He need not be asked: he approved all of it before, or may not approve any of it.
    Answered(AuthorizationAnswer),
}

impl Question {
    fn of(
        profile: &Profile,
        request: &AuthorizationRequest,
        asking: Asking,
        opened: OpenedInteraction,
    ) -> Self {
        let Asking { account, already } = asking;
        let scope = request.scope.without(&already);
        Self {
            client: request.client.clone(),
            optional: profile.scopes.optional_of(&scope),
            scope,
            already,
            account,
            redirect: request.redirect.clone(),
            opened,
        }
    }
}

/// Puts an examined request before a person, who is logged in, in the browser session of digest `session`.
///
/// Where the profile wants an account, a person's only one is taken as chosen. Where it remembers, a person is asked for
/// what he did not approve before, and not at all if that is nothing (RFC 6749, section 4.1.1; RFC 8252, section 8.6).
/// A request that waits for him is kept for `lifetimes.interaction`, and no longer.
///
/// # Refusals
/// None that stops the flow: the redirect URI is trusted by now, so what is refused is told to the client, by
/// [`Asked::Answered`].
pub fn ask(
    mut ctx: Context,
    request: AuthorizationRequest,
    approver: Approver,
    session: Digest,
) -> Step<Asked> {
    let account = match first_account(&ctx, &approver) {
        Ok(account) => account,
        Err(refusal) => return Step::done(Asked::Answered(refuse(&ctx.profile, request, refusal))),
    };
    let undecided = ctx.profile.approval.account && account.is_none();
    let before = if undecided {
        Step::done(Before::Nothing)
    } else {
        Approved::of(&ctx, &request, &approver.subject, account.as_ref()).read()
    };
    before.then(move |before| {
        let already = match before {
            Before::All => {
                let answer = approve(ctx, request, approver, account, Ground::Remembered);
                return answer.then(|answer| Step::done(Asked::Answered(answer)));
            }
            Before::Part(already) => already,
            Before::Nothing => Scope::none(),
        };
        let asking = Asking { account, already };
        let id = GrantId::draw(ctx.now, &mut ctx.entropy);
        let (handle, text) = InteractionHandle::mint(&InteractionHandle::SHAPE, id, &mut ctx.entropy);
        let expires_at = ctx.now + ctx.profile.lifetimes.interaction;
        let opened = OpenedInteraction { handle: text, expires_at };
        let question = Question::of(&ctx.profile, &request, asking.clone(), opened);
        let session = here(&ctx, &session);
        let record = Interaction::begin(&handle, request, approver.subject, session, asking, expires_at);
        let version = ctx.version();
        let put = Put::of(&Interaction::key(&handle), Expect::Absent, version, &record, Some(expires_at));
        create(put, Vec::new()).then(move |()| {
            Step::done(if undecided { Asked::Account(question) } else { Asked::Decision(question) })
        })
    })
}

/// The browser's session at this profile: profiles share the sessions, and a request that waits at one of them must not be
/// decided by the rules of another.
fn here(ctx: &Context, session: &Digest) -> Digest {
    session_at(&ctx.profile, session)
}

pub(crate) fn session_at(profile: &Profile, session: &Digest) -> Digest {
    Digest::of(format!("{}\0{}", profile.name, session.to_base64url()).as_bytes())
}

/// The account that a request is about before the person chose one: his only one, where the profile wants one.
fn first_account(ctx: &Context, approver: &Approver) -> Result<Option<AccountId>, Refusal> {
    match (ctx.profile.approval.account, approver.accounts.as_slice()) {
        (false, _) => Ok(None),
        (true, []) => Err(no_account(approver, false)),
        (true, [only]) => may_approve(ctx, only).map(|()| Some(only.id.clone())),
        (true, _) => Ok(None),
    }
}

/// He has no account, has not chosen one of several, or named one that is not his.
fn no_account(approver: &Approver, named: bool) -> Refusal {
    Refusal::from(Reason::AccountMissing).saw("accounts", approver.accounts.len()).saw("named", named)
}

fn may_approve(ctx: &Context, account: &ApproverAccount) -> Result<(), Refusal> {
    let roles = &ctx.profile.approval.roles;
    if !account.oauth_enabled {
        return Err(Refusal::from(Reason::AccountClosed).saw("oauth_enabled", false));
    }
    if roles.is_empty() || roles.contains(&account.role) {
        return Ok(());
    }
    Err(Refusal::from(Reason::RoleNotEnough).saw("roles", roles.len()))
}

/// Takes a person's choice of an account for a request that waits for it, and goes on as [`ask`] does.
///
/// # Refusals
/// [`Reason::InteractionOver`] where `handle` is no request that waits for this person in this browser session: it is
/// unknown, over, decided, or another's. What the person may not choose is told to the client, and ends the request.
pub fn choose_account(
    ctx: Context,
    handle: Secret,
    session: Digest,
    approver: Approver,
    account: AccountId,
) -> Step<Asked> {
    find_waiting(ctx, &handle, session, approver.subject.clone()).then(move |mut waiting| {
        let chosen = approver.account(&account).ok_or_else(|| no_account(&approver, true));
        if let Err(refusal) = chosen.and_then(|account| may_approve(&waiting.ctx, account)) {
            return waiting.decide(Vec::new()).then(move |(ctx, request)| {
                Step::done(Asked::Answered(refuse(&ctx.profile, request, refusal)))
            });
        }
        let approved = Approved::of(&waiting.ctx, &waiting.request, &approver.subject, Some(&account));
        approved.read().then(move |before| {
            let already = match before {
                Before::All => {
                    return waiting
                        .decide(Vec::new())
                        .then(move |(ctx, request)| {
                            approve(ctx, request, approver, Some(account), Ground::Remembered)
                        })
                        .then(|answer| Step::done(Asked::Answered(answer)));
                }
                Before::Part(already) => already,
                Before::Nothing => Scope::none(),
            };
            let asking = Asking { account: Some(account), already };
            let expires_at = waiting.record.expires_at();
            let record = waiting.record.asking(asking.clone());
            let expect = Expect::Version(waiting.read);
            let put = Put::of(&waiting.key, expect, waiting.ctx.version(), &record, Some(expires_at));
            commit(put, Vec::new()).then(move |committed| match committed {
                Committed::LostRace => Step::stop(overtaken()),
                Committed::Yes => {
                    let opened = OpenedInteraction { handle, expires_at };
                    let question = Question::of(&waiting.ctx.profile, &waiting.request, asking, opened);
                    Step::done(Asked::Decision(question))
                }
            })
        })
    })
}

/// A request that waits, and may be acted upon by who asks.
struct Waiting {
    ctx: Context,
    key: Key<Interaction>,
    read: Version,
    record: Interaction,
    request: AuthorizationRequest,
    asking: Asking,
}

fn find_waiting(ctx: Context, handle: &Secret, session: Digest, subject: SubjectId) -> Step<Waiting> {
    let Some(handle) = InteractionHandle::parse(&InteractionHandle::SHAPE, handle.expose()) else {
        return Step::stop(Refusal::from(Reason::InteractionOver).saw("handle", false));
    };
    let key = Interaction::key(&handle);
    load(key.clone()).then(move |found| {
        let over = Refusal::from(Reason::InteractionOver);
        let Some(found) = found else { return Step::stop(over.saw("found", false)) };
        let session = here(&ctx, &session);
        match found.record.waiting(&handle, &session, &subject, ctx.now) {
            None => Step::stop(found.record.told(over, &handle, &session, &subject).saw("now", ctx.now)),
            Some((request, asking)) => {
                Step::done(Waiting { ctx, key, read: found.version, record: found.record, request, asking })
            }
        }
    })
}

impl Waiting {
    /// Takes the decision, of which there is one: whoever comes second finds that it was taken.
    fn decide(mut self, events: Vec<Event>) -> Step<(Context, AuthorizationRequest)> {
        let record = self.record.decided();
        let keep_until = Some(record.expires_at());
        let put = Put::of(&self.key, Expect::Version(self.read), self.ctx.version(), &record, keep_until);
        commit(put, events).then(move |committed| match committed {
            Committed::LostRace => Step::stop(overtaken()),
            Committed::Yes => Step::done((self.ctx, self.request)),
        })
    }
}

/// Another came first, while this one was being answered.
fn overtaken() -> Refusal {
    Refusal::from(Reason::InteractionOver).saw("overtaken", true)
}

/// Where to send the browser now that the person decided.
pub struct AuthorizationAnswer {
    /// The URI. It may hold a code or a token.
    pub location: Secret,
    /// The grant, if one was made.
    pub grant: Option<GrantId>,
    /// Why not, if none was.
    pub refusal: Option<Refusal>,
}

/// Takes a person's decision, once, and answers the client.
///
/// What is granted is all that the page said: what he had approved before, what is required, and the optional scopes that
/// he ticked. What he leaves out is not remembered, so he is asked for it again when the client asks again; what he approved
/// before he takes back by ending the grant, and not here (RFC 6749, sections 4.1.2 and 4.2.2).
///
/// # Refusals
/// [`Reason::InteractionOver`], as for [`choose_account`]; [`Reason::ClientUnknown`] and [`Reason::RedirectUnregistered`]
/// where the client, or its URI, is not there any more: then nobody can be told but the person. All else is told to the
/// client, with the refusal in [`AuthorizationAnswer::refusal`].
pub fn decide(ctx: Context, decision: DecisionRequest) -> Step<AuthorizationAnswer> {
    let DecisionRequest { handle, session, approver, account, choice } = decision;
    find_waiting(ctx, &handle, session, approver.subject.clone()).then(move |waiting| {
        let Asking { account: chosen, already } = waiting.asking.clone();
        let account = chosen.or(account);
        let events = match choice {
            Choice::Approve { .. } => Vec::new(),
            Choice::Deny => vec![Event::RequestDenied {
                client: waiting.request.client.clone(),
                subject: approver.subject.clone(),
            }],
        };
        waiting.decide(events).then(move |(ctx, request)| match choice {
            Choice::Deny => {
                let refusal = Refusal::from(Reason::Denied).saw("choice", "deny");
                Step::done(refuse(&ctx.profile, request, refusal))
            }
            Choice::Approve { scope: ticked } => {
                approve(ctx, request, approver, account, Ground::Said { already, ticked })
            }
        })
    })
}

/// What an approval rests on.
enum Ground {
    /// He says so now, and said so before of what stands in `already`.
    Said {
        already: Scope,
        /// The optional scopes that he ticked; all of them if absent.
        ticked: Option<Scope>,
    },
    /// He said so before, of all of it.
    Remembered,
}

/// Looks at the client and the account once more, since either may have changed while the person read, and makes the
/// grant.
fn approve(
    ctx: Context,
    mut request: AuthorizationRequest,
    approver: Approver,
    account: Option<AccountId>,
    ground: Ground,
) -> Step<AuthorizationAnswer> {
    registration(&request.client).then(move |found| {
        let metadata = found.map(|client| client.metadata.clone());
        let standing = metadata.filter(|c| !c.disabled && c.profile == ctx.profile.name);
        let Some(client) = standing else {
            let refusal = Refusal::from(Reason::ClientUnknown).by(&request.client);
            return Step::stop(refusal.saw("client_stands", false));
        };
        let rule = ctx.profile.authorization.redirect_match;
        if !client.redirect_uris.iter().any(|r| rule.admits(r, request.redirect.as_str())) {
            let refusal = Refusal::from(Reason::RedirectUnregistered).by(&request.client);
            return Step::stop(refusal.saw("redirect_uris", client.redirect_uris.len()));
        }
        let account = match about(&ctx, &approver, account) {
            Ok(account) => account,
            Err(refusal) => return Step::done(refuse(&ctx.profile, request, refusal)),
        };
        request.assured = client.is_assured(request.redirect.as_str());
        let approval = Approval { client, approver, account };
        let before = Approved::of(&ctx, &request, &approval.approver.subject, approval.account());
        match ground {
            Ground::Remembered => grant_as_before(ctx, request, approval, before),
            Ground::Said { already, ticked } => {
                let new = ctx.profile.scopes.approved(&request.scope.without(&already), ticked.as_ref());
                let granted = already.union(&new);
                if granted.is_empty() && !request.scope.is_empty() {
                    let asked = request.scope.tokens().count();
                    let refusal = Refusal::from(Reason::Denied).saw("asked", asked).saw("approved", 0_u32);
                    return Step::done(refuse(&ctx.profile, request, refusal));
                }
                request.scope = granted;
                let before = before.part(already);
                before.add(ctx, &new).then(move |(ctx, stands)| match stands {
                    false => Step::done(refuse(&ctx.profile, request, withdrawn())),
                    true if before.is_nothing() => grant(ctx, request, approval),
                    true => grant_as_before(ctx, request, approval, before),
                })
            }
        }
    })
}

/// Makes a grant that rests, in whole or in part, on what a person approved `before`.
///
/// What is remembered is read once more after the grant was written, and nobody knows the code until then. Whoever takes an
/// approval back does it in the other order, so whichever comes first, one of the two sees the other: nothing that nobody
/// was asked about outlives the approval it rests on.
fn grant_as_before(
    ctx: Context,
    request: AuthorizationRequest,
    approval: Approval,
    before: Approved,
) -> Step<AuthorizationAnswer> {
    let (profile, asked) = (ctx.profile.clone(), request.clone());
    grant(ctx, request, approval).then(move |answer| {
        before.still().then(move |still| {
            let answer = if still { answer } else { refuse(&profile, asked, withdrawn()) };
            Step::done(answer)
        })
    })
}

fn withdrawn() -> Refusal {
    Refusal::from(Reason::Withdrawn).saw("consent_stands", false)
}

/// The account that a grant is to be about.
fn about(
    ctx: &Context,
    approver: &Approver,
    account: Option<AccountId>,
) -> Result<Option<ApproverAccount>, Refusal> {
    match account {
        None if ctx.profile.approval.account => Err(no_account(approver, false)),
        None => Ok(None),
        Some(id) => {
            let account = approver.account(&id).ok_or_else(|| no_account(approver, true))?;
            may_approve(ctx, account).map(|()| Some(account.clone()))
        }
    }
}

/// Who approved, for whom, about what.
struct Approval {
    client: ClientMetadata,
    approver: Approver,
    account: Option<ApproverAccount>,
}

impl Approval {
    fn account(&self) -> Option<&AccountId> {
        self.account.as_ref().map(|account| &account.id)
    }
}

fn grant(mut ctx: Context, request: AuthorizationRequest, approval: Approval) -> Step<AuthorizationAnswer> {
    let facts = GrantFacts {
        id: GrantId::draw(ctx.now, &mut ctx.entropy),
        client: request.client.clone(),
        subject: approval.approver.subject.clone(),
        account: approval.account().cloned(),
        scope: request.scope.clone(),
        audience: approval.client.access_token_audience.clone(),
        created_at: ctx.now,
        expires_at: ctx.profile.lifetimes.grant.map(|lifetime| ctx.now + lifetime),
        era: 0,
    };
    match request.response_type {
        ResponseType::Code => {
            let facts = ctx.named(facts);
            let (code, text) =
                AuthorizationCode::mint(&ctx.profile.formats.authorization_code, facts.id, &mut ctx.entropy);
            let expires_at = facts.capped(ctx.now + ctx.profile.lifetimes.authorization_code);
            let issued = CodeIssued::new(&code, &request.redirect, request.challenge.clone(), expires_at);
            let id = facts.id;
            store::with_code(ctx, facts, issued).then(move |ctx| {
                let said = Said { code: Some(text.expose()), ..Said::default() };
                let fields = &ctx.profile.authorization.code_answer;
                Step::done(answer(&ctx, &request, &approval, ResponsePlace::Query, fields, &said, id))
            })
        }
        ResponseType::Token => {
            let end = facts.capped(ctx.now + ctx.profile.lifetimes.access_token);
            let event = store::approved(&facts);
            let record = Grant::with_tokens(facts.clone(), None, end.unless_never());
            store::grant(ctx, record, event).then(move |ctx| store::require_good_standing(ctx, facts)).then(
                move |(ctx, facts)| {
                    let (id, scope) = (facts.id, facts.scope.clone());
                    let speaker = Speaker::Subject(facts);
                    issue::access_token(ctx, &approval.client, GrantType::Implicit, speaker, scope).then(
                        move |(ctx, issued)| {
                            let said = Said { issued: Some(&issued), ..Said::default() };
                            let fields = &ctx.profile.authorization.token_answer;
                            let place = ResponsePlace::Fragment;
                            Step::done(answer(&ctx, &request, &approval, place, fields, &said, id))
                        },
                    )
                },
            )
        }
    }
}

/// What an answer has to say beside what the request and the approval say.
#[derive(Default)]
struct Said<'a> {
    code: Option<&'a str>,
    issued: Option<&'a issue::Issued>,
}

fn answer(
    ctx: &Context,
    request: &AuthorizationRequest,
    approval: &Approval,
    place: ResponsePlace,
    fields: &[Field<RedirectField>],
    said: &Said<'_>,
    grant: GrantId,
) -> AuthorizationAnswer {
    let (approver, account) = (&approval.approver, approval.account.as_ref());
    let ends_at = said.issued.and_then(|issued| issued.expires_at.unless_never());
    let expires_in = ends_at.map(|at| at.seconds_after(ctx.now).to_string());
    let parameters: Vec<(&str, &str)> = fields
        .iter()
        .filter_map(|field| {
            let value = match field.source {
                RedirectField::Code => said.code,
                RedirectField::AccessToken => said.issued.map(|issued| issued.token.expose()),
                RedirectField::TokenType => said.issued.map(|_| ctx.profile.token.token_type.as_str()),
                RedirectField::ExpiresIn => expires_in.as_deref(),
                RedirectField::Scope => {
                    said.issued.map(|issued| issued.scope.as_str()).filter(|scope| !scope.is_empty())
                }
                RedirectField::State => request.state.as_deref(),
                RedirectField::Iss => Some(ctx.profile.issuer.as_str()),
                RedirectField::ClientId => Some(request.client.as_str()),
                RedirectField::AccountId => account.map(|a| a.id.as_str()),
                RedirectField::AccountName => account.and_then(|a| a.name.as_deref()),
                RedirectField::AccountUrl => account.and_then(|a| a.url.as_deref()),
                RedirectField::SubjectId => Some(approver.subject.as_str()),
                RedirectField::SubjectName => approver.name.as_deref(),
                RedirectField::SubjectEmail => approver.email.as_deref(),
                RedirectField::Error | RedirectField::ErrorDescription => None,
            };
            value.map(|value| (field.name.as_str(), value))
        })
        .collect();
    let location = Secret::new(request.redirect.with(place, &parameters));
    AuthorizationAnswer { location, grant: Some(grant), refusal: None }
}

fn refuse(
    profile: &Profile,
    request: AuthorizationRequest,
    refusal: impl Into<Refusal>,
) -> AuthorizationAnswer {
    let place = match request.response_type {
        ResponseType::Code => ResponsePlace::Query,
        ResponseType::Token => ResponsePlace::Fragment,
    };
    let refusal = refusal.into().by(&request.client);
    let error = RedirectError { redirect: request.redirect, place, state: request.state, refusal };
    let location = Secret::new(error.location(profile));
    AuthorizationAnswer { location, grant: None, refusal: Some(error.refusal) }
}
