//! What happened at the same time, was once taken for a broken promise, and is none.

use grantor_testkit::proof::{Act::*, Case, Client, Move::*, Person::*, Token, Way::*, assert_holds};

use crate::policies;

/// Between the moment in which she is suspended and that in which what she approved is ended, it is remembered still. The code
/// that her browser gets is worth nothing.
#[test]
fn whoever_is_being_suspended_may_be_given_a_code() {
    let case = Case {
        before: vec![Approve { client: Client(0), person: Alice, scope: None, part: None, way: Code }],
        meanwhile: vec![
            vec![Approve { client: Client(0), person: Alice, scope: None, part: None, way: Code }],
            vec![Suspend { person: Alice }],
            vec![Decide { question: 0, person: Alice, same_session: true, approve: true }],
            vec![Redeem { code: 0, by: Client(0), slip: None }],
        ],
        moves: vec![Go(1, 2), Go(3, 1)],
        ..Case::default()
    };
    assert_holds(&policies::rotating(), &case);
}

/// Until her grants are ended, what she was given is worth something still, though nothing more is given.
#[test]
fn whoever_is_being_suspended_has_what_she_was_given_for_a_moment() {
    let case = Case {
        before: vec![
            Approve { client: Client(0), person: Alice, scope: None, part: None, way: Code },
            Redeem { code: 0, by: Client(0), slip: None },
        ],
        meanwhile: vec![
            vec![Redeem { code: 0, by: Client(0), slip: None }],
            vec![Look { token: Token::Access(0), by: Client(0), slip: None }],
            vec![Suspend { person: Alice }],
        ],
        moves: vec![Go(2, 2), Go(0, 1)],
        ..Case::default()
    };
    assert_holds(&policies::rotating(), &case);
}
