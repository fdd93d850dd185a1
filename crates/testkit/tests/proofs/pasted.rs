#[test]
fn told_is_so() {
    use grantor_testkit::proof::{Act::*, Case, Client, Person::*, Way::*};
    let case = Case {
        before: vec![
            Approve { client: Client(0), person: Alice, scope: None, part: None, way: Code },
            Redeem { code: 0, by: Client(0), slip: None },
        ],
        ..Case::default()
    };
    grantor_testkit::proof::assert_holds(&policy(), &case);
}
