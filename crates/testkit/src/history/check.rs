//! The checker. See the module above for why it is right.

use std::collections::{BTreeMap, BTreeSet};

use grantor_core::record::{Expect, RecordKey, Version};

use super::{Bound, Deed, Event, Told, Violation};

/// Whether one compare-and-set register for each key, empty at first, could have given these answers.
///
/// It is exact for reads and writes. Conflicts are judged one by one: each that no placing of the writes excuses is
/// found; two that are excused only by placings which exclude each other are not.
///
/// # Errors
/// The first [`Violation`] found.
pub fn check(events: &[Event]) -> Result<(), Violation> {
    if events.is_empty() {
        return Err(Violation::Empty);
    }
    let mut by_key: BTreeMap<&RecordKey, Vec<&Event>> = BTreeMap::new();
    for event in events {
        by_key.entry(&event.key).or_default().push(event);
    }
    by_key.into_iter().try_for_each(|(key, events)| Register::of(key, &events)?.check())
}

struct Write {
    expect: Expect,
    told: Told,
    began: u64,
    ended: u64,
}

struct Read {
    saw: Option<Version>,
    began: u64,
    ended: u64,
}

/// What happened to one key.
struct Register<'a> {
    key: &'a RecordKey,
    writes: BTreeMap<Version, Write>,
    reads: Vec<Read>,
}

impl<'a> Register<'a> {
    fn of(key: &'a RecordKey, events: &[&Event]) -> Result<Self, Violation> {
        let mut register = Self { key, writes: BTreeMap::new(), reads: Vec::new() };
        for &&Event { began, ended, what, .. } in events {
            match what {
                Deed::Saw(saw) => register.reads.push(Read { saw, began, ended }),
                Deed::Wrote { expect, version, told } => {
                    let write = Write { expect, told, began, ended };
                    if register.writes.insert(version, write).is_some() {
                        return Err(Violation::VersionTwice(key.clone(), version));
                    }
                }
            }
        }
        Ok(register)
    }

    fn check(&self) -> Result<(), Violation> {
        let chain = self.chain(&self.effective()?)?;
        let moments = self.moments(&chain)?;
        self.conflicts(&chain, &moments, self.lasts(&chain, &moments))
    }

    /// The writes that certainly took effect: the applied ones, those that were seen, and those that one of these
    /// expected.
    fn effective(&self) -> Result<BTreeSet<Version>, Violation> {
        let applied =
            self.writes.iter().filter(|(_, write)| write.told == Told::Applied).map(|(version, _)| *version);
        let mut open: Vec<Version> = applied.chain(self.reads.iter().filter_map(|read| read.saw)).collect();
        let mut effective = BTreeSet::new();
        while let Some(version) = open.pop() {
            let Some(write) = self.writes.get(&version) else {
                return Err(Violation::FromNowhere(self.key.clone(), version));
            };
            match write.told {
                Told::Applied | Told::Unknown => {}
                Told::Conflict | Told::NotApplied => {
                    return Err(Violation::RefusedStands(self.key.clone(), version));
                }
            }
            if let (true, Expect::Version(before)) = (effective.insert(version), write.expect) {
                open.push(before);
            }
        }
        Ok(effective)
    }

    /// Those writes in the order in which each expects the one before.
    fn chain(&self, effective: &BTreeSet<Version>) -> Result<Vec<Version>, Violation> {
        let mut after: BTreeMap<Option<Version>, Version> = BTreeMap::new();
        for version in effective {
            let before = expected(self.writes[version].expect);
            if let Some(other) = after.insert(before, *version) {
                return Err(Violation::Forked(self.key.clone(), other, *version));
            }
        }
        let mut chain = Vec::new();
        while let Some(next) = after.remove(&chain.last().copied()) {
            chain.push(next);
        }
        match after.into_values().next() {
            // What is left hangs on itself, in a ring.
            Some(unfounded) => Err(Violation::Unfounded(self.key.clone(), unfounded)),
            None => Ok(chain),
        }
    }

