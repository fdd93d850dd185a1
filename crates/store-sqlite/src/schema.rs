//! What is in the file, and how a file of an older grantor becomes one of this.

use rusqlite::{Connection, Result, TransactionBehavior};

/// The mark in the header of every database of grantor's: `grnt`.
pub(crate) const APPLICATION_ID: i32 = 0x6772_6e74;

/// The steps from an empty database to the present schema: step `n` leads from version `n` to `n + 1`. A step that was
/// released never changes.
pub(crate) const STEPS: &[&str] = &[include_str!("schema/v1.sql")];

/// The version that these steps lead to.
pub(crate) fn version_of(steps: &[&str]) -> i32 {
    i32::try_from(steps.len()).unwrap_or(i32::MAX)
}

/// Takes the steps that `connection`'s database lacks, in one transaction: it is at its old version or at the new one,
/// and of two processes one takes them and the other finds them taken.
pub(crate) fn migrate(connection: &mut Connection, steps: &[&str]) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for step in steps.iter().skip(usize::try_from(version).unwrap_or(0)) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", version_of(steps))?;
    transaction.commit()
}

/// Every table, index, view and trigger with its SQL, as text. SQLite's own (`sqlite_…`) are left out, since `ANALYZE` adds some.
pub(crate) fn dump(connection: &Connection) -> Result<Vec<(String, String)>> {
    connection
        .prepare(
            "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
        )?
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// What [`dump`] gives of a database at these steps' version.
pub(crate) fn expected(steps: &[&str]) -> Result<Vec<(String, String)>> {
    let connection = Connection::open_in_memory()?;
    for step in steps {
        connection.execute_batch(step)?;
    }
    dump(&connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &[&str] = &["CREATE TABLE a (x);"];
    const NEW: &[&str] = &["CREATE TABLE a (x);", "CREATE TABLE b (y); INSERT INTO b SELECT x FROM a;"];
    const BROKEN: &[&str] = &["CREATE TABLE a (x);", "CREATE TABLE b (y); INSERT INTO nowhere VALUES (1);"];

    fn version(connection: &Connection) -> i32 {
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    }

    #[test]
    fn only_missing_steps_are_taken_and_all_or_none() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, OLD).unwrap();
        connection.execute("INSERT INTO a VALUES (7)", ()).unwrap();
        assert!(migrate(&mut connection, BROKEN).is_err());
        assert_eq!(version(&connection), 1);
        assert_eq!(dump(&connection).unwrap(), expected(OLD).unwrap());
        for _ in 0..2 {
            migrate(&mut connection, NEW).unwrap();
            assert_eq!(version(&connection), 2);
            assert_eq!(dump(&connection).unwrap(), expected(NEW).unwrap());
            let moved: i32 = connection.query_row("SELECT y FROM b", (), |row| row.get(0)).unwrap();
            assert_eq!(moved, 7);
        }
    }
}
