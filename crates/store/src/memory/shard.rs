//! The records behind one lock.

use std::cmp::Ordering;

use grantor_core::Time;
use grantor_core::record::{Expect, Put, RecordKey, Stored, Under, Version};

use super::ordered::{BEGINNING, Beginning, Head, Name, Ordered};

/// How many records a chunk holds at most. So many heads lie in a few lines of memory, and to move half as many records
/// aside for a new one takes no longer than to fetch a line.
const FULL: usize = 64;

/// Records in the order of their names: a list of chunks, each a short list of records. A chunk that is full is split, and one that a purge empties is taken out; nothing else ever moves.
#[derive(Debug, Default)]
pub(super) struct Shard {
    /// By the beginning of the name each chunk was begun with, and none in it begins lower. What comes before all chunks goes into
    /// the first, whose beginning it lowers.
    chunks: Ordered<Beginning, Chunk>,
    records: usize,
}

#[derive(Debug)]
struct Chunk {
    /// By heads of what comes after what all of their names begin with: ids begin with the time, and those of one grant's tokens
    /// with its whole name.
    entries: Ordered<Head, Entry>,
    /// With what one of their names begins.
    beginning: Beginning,
    /// With how many bytes all of them begin alike: none, where they are not of one kind.
    alike: usize,
    /// None of them ends earlier, so a purge passes over a chunk by one look.
    earliest: i64,
}

/// Where a name belongs.
struct Place {
    chunk: usize,
    at: usize,
    /// The head that it would have there. There is none where it does not begin as all others do.
    head: Option<Head>,
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
        let floor = Name::new(kind as u8, prefix.as_bytes());
        let after = after.map(Name::of).filter(|after| *after >= floor);
        let Place { chunk, at, .. } = self.place(after.unwrap_or(floor));
        let chunks = self.chunks.items().get(chunk..).unwrap_or_default().iter();
        chunks
            .zip(std::iter::once(at).chain(std::iter::repeat(0)))
            .flat_map(|(chunk, at)| chunk.names(at))
            .skip_while(|name| after.is_some_and(|after| *name == after))
            .take_while(|name| name.kind() == kind as u8 && name.id.starts_with(prefix.as_bytes()))
            .filter_map(|name| RecordKey::from_stored(kind, std::str::from_utf8(name.id).ok()?))
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
        let begins_before = |chunk: &Chunk| chunk.names(0).next().is_none_or(|first| first <= name);
        let number = self.chunks.before(name.beginning, begins_before).saturating_sub(1);
        let Some(chunk) = self.chunks.items().get(number) else {
            return Place { chunk: number, at: 0, head: None };
        };
        let (at, head) = match chunk.order(name) {
            Ordering::Equal => {
                let head = name.head_after(chunk.alike);
                (chunk.entries.before(head, |entry| entry.order(name.id).is_lt()), Some(head))
            }
            Ordering::Less => (0, None),
            Ordering::Greater => (chunk.entries.items().len(), None),
        };
        Place { chunk: number, at, head }
    }

    fn insert(&mut self, place: &Place, name: Name<'_>, entry: Entry) {
        self.records += 1;
        if place.chunk == 0 {
            self.chunks.begin_at(name.beginning);
        }
        let Some(chunk) = self.chunks.items_mut().get_mut(place.chunk) else {
            return self.chunks.insert(0, name.beginning, Chunk::begun_with(name, entry));
        };
        let head = place.head.unwrap_or_else(|| chunk.make_room_for(name));
        chunk.entries.insert(place.at, head, entry);
        if chunk.entries.items().len() > FULL {
            // What comes in order comes at the end, and leaves full chunks behind.
            let at = if place.at == FULL { FULL } else { FULL / 2 };
            let mut upper = Chunk { entries: chunk.entries.split(at), ..*chunk };
            chunk.look_alike();
            upper.look_alike();
            let beginning = upper.beginning;
            self.chunks.insert(place.chunk + 1, beginning, upper);
        }
    }
}

impl Chunk {
    fn begun_with(name: Name<'_>, entry: Entry) -> Self {
        let alike = name.len();
        let earliest = entry.keep_until;
        let mut entries = Ordered::default();
        entries.insert(0, name.head_after(alike), entry);
        Self { entries, beginning: name.beginning, alike, earliest }
    }