    /// The earliest and the latest moment of each link, or the first link that has none.
    fn moments(&self, chain: &[Version]) -> Result<Vec<(u64, u64)>, Violation> {
        let mut bounds: Vec<(Bound, Bound)> = chain.iter().map(|version| self.own_bounds(version)).collect();
        let place: BTreeMap<_, _> = chain.iter().zip(0_usize..).collect();
        for read in &self.reads {
            let seen = read.saw.map(|version| place[&version]);
            if let Some((_, before)) = seen.and_then(|seen| bounds.get_mut(seen)) {
                let end = Bound { moment: read.ended, because: "a read that saw it had ended" };
                *before = if end.moment < before.moment { end } else { *before };
            }
            if let Some((after, _)) = bounds.get_mut(seen.map_or(0, |seen| seen + 1)) {
                let begin =
                    Bound { moment: read.began, because: "a read that saw the state before it began" };
                *after = if begin.moment > after.moment { begin } else { *after };
            }
        }
        let mut floor = Bound { moment: 0, because: "all began" };
        for ((after, before), version) in bounds.iter_mut().zip(chain) {
            floor = if after.moment > floor.moment { *after } else { floor };
            *after = floor;
            if floor.moment > before.moment {
                return Err(Violation::NoMoment(self.key.clone(), *version, floor, *before));
            }
        }
        let mut ceiling = u64::MAX;
        for (_, before) in bounds.iter_mut().rev() {
            ceiling = ceiling.min(before.moment);
            before.moment = ceiling;
        }
        Ok(bounds.into_iter().map(|(after, before)| (after.moment, before.moment)).collect())
    }

    /// Until when, at least, the end of the chain was the last word: a write that nobody knows of can only come later.
    fn lasts(&self, chain: &[Version], moments: &[(u64, u64)]) -> u64 {
        let seen = self.reads.iter().filter(|read| read.saw.as_ref() == chain.last()).map(|read| read.began);
        seen.chain(moments.last().map(|moment| moment.0)).max().unwrap_or(0)
    }

    fn own_bounds(&self, version: &Version) -> (Bound, Bound) {
        let write = &self.writes[version];
        let after = Bound { moment: write.began, because: "it, or one it rests on, began" };
        // What nobody knows may come at any later time.
        let ended = if write.told == Told::Applied { write.ended } else { u64::MAX };
        (after, Bound { moment: ended, because: "it was acknowledged" })
    }

    /// A conflict needs a moment at which what it expected did not stand.
    fn conflicts(&self, chain: &[Version], moments: &[(u64, u64)], lasts: u64) -> Result<(), Violation> {
        let place: BTreeMap<_, _> = chain.iter().zip(0_usize..).collect();
        for (version, write) in &self.writes {
            if write.told != Told::Conflict {
                continue;
            }
            let begun_by = match write.expect {
                Expect::Absent => None,
                Expect::Version(expected) => match place.get(&expected) {
                    Some(place) => Some(*place),
                    None => continue,
                },
            };
            // At the latest it stood from here, and at the earliest it ended there.
            let from = begun_by.map_or(0, |place| moments[place].1);
            let ended =
                moments.get(begun_by.map_or(0, |place| place + 1)).map_or(u64::MAX, |moment| moment.0);
            // After the chain's end, a write that nobody knows of may have come between, if it expected the same.
            let unknown = self.writes.values().any(|other| {
                other.told == Told::Unknown
                    && other.expect == write.expect
                    && other.began.max(lasts) < write.ended
            });
            if from <= write.began && ended > write.ended && !(unknown && ended == u64::MAX) {
                return Err(Violation::FalseConflict(self.key.clone(), *version));
            }
        }
        Ok(())
    }
}

fn expected(expect: Expect) -> Option<Version> {
    match expect {
        Expect::Absent => None,
        Expect::Version(version) => Some(version),
    }
}
