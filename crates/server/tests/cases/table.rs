//! Every number of the document, and why some are no case here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::case::Case;

/// The document's numbers, a group in a line.
const NUMBERS: [&str; 23] = [
    "A01 A02 A04 A05 A06 A07 A08 A11 A12 A13 A15 A18",
    "B01 B03 B05 B06 B08 B09 B10 B12 B14 B15 B17",
    "C01 C02 C03 C04 C05 C07 C08 C11 C12 C15",
    "D01 D02 D04 D05 D06 D09",
    "E01 E02 E04 E06 E08 E09 E11 E12",
    "F01 F02 F03 F05 F06",
    "G01 G02 G04 G05 G07 G09",
    "H01 H02 H03 H04 H05 H06 H09 H10 H12 H14 H16 H18 H19",
    "I01 I02 I03 I05 I06 I07 I10 I11 I13",
    "J01 J02 J03 J04 J05 J06 J08 J09 J10 J12 J13 J14 J15 J18 J20 J21 J24",
    "K01 K02 K03 K05 K06 K09 K10",
    "L01 L02 L03 L04 L05 L08 L09 L10 L13",
    "M01 M02 M03 M04 M05 M08 M11 M13 M14 M16 M17",
    "N01 N02 N03 N06 N08 N10 N11 N12",
    "O01 O02 O03 O04 O05 O07 O11 O12",
    "P01 P03 P04 P05 P06 P07 P09 P12 P13 P14 P18 P19 P20 P22",
    "Q01 Q02 Q04 Q06 Q08",
    "R01 R03 R04 R06 R08 R11 R12 R14 R15 R16",
    "S01 S02 S04 S05 S07 S10 S11 S14 S16 S17 S18 S19 S20 S22 S23 S27 S31 S32",
    "T01 T02 T05 T06 T08 T10",
    "U01 U03 U04 U05 U07 U10",
    "V01 V03",
    "W01 W02 W04 W05",
];

