//! The records behind one lock.

use std::cmp::Ordering;

use grantor_core::Time;
use grantor_core::record::{Expect, Put, RecordKey, Stored, Under, Version};

use super::ordered::{Name, Ordered};

/// How many records a chunk holds at most. So many heads lie in a few lines of memory, and to move half as many records
/// aside for a new one takes no longer than to fetch a line.
const FULL: usize = 64;

/// Records in the order of their names: a list of chunks, each a short list of records. A chunk that is full is split, and one that a purge empties is taken out; nothing else ever moves.
#[derive(Debug, Default)]
pub(super) struct Shard {
    /// A chunk's head is that of the record it was begun with, and none in it has a lower one. What comes before all chunks goes
    /// into the first, whose head it lowers.
    chunks: Ordered<Chunk>,
    records: usize,
}

#[derive(Debug)]
struct Chunk {
    entries: Ordered<Entry>,
    /// What all of their names begin with, if with anything. Their heads are then of what comes after it: ids begin with the time,
    /// and those of one grant's tokens with its whole name.
    alike: Option<Alike>,
    /// None of them ends earlier, so a purge passes over a chunk by one look.
    earliest: i64,
}

#[derive(Debug, Clone, Copy)]
struct Alike {
    /// As much of a head as is the same in all.
    head: u64,
    /// With how many bytes their ids begin alike.
    bytes: usize,
}

impl Alike {
    /// The kind of them all.
    fn kind(self) -> u8 {
        let [kind, ..] = self.head.to_be_bytes();
        kind
    }

    /// As much of a name's head.
    fn part_of(self, head: u64) -> u64 {
        let same = 8 * (1 + self.bytes.min(7));
        head & (u64::MAX << (64 - same))
    }
}

/// Where a name belongs.
struct Place {
    chunk: usize,
    at: usize,
    /// The head that it would have there. There is none where it does not begin as all others do.
    head: Option<u64>,
}

/// A record at rest.
#[derive(Debug)]
pub(super) struct Entry {
    version: Version,
    /// In Unix milliseconds, or [`FOR_EVER`].
    keep_until: i64,
    /// The id, a byte of nought, which no id has, and the body: one piece of memory, and no larger than that.
    text: Box<[u8]>,
}

/// Beyond every [`Time`].
const FOR_EVER: i64 = i64::MAX;

impl Shard {
    pub(super) fn len(&self) -> usize {
        self.records
    }

    pub(super) fn get(&self, name: Name<'_>) -> Option<Stored> {
        let Place { chunk, at, head } = self.place(name);
        let entry = self.chunks.items().get(chunk)?.entries.at(at, head?)?;
        entry.is(name.id).then(|| entry.to_stored(name.id))
    }

    /// Puts `entry`, whose name that is, if `expect` holds, and gives what it replaces; else gives it back.
    pub(super) fn put(
        &mut self,
        name: Name<'_>,
        expect: Expect,
        entry: Entry,
    ) -> Result<Option<Entry>, Entry> {
        let place = self.place(name);
        let standing = self.chunks.items_mut().get_mut(place.chunk).and_then(|chunk| {
            // In vain where it is not put, which costs a purge one look.
            chunk.earliest = chunk.earliest.min(entry.keep_until);
            chunk.entries.at_mut(place.at, place.head?).filter(|entry| entry.is(name.id))
        });
        match (expect, standing) {
            (Expect::Absent, None) => {
                self.insert(&place, name, entry);
                Ok(None)
            }
            (Expect::Version(expected), Some(standing)) if standing.version == expected => {
                Ok(Some(std::mem::replace(standing, entry)))
            }
            (Expect::Absent, Some(_)) | (Expect::Version(_), Some(_) | None) => Err(entry),
        }
    }

    /// The first `wanted` keys that lie under `under` and after `after`.
    pub(super) fn keys(&self, under: &Under, after: Option<&RecordKey>, wanted: usize) -> Vec<RecordKey> {
        let (kind, prefix) = (under.kind(), under.prefix());
        let floor = Name::new(kind, &prefix);
        let after = after.map(Name::of).filter(|after| *after >= floor);
        let Place { chunk, at, .. } = self.place(after.unwrap_or(floor));
        let chunks = self.chunks.items().get(chunk..).unwrap_or_default().iter();
        chunks
            .zip(std::iter::once(at).chain(std::iter::repeat(0)))
            .flat_map(|(chunk, at)| chunk.from(at))
            .skip_while(|(_, entry)| after.is_some_and(|after| entry.is(after.id)))
            .take_while(|(head, entry)| Name::is_of(kind, *head) && entry.text.starts_with(prefix.as_bytes()))
            .filter_map(|(_, entry)| RecordKey::from_stored(kind, entry.id()?))
            .take(wanted)
            .collect()
    }

