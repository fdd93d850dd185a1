//! `grantor replay`: a recorded run, once more. It needs no configuration, no store and no key: all there is to know stands in
//! the file.

use grantor_core::replay::Bundle;

use crate::failure::Failure;
use crate::files;
use crate::output::Output;

pub(super) fn run(file: &str, output: Output) -> Result<(), Failure> {
    let text = files::read_text(file)?;
    let invalid = |invalid| Failure::failed(format!("{file}: {invalid}"));
    let replayed = Bundle::from_json(text.expose()).map_err(invalid)?.replay().map_err(invalid)?;
    output.result(&replayed, || replayed.to_string())?;
    if replayed.is_same() {
        return Ok(());
    }
    Err(Failure::failed(format!("{file}: this is not what was recorded")))
}
