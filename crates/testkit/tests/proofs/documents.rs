//! What the documents say of the promises.

use std::fmt::Write as _;

use grantor_testkit::proof::Invariant;

#[test]
fn the_documents_list_every_promise_and_its_clause() {
    let table = Invariant::ALL.iter().fold(String::new(), |mut table, promise| {
        let (name, statement, clause) = (promise.name(), promise.statement(), promise.clause());
        let _ = writeln!(table, "| `{name}` | {statement} | {clause} |");
        table
    });
    let there = include_str!("../../../../docs/proving.md").contains(&table);
    assert!(there, "the table in docs/proving.md is to be:\n{table}");
}