    /// Takes out at most `limit` records that end before that.
    pub(super) fn purge(&mut self, before: Time, limit: usize) -> Vec<Entry> {
        let before = before.unix_millis();
        let mut removed = Vec::new();
        let mut is_one_empty = false;
        for chunk in self.chunks.items_mut().iter_mut().filter(|chunk| chunk.earliest < before) {
            chunk.entries.extract(limit, &mut removed, |entry| entry.keep_until < before);
            let entries = chunk.entries.items();
            chunk.earliest = entries.iter().map(|entry| entry.keep_until).min().unwrap_or(FOR_EVER);
            is_one_empty |= entries.is_empty();
            if removed.len() == limit {
                break;
            }
        }
        if is_one_empty {
            self.chunks.extract(usize::MAX, &mut Vec::new(), |chunk| chunk.entries.items().is_empty());
        }
        self.records -= removed.len();
        removed
    }

    /// In which chunk a name belongs, and where in it.
    fn place(&self, name: Name<'_>) -> Place {
        let begins_before = |chunk: &Chunk| {
            let first = chunk.from(0).next();
            first.is_none_or(|(head, entry)| head.cmp(&name.head).then(entry.order(name.id)).is_le())
        };
        let number = self.chunks.before(name.head, begins_before).saturating_sub(1);
        let Some(chunk) = self.chunks.items().get(number) else {
            return Place { chunk: number, at: 0, head: Some(name.head) };
        };
        let (at, head) = match chunk.head(name) {
            Ok(head) => (chunk.entries.before(head, |entry| entry.order(name.id).is_lt()), Some(head)),
            Err(Ordering::Less) => (0, None),
            Err(Ordering::Equal | Ordering::Greater) => (chunk.entries.items().len(), None),
        };
        Place { chunk: number, at, head }
    }

    fn insert(&mut self, place: &Place, name: Name<'_>, entry: Entry) {
        self.records += 1;
        if place.chunk == 0 {
            self.chunks.begin_at(name.head);
        }
        let Some(chunk) = self.chunks.items_mut().get_mut(place.chunk) else {
            let mut first = Chunk { entries: Ordered::default(), alike: None, earliest: entry.keep_until };
            first.entries.insert(0, name.head, entry);
            return self.chunks.insert(0, name.head, first);
        };
        let head = place.head.unwrap_or_else(|| chunk.tell_all_apart(name));
        chunk.entries.insert(place.at, head, entry);
        if chunk.entries.items().len() > FULL {
            let (alike, earliest) = (chunk.alike, chunk.earliest);
            // What comes in order comes at the end, and leaves full chunks behind.
            let at = if place.at == FULL { FULL } else { FULL / 2 };
            let mut upper = Chunk { entries: chunk.entries.split(at), alike, earliest };
            chunk.look_alike();
            upper.look_alike();
            let head = upper.from(0).next().map_or(name.head, |(head, _)| head);
            self.chunks.insert(place.chunk + 1, head, upper);
        }
    }
}

impl Chunk {
    /// The entries, with the heads of their names, from a place on.
    fn from(&self, at: usize) -> impl Iterator<Item = (u64, &Entry)> {
        let kind = self.alike.map(Alike::kind);
        self.entries.from(at).map(move |(head, entry)| (kind.map_or(head, |kind| entry.head(kind)), entry))
    }

    /// What head a name has in here; or, where it does not begin as all others do, on which side of them it belongs.
    fn head(&self, name: Name<'_>) -> Result<u64, Ordering> {
        let Some(alike) = self.alike else { return Ok(name.head) };
        let rest = || {
            let begins = name.id.get(..alike.bytes).unwrap_or(name.id);
            self.entries
                .items()
                .first()
                .map_or(Ordering::Equal, |first| begins.cmp(first.begins(alike.bytes)))
        };
        let side = alike.part_of(name.head).cmp(&alike.head);
        match if alike.bytes > 7 { side.then_with(rest) } else { side } {
            Ordering::Equal => Ok(Name::head_after(name.id, alike.bytes)),
            side @ (Ordering::Less | Ordering::Greater) => Err(side),
        }
    }

    /// Makes room for a name that does not begin as all others do, and gives its head.
    fn tell_all_apart(&mut self, name: Name<'_>) -> u64 {
        if let Some(alike) = self.alike.take() {
            self.entries.tell_apart_by(|entry| entry.head(alike.kind()));
        }
        name.head
    }

    /// Sees what its names have in common: they are in order, so all have what the first and the last have.
    fn look_alike(&mut self) {
        let kind = |at| self.from(at).next().and_then(|(head, _)| head.to_be_bytes().first().copied());
        let (first, last) = (kind(0), kind(self.entries.items().len().saturating_sub(1)));
        let ([one, .., other], Some(kind)) = (self.entries.items(), first.filter(|_| first == last)) else {
            return;
        };
        let pairs = one.id_bytes().iter().zip(other.id_bytes());
        let alike =
            Alike { head: one.head(kind), bytes: pairs.take_while(|(one, other)| one == other).count() };
        let alike = Alike { head: alike.part_of(alike.head), ..alike };
        self.alike = Some(alike);
        self.entries.tell_apart_by(|entry| Name::head_after(entry.id_bytes(), alike.bytes));
    }
}

