//! The profiles of this deployment, as far as other names refer to them.

use crate::wiring::House;

/// Whether the configuration has a profile of that name, and if not, what to say. A credential of any other would guard
/// nothing, and nobody would notice.
pub(crate) fn check_name(house: &House, name: &str) -> Result<(), String> {
    if house.engine_of(name).is_some() {
        return Ok(());
    }
    let known: Vec<&str> = house.engines.iter().map(|engine| engine.profile().name.as_str()).collect();
    Err(format!("there is no such profile; the configuration has {}", known.join(", ")))
}