/// Why a number is no case here.
enum Why {
    /// What it is about is not there: this.
    NotBuilt(&'static str),
    /// It is shown elsewhere, since it takes this; by tests that are, by file and name, these.
    Elsewhere(&'static str, &'static [&'static str]),
}
use Why::{Elsewhere, NotBuilt};

const DEVICE: &str = "the device grant";
const OIDC: &str = "OpenID Connect";
const PRIVATE_KEY: &str = "private_key_jwt";
const DYNAMIC: &str = "dynamic registration";
const RFC9126: &str = "pushed and signed requests";
const DPOP: &str = "DPoP";

const NOT_HERE: &[(&str, Why)] = &[
    ("C15", NotBuilt("the detection of challenges that are used again")),
    (
        "F03",
        Elsewhere(
            "a real Chromium",
            &["tests-external/browser/watch.mjs", "tests-external/browser/known_bad.mjs"],
        ),
    ),
    ("G05", NotBuilt(OIDC)),
    ("H10", NotBuilt("the FAPI profile")),
    ("I03", NotBuilt(DEVICE)),
    ("I07", NotBuilt("token exchange")),
    ("I10", NotBuilt("resource indicators")),
    ("J14", NotBuilt(PRIVATE_KEY)),
    ("J15", NotBuilt(PRIVATE_KEY)),
    ("J18", NotBuilt(PRIVATE_KEY)),
    ("L10", NotBuilt(DYNAMIC)),
    ("M16", NotBuilt(OIDC)),
    ("M17", NotBuilt(OIDC)),
    ("N06", NotBuilt(PRIVATE_KEY)),
    ("N08", NotBuilt(OIDC)),
    ("N10", NotBuilt(DYNAMIC)),
    ("N11", NotBuilt(DYNAMIC)),
    ("O01", NotBuilt(DEVICE)),
    ("O02", NotBuilt(DEVICE)),
    ("O03", NotBuilt(DEVICE)),
    ("O04", NotBuilt(DEVICE)),
    ("O05", NotBuilt(DEVICE)),
    ("O07", NotBuilt(DEVICE)),
    ("O11", NotBuilt(DEVICE)),
    ("O12", NotBuilt(DEVICE)),
    ("P09", NotBuilt(OIDC)),
    ("P14", NotBuilt("tokens that reset, verify or invite")),
    ("P19", NotBuilt(OIDC)),
    (
        "Q08",
        Elsewhere(
            "a real Chromium",
            &["tests-external/browser/watch.mjs", "tests-external/browser/known_bad.mjs"],
        ),
    ),
    (
        "S01",
        Elsewhere(
            "hundreds of kills and a history to be judged",
            &[
                "crates/server/tests/it/storm/killed_server.rs: a_server_killed_at_any_moment_keeps_every_word_it_gave",
                "crates/server/tests/it/storm/killed_server.rs: a_database_that_forgets_is_found_out",
                "crates/server/tests/it/storm/killed_server.rs: records_put_back_from_an_older_copy_are_found_out",
            ],
        ),
    ),
    (
        "S05",
        Elsewhere(
            "a tracer of the system's calls",
            &[
                "crates/server/tests/it/order.rs: each_acknowledgement_comes_after_the_flush_of_what_it_acknowledges",
                "crates/server/tests/it/order.rs: an_answer_before_its_flush_is_found_out",
            ],
        ),
    ),
    (
        "S17",
        Elsewhere(
            "hundreds of kills and a history to be judged",
            &[
                "crates/server/tests/it/storm/killed_server.rs: a_server_killed_at_any_moment_keeps_every_word_it_gave",
                "crates/server/tests/it/storm/killed_server.rs: records_put_back_from_an_older_copy_are_found_out",
            ],
        ),
    ),
    (
        "S19",
        Elsewhere(
            "tens of kills and a history to be judged",
            &[
                "crates/server/tests/it/storm/killed_redis.rs: while_redis_is_gone_all_are_put_off_in_time_and_nothing_is_lost",
                "crates/server/tests/it/storm/killed_server.rs: records_put_back_from_an_older_copy_are_found_out",
            ],
        ),
    ),
    ("T02", NotBuilt("a run of a minute with a bound on what it takes, which would be a benchmark")),
    (
        "T06",
        Elsewhere(
            "a history to be judged as a whole",
            &[
                "crates/server/tests/it/storm/shared.rs: what_many_do_to_one_grant_has_an_order",
                "crates/server/tests/it/storm/shared.rs: servers_that_share_no_records_are_found_out",
            ],
        ),
    ),
    ("U01", NotBuilt(RFC9126)),
    ("U03", NotBuilt(RFC9126)),
    ("U04", NotBuilt(RFC9126)),
    ("U05", NotBuilt(RFC9126)),
    ("U07", NotBuilt(DPOP)),
    ("U10", NotBuilt(DPOP)),
    ("W05", Elsewhere("the sources", &["xtask/src/purity/mod.rs", "deny.toml"])),
];

const FORMS_OF_THEIR_OWN: &str = "the forms of /apps are in crates/http/tests/it/apps.rs, and all of the console's in \
     crates/console/tests/it/forms.rs";

/// Those of which a case shows a part, and what shows the rest.
const IN_PART: &[(&str, &str)] = &[
    ("D04", "form_post is not built"),
    ("E01", FORMS_OF_THEIR_OWN),
    ("E02", FORMS_OF_THEIR_OWN),
    (
        "E06",
        "the console's pages are looked at by crates/console/tests/it/walk.rs, and those of /apps by crates/http/tests/it/apps.rs",
    ),
    ("G04", "RP-initiated logout is not built"),
    ("J02", "times are not compared: between the two lie one read and one SHA-256"),
    (
        "L09",
        "userinfo is off in the standard profile, and a guarded resource stands in for it; that looks for a token in the header \
         alone, so that one in a body is passed over",
    ),
    ("M01", "there are no assertions, signed requests or ID tokens yet, here and in all of M"),
    ("M13", "there are no ID tokens yet"),
    (
        "P03",
        "a login tells nothing, and times are not compared: crates/directory/tests/it/login.rs counts the hashes. A sign-up, \
         where a profile has one, does tell that a name or an address is taken, since whoever chooses a name must learn whether it \
         is to be had and no e-mail is sent that could tell him apart: it says no more, after the same work, and is throttled as \
         guesses are. There is no reset and no device code yet",
    ),
    (
        "R01",
        "a length and chunks together are not refused but read as chunks, and the connection is closed, as RFC 9112 lets a server",
    ),
    ("T01", "twelve rounds of each: crates/server/tests/it/races.rs runs fifty"),
    ("T05", "two hundred and forty of them: crates/server/tests/it/races.rs has the thousand"),
];

fn numbers() -> Vec<&'static str> {
    NUMBERS.iter().flat_map(|group| group.split(' ')).collect()
}

/// Fails unless every number is one case, or has one reason; and what is said to be elsewhere is there.
pub(crate) fn check(cases: &[Case]) -> Result<(), String> {
    let mut places: BTreeMap<&str, usize> = numbers().into_iter().map(|number| (number, 0)).collect();
    let told = cases.iter().map(|case| case.number).chain(NOT_HERE.iter().map(|(number, _)| *number));
    for number in told {
        let place = places.get_mut(number).ok_or_else(|| format!("{number} is no number of the document"))?;
        *place += 1;
    }
    for (number, count) in &places {
        if *count != 1 {
            return Err(format!(
                "{number} is in {count} places: it must be a case or have a reason, and only one"
            ));
        }
    }
    let known: BTreeSet<_> = cases.iter().map(|case| case.number).collect();
    if let Some((number, _)) = IN_PART.iter().find(|(number, _)| !known.contains(number)) {
        return Err(format!("{number} is shown in part by a case that is not there"));
    }
    if let Some(case) = cases.iter().find(|case| case.flaws.is_empty()) {
        return Err(format!("{} was never seen to fail", case.number));
    }
    NOT_HERE.iter().try_for_each(|(number, why)| match why {
        NotBuilt(_) => Ok(()),
        Elsewhere(_, tests) => tests.iter().try_for_each(|test| is_there(number, test)),
    })
}

/// Tables that are wrong, each of which must be found out.
pub(crate) fn known_bad(all: fn() -> Vec<Case>) -> Result<(), String> {
    let judge = |_: &crate::stage::Stage| Ok(());
    let without_one: Vec<_> = all().into_iter().skip(1).collect();
    let plus = |case| all().into_iter().chain([case]).collect::<Vec<_>>();
    for (what, cases) in [
        ("one is missing", without_one),
        ("one is there twice", plus(crate::case::case("A01", "again", judge))),
        ("one has a reason as well", plus(crate::case::case("O01", "built_after_all", judge))),
        ("one is unheard of", plus(crate::case::case("Z99", "unheard_of", judge))),
    ] {
        check(&cases).err().map(drop).ok_or_else(|| format!("{what}, and nobody noticed"))?;
    }
    let gone = is_there("S01", "crates/server/tests/it/order.rs: no_such_test");
    gone.err().map(drop).ok_or_else(|| "a test that is not there is taken for one".to_owned())
}

fn is_there(number: &str, test: &str) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (file, name) = test.split_once(": ").unwrap_or((test, ""));
    let missing = || format!("{number}: {test} is not there");
    if name.is_empty() {
        return root.join(file).exists().then_some(()).ok_or_else(missing);
    }
    let source = std::fs::read_to_string(root.join(file)).map_err(|_| missing())?;
    source.contains(&format!("fn {name}(")).then_some(()).ok_or_else(missing)
}

/// The table, for people.
pub(crate) fn print(cases: &[Case]) {
    let reasons: BTreeMap<_, _> = NOT_HERE.iter().map(|(number, why)| (*number, why)).collect();
    for number in numbers() {
        if let Some(case) = cases.iter().find(|case| case.number == number) {
            let kinds: Vec<_> = case.on.iter().map(|kind| kind.name()).collect();
            println!("{number}  {}  [{}]", case.sentence.replace('_', " "), kinds.join(", "));
            for flaw in &case.flaws {
                println!("       must fail if {}", flaw.what);
            }
            for (_, what) in IN_PART.iter().filter(|(in_part, _)| *in_part == number) {
                println!("       in part: {what}");
            }
        }
        match reasons.get(number) {
            Some(NotBuilt(what)) => println!("{number}  not built: {what}"),
            Some(Elsewhere(what, tests)) => println!("{number}  takes {what}: {}", tests.join(", ")),
            None => {}
        }
    }
}