    /// Its names, from a place on.
    fn names(&self, at: usize) -> impl Iterator<Item = Name<'_>> {
        let kind = self.kind();
        self.entries.from(at).map(move |(head, entry)| entry.name(kind.unwrap_or_else(|| kind_of(head))))
    }

    /// The kind of all in here, if they are of one.
    fn kind(&self) -> Option<u8> {
        self.beginning.first().copied().filter(|_| self.alike > 0)
    }

    /// How a name compares with what all in here begin with.
    fn order(&self, name: Name<'_>) -> Ordering {
        let alike = self.alike.min(BEGINNING);
        let side = name.beginning.get(..alike).cmp(&self.beginning.get(..alike));
        if self.alike <= BEGINNING || side.is_ne() {
            return side;
        }
        let of_id = self.alike - 1;
        let first = self.entries.items().first();
        first.map_or(side, |first| name.id.get(..of_id).unwrap_or(name.id).cmp(first.begins(of_id)))
    }

    /// Makes room for a name that does not begin as all others do, and gives its head.
    fn make_room_for(&mut self, name: Name<'_>) -> Head {
        let alike = self.names(0).next().map_or(0, |first| name.alike(&first));
        self.tell_apart_after(alike);
        name.head_after(alike)
    }

    /// Sees what its names have in common: they are in order, so all have what the first and the last have.
    fn look_alike(&mut self) {
        let last = self.entries.items().len().saturating_sub(1);
        let (first, last) = (self.names(0).next(), self.names(last).next());
        let common = first.zip(last).map(|(first, last)| (first.beginning, first.alike(&last)));
        if let Some((beginning, alike)) = common {
            self.tell_apart_after(alike);
            self.beginning = beginning;
        }
    }

    fn tell_apart_after(&mut self, alike: usize) {
        // It is often the same again after a split, and each name would be fetched to find that out.
        if alike == self.alike {
            return;
        }
        let kind = self.kind();
        self.entries
            .tell_apart_by(|head, entry| entry.name(kind.unwrap_or_else(|| kind_of(head))).head_after(alike));
        self.alike = alike;
    }
}

/// The kind of a record whose head is of its whole name.
fn kind_of(head: Head) -> u8 {
    let [kind, ..] = head.to_be_bytes();
    kind
}

impl Entry {
    pub(super) fn of(put: &Put) -> Self {
        let text = [put.key.id().as_bytes(), &[0], &put.body].concat().into_boxed_slice();
        let keep_until = put.keep_until.map_or(FOR_EVER, Time::unix_millis);
        Self { version: put.version, keep_until, text }
    }

    fn id_bytes(&self) -> &[u8] {
        self.text.split(|byte| *byte == 0).next().unwrap_or_default()
    }

    /// Its name, if it is of that kind.
    fn name(&self, kind: u8) -> Name<'_> {
        Name::new(kind, self.id_bytes())
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
        // Some begin alike for longer than a head or a beginning is long, and some are the beginning of others.
        let id = prop_oneof![
            "[a-c]{1,9}(/[a-c]{1,3})?",
            "aaaaaaa[a-z]{0,3}",
            "[a-zA-Z0-9]{6,9}",
            "one-and-the-same-beginning/[a-zA-Z0-9]{1,12}",
            "one-and-the-same-beginning-and-a-longer-one/[a-zA-Z0-9]{1,12}",
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

    const LONG: &str = "one-and-the-same-beginning-and-a-longer-one";

    fn put_in(shard: &mut Shard, kind: Kind, id: &str, until: Option<i64>) -> RecordKey {
        let key = RecordKey::from_stored(kind, id).unwrap();
        shard.put(Name::of(&key), Expect::Absent, Entry::of(&put(&key, 1, until))).unwrap();
        key
    }

    #[test]
    fn a_chunk_that_is_left_with_another_kind_takes_no_names_of_the_one_before() {
        let mut shard = Shard::default();
        let mut put = |kind, id: &str, until| put_in(&mut shard, kind, id, until);
        let clients: Vec<_> =
            (10..10 + FULL).map(|number| put(Kind::Client, &format!("{LONG}/{number}"), None)).collect();
        // It begins a chunk, and what comes after it stays there without it.
        put(Kind::Client, &format!("{LONG}/99"), Some(1));
        put(Kind::Grant, "a", None);
        assert_eq!(shard.purge(Time::from_unix_millis(2), 9).len(), 1);
        assert!(clients.iter().all(|key| shard.get(Name::of(key)).is_some()));
    }

    #[test]
    fn names_are_told_from_a_chunk_that_begins_alike_for_longer_than_they_do() {
        let mut shard = Shard::default();
        let mut put = |id: &str| put_in(&mut shard, Kind::Client, id, None);
        let mut keys: Vec<_> = (10..10 + FULL + 1).map(|number| put(&format!("{LONG}/b{number}"))).collect();
        keys.extend(["/c0", "/a99", "", "-99"].map(|end| put(&format!("{LONG}{end}"))));
        keys.sort();
        assert_eq!(shard.keys(&Under::Kind(Kind::Client), None, usize::MAX), keys);
        assert!(keys.iter().all(|key| shard.get(Name::of(key)).is_some()));
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
