//! The examples, run.

#[path = "../../examples/by_hand.rs"]
mod by_hand;

#[test]
fn the_flows_run_without_any_runtime() {
    by_hand::main().unwrap();
}
