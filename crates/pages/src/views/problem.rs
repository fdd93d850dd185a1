//! What is wrong with what was entered.

use serde::Serialize;

/// What is wrong with one field. It is told at the top of the page, which is where the focus is set, and leads to the field.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Problem<'a> {
    /// The field's name, and the id of its element.
    pub field: &'static str,
    /// What is wrong, in words.
    pub text: &'a str,
}