impl Entry {
    pub(super) fn of(put: &Put) -> Self {
        let text = [put.key.id().as_bytes(), &[0], &put.body].concat().into_boxed_slice();
        let keep_until = put.keep_until.map_or(FOR_EVER, Time::unix_millis);
        Self { version: put.version, keep_until, text }
    }

    fn id(&self) -> Option<&str> {
        std::str::from_utf8(self.id_bytes()).ok()
    }

    fn id_bytes(&self) -> &[u8] {
        self.text.split(|byte| *byte == 0).next().unwrap_or_default()
    }

    /// The head of its name, if it is of that kind.
    fn head(&self, kind: u8) -> u64 {
        Name::head_of(kind, self.id_bytes())
    }

    /// With what its id begins, which is longer.
    fn begins(&self, bytes: usize) -> &[u8] {
        self.text.get(..bytes).unwrap_or_default()
    }

    /// Whether that is its id.
    fn is(&self, id: &[u8]) -> bool {
        self.order(id).is_eq()
    }

    /// How its id compares with this one.
    fn order(&self, id: &[u8]) -> Ordering {
        // Where its own is shorter, the nought after it decides before anything of the body does.
        let begins = self.text.get(..id.len()).unwrap_or(&self.text);
        let goes_on = self.text.get(id.len()).is_some_and(|byte| *byte != 0);
        begins.cmp(id).then(goes_on.cmp(&false))
    }

    /// The record, whose id that is.
    fn to_stored(&self, id: &[u8]) -> Stored {
        Stored {
            version: self.version,
            body: self.text.get(id.len() + 1..).unwrap_or_default().to_vec(),
            keep_until: (self.keep_until != FOR_EVER).then(|| Time::from_unix_millis(self.keep_until)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use grantor_core::record::Kind;
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Change {
        Put { kind: Kind, id: String, until: Option<i64> },
        Purge { before: i64, limit: usize },
    }

    fn change() -> impl Strategy<Value = Change> {
        let kind = prop_oneof![Just(Kind::Client), Just(Kind::Grant), Just(Kind::AccessToken)];
        // Some begin alike for longer than a head is long, and some are the beginning of others.
        let id = prop_oneof![
            "[a-c]{1,9}(/[a-c]{1,3})?",
            "aaaaaaa[a-z]{0,3}",
            "[a-zA-Z0-9]{6,9}",
            "one-and-the-same-beginning/[a-zA-Z0-9]{1,12}",
        ];
        let put = (kind, id, proptest::option::of(0..100_i64));
        prop_oneof![
            60 => put.prop_map(|(kind, id, until)| Change::Put { kind, id, until }),
            1 => (0..60_i64, 1..200_usize).prop_map(|(before, limit)| Change::Purge { before, limit }),
        ]
    }

    fn put(key: &RecordKey, number: u8, until: Option<i64>) -> Put {
        Put {
            key: key.clone(),
            expect: Expect::Absent,
            version: Version::from_bytes([number; 16]),
            body: vec![number; 3],
            keep_until: until.map(Time::from_unix_millis),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// However many chunks it has come to have, and in whatever order.
        #[test]
        fn a_shard_holds_what_an_ordered_map_holds(changes in proptest::collection::vec(change(), 1..3000)) {
            let (mut shard, mut model) = (Shard::default(), BTreeMap::<RecordKey, Option<i64>>::new());
            for (number, change) in changes.into_iter().enumerate() {
                match change {
                    Change::Put { kind, id, until } => {
                        let key = RecordKey::from_stored(kind, &id).unwrap();
                        let put = put(&key, u8::try_from(number % 251).unwrap(), until);
                        let done = shard.put(Name::of(&key), Expect::Absent, Entry::of(&put));
                        prop_assert_eq!(done.is_ok(), !model.contains_key(&key), "{}", key);
                        model.entry(key).or_insert(until);
                    }
                    Change::Purge { before, limit } => {
                        let due = model.values().filter(|until| until.is_some_and(|at| at < before)).count();
                        let removed = shard.purge(Time::from_unix_millis(before), limit);
                        prop_assert_eq!(removed.len(), due.min(limit));
                        model.retain(|key, _| shard.get(Name::of(key)).is_some());
                        prop_assert_eq!(model.len(), shard.len());
                    }
                }
            }
            for kind in [Kind::Client, Kind::Grant, Kind::AccessToken] {
                let held: Vec<_> = model.keys().filter(|key| key.kind() == kind).cloned().collect();
                prop_assert_eq!(shard.keys(&Under::Kind(kind), None, usize::MAX), held);
            }
            for key in model.keys() {
                prop_assert!(shard.get(Name::of(key)).is_some(), "{}", key);
            }
        }
    }
}
