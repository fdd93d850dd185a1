//! The profiles of this deployment, as far as other names refer to them.

use crate::wiring::House;

/// Whether the configuration has a profile of that name, and if not, what to say. A credential of any other would guard
/// nothing, and nobody would notice.
pub(crate) fn check_name(house: &House, name: &str) -> Result<(), String> {
    let known = [&house.engine.profile().name];
    if known.iter().any(|known| *known == name) {
        return Ok(());
    }
    let known = known.map(String::as_str).join(", ");
    Err(format!("there is no such profile; the configuration has {known}"))
}
