//! What must be true, whatever anybody does.

use std::fmt;

macro_rules! invariants {
    ($($(#[$doc:meta])* $name:ident: $statement:literal, $clause:literal;)*) => {
        /// A promise that an authorization server makes, and the clause that it stands for.
        ///
        /// Each is one sentence about what parties are told and what their tokens are worth. None speaks of records: any
        /// server, any store and any policy can be held to it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Invariant { $($(#[$doc])* #[doc = ""] #[doc = $statement] #[doc = concat!("(", $clause, ")")] $name,)* }

        impl Invariant {
            /// Every one.
            pub const ALL: &'static [Invariant] = &[$(Invariant::$name,)*];

            /// Its name, as in a table of results.
            pub const fn name(self) -> &'static str {
                match self { $(Invariant::$name => stringify!($name),)* }
            }

            /// The promise.
            pub const fn statement(self) -> &'static str {
                match self { $(Invariant::$name => $statement,)* }
            }

            /// The clause it stands for.
            pub const fn clause(self) -> &'static str {
                match self { $(Invariant::$name => $clause,)* }
            }
        }
    };
}

invariants! {
    /// Nothing without the client.
    ClientProvesItself: "Nobody is given anything in a client's name who cannot prove to be that client.",
        "RFC 6749, section 3.2.1";
    /// Only what it is registered for.
    ClientKeepsToItsGrantTypes: "A client gets tokens only by the ways that it is registered for and the profile has.",
        "RFC 6749, section 5.2, unauthorized_client";
    /// Off is off.
    SwitchedOffIsOff: "A client that is switched off is given nothing, and its tokens are worth nothing meanwhile.",
        "RFC 6749, section 10.1";
    /// A person decides.
    NothingWithoutAPerson: "A client is given nothing of a person's that he did not approve, now or before.",
        "RFC 6749, section 4.1, step D";
    /// A person decides once.
    DecidedOnce: "An authorization request is decided once, in time, by the person it was put to, in the session it was put to him in.",
        "RFC 9700, section 4.7";
    /// Answers go to registered places.
    RedirectIsRegistered: "An answer is sent to a redirect URI that the client registered, and nowhere else.",
        "RFC 9700, section 2.1";
    /// PKCE where it is required.
    ChallengeWhereRequired: "A request that must have a code challenge gives no code without one.",
        "RFC 9700, section 2.1.1";
    /// Codes are single-use.
    CodeOnce: "An authorization code gives tokens once.",
        "RFC 6749, section 4.1.2";
    /// A replay ends what the code gave.
    CodeReplayEndsTheGrant: "An authorization code that comes a second time, right in all else, ends all that came of it.",
        "RFC 6749, section 4.1.2";
    /// Codes are short-lived.
    CodeInTime: "An authorization code is worth nothing after its lifetime.",
        "RFC 6749, section 4.1.2";
    /// Codes are bound to their client.
    CodeOfItsClient: "An authorization code is worth nothing to another client.",
        "RFC 6749, section 4.1.3";
    /// Codes are bound to their redirect URI.
    CodeOfItsRedirectUri: "An authorization code is worth nothing with another redirect URI than that of its request.",
        "RFC 6749, section 4.1.3";
    /// Codes are bound to their verifier.
    CodeOfItsVerifier: "An authorization code is worth nothing without the verifier that meets its challenge.",
        "RFC 7636, section 4.6";
    /// No downgrade.
    VerifierNeedsChallenge: "An authorization code whose request had no challenge is worth nothing with a verifier.",
        "RFC 9700, section 4.8.2";
    /// Suspended people.
    SuspendedGetsNothing: "No first tokens are given for a person who is suspended, and those he had given are over.",
        "RFC 9700, section 4.14.2, on signals that a grant must end";
    /// Refresh tokens are bound to their client.
    RefreshOfItsClient: "A refresh token is worth nothing to another client.",
        "RFC 6749, section 6";
    /// Refresh tokens end.
    RefreshInTime: "A refresh token is worth nothing after its lifetime, nor after that of its grant.",
        "RFC 9700, section 4.14.2";
    /// One current token.
    RefreshOneCurrent: "Of a grant's refresh tokens one at most is current: no history of requests makes two.",
        "RFC 9700, section 4.14.2";
    /// Used ones are over.
    RefreshReplacedIsOver: "A refresh token that was replaced gives nothing, once its grace is over.",
        "RFC 9700, section 4.14.2";
    /// A replay ends the family.
    RefreshReplayEndsTheGrant: "A refresh token that comes again after its grace ends its grant, where the policy rotates.",
        "RFC 9700, section 4.14.2";
    /// A lost answer.
    LostAnswerAskedAgain: "Inside the grace a refresh token gives the very same successor again.",
        "RFC 9700, section 4.14.2; FAPI 2.0, section 5.3.2.1";
    /// What the policy says of the refresh token.
    RefreshByItsMode: "A refresh gives the refresh token that the policy's mode says: the same, a new one, or none.",
        "RFC 6749, section 6";
    /// Scope.
    ScopeNeverGrows: "No token permits what its grant does not, and no grant what was not asked for and allowed.",
        "RFC 6749, sections 3.3 and 6";
    /// Tokens end.
    AccessTokenInTime: "An access token is worth nothing after its lifetime, and is given none beyond its grant's.",
        "RFC 6749, section 5.1; RFC 7662, section 2.2";
    /// Revocation of the grant.
    RevokedIsOver: "Once a grant is revoked, nothing that came of it is worth anything, and nothing comes of it any more.",
        "RFC 7009, section 2.1";
    /// Revocation of one token.
    TokenTakenBack: "An access token that its client gave back is worth nothing.",
        "RFC 7009, section 2.1";
    /// Replaced by a new authorization.
    ReplacedIsOver: "Where a client may hold one grant, what an earlier one gave is over once the new one is taken up.",
        "RFC 9700, section 2.2.2, on limiting what is out";
    /// Introspection.
    ToldToItsOwn: "Nobody is told of a token but its client and the resource servers it is meant for.",
        "RFC 7662, sections 2.2 and 4";
    /// Made-up secrets.
    InventedIsWorthNothing: "What the server did not give is worth nothing, however much it looks like it.",
        "RFC 6749, section 10.10";
    /// Uniqueness.
    EachIsNew: "Every code and token that is given is one that was never given before.",
        "RFC 6749, section 10.10";
    /// What strangers do, and what is wrong, has no effect; what is right is let pass.
    RightIsLetPass: "Whoever is right in everything gets what he asks for, whatever strangers tried before.",
        "RFC 6749, section 5.1";
    /// What was told holds.
    ToldIsSo: "What was given is worth what was said of it, from the answer on until something that ends it.",
        "RFC 6749, section 5.1; RFC 7662, section 2.2";
    /// The hint.
    GrantsAreFound: "Every grant can be found by the person it speaks for, and by its client.",
        "RFC 6749, section 10.3, on what a person must be able to end";
    /// At rest.
    NothingUsableAtRest: "No code and no token stands in the store as it was given.",
        "RFC 6819, section 5.1.4.1.3";
    /// Refusals.
    RefusalChangesNothing: "A refusal changes nothing, except that a replay ends its grant.",
        "RFC 6749, section 5.2";
    /// No deadlock.
    NobodyIsLeftWaiting: "Every request comes to an end, and is a fault only where something failed.",
        "RFC 6749, section 5";
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.name(), self.statement(), self.clause())
    }
}
