//! A list in the order of names, laid out for the search.

use grantor_core::record::{Kind, RecordKey};

/// A key as it is compared: by kind, then byte by byte, which is the order of [`RecordKey`]s.
///
/// The kind and the first bytes of the id are one number, so nearly every comparison is of two numbers that lie beside
/// others. Only where they are equal is an id looked up in memory of its own, which costs as much as many of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name<'a> {
    pub(super) head: u64,
    pub(super) id: &'a [u8],
}

impl<'a> Name<'a> {
    pub(super) fn of(key: &'a RecordKey) -> Self {
        Self::new(key.kind(), key.id())
    }

    pub(super) fn new(kind: Kind, id: &'a str) -> Self {
        Self { head: Self::head_of(kind as u8, id.as_bytes()), id: id.as_bytes() }
    }

    /// The head of a name of that kind.
    pub(super) fn head_of(kind: u8, id: &[u8]) -> u64 {
        let mut head = [0; 8];
        // No id has a byte of nought, so one that ends early sorts before those that go on.
        for (byte, value) in head.iter_mut().zip([kind].iter().chain(id)) {
            *byte = *value;
        }
        u64::from_be_bytes(head)
    }

    /// A head of what comes after the first bytes of an id.
    pub(super) fn head_after(id: &[u8], bytes: usize) -> u64 {
        let mut head = [0; 8];
        let rest = id.get(bytes..).unwrap_or_default();
        head.iter_mut().zip(rest).for_each(|(byte, value)| *byte = *value);
        u64::from_be_bytes(head)
    }

    /// Whether a name with that head is of this kind.
    pub(super) fn is_of(kind: Kind, head: u64) -> bool {
        head.to_be_bytes().first() == Some(&(kind as u8))
    }
}

/// Items in the order of their names. `heads` and `items` are as long and belong together, place by place: a search reads
/// the heads alone.
#[derive(Debug)]
pub(super) struct Ordered<T> {
    heads: Vec<u64>,
    items: Vec<T>,
}

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self { heads: Vec::new(), items: Vec::new() }
    }
}

impl<T> Ordered<T> {
    /// How many items come before a name with that head: those with lower ones, and of those with the same, as far as
    /// `is_before` says so.
    pub(super) fn before(&self, head: u64, is_before: impl Fn(&T) -> bool) -> usize {
        let lower = self.heads.partition_point(|other| *other < head);
        let rest = self.heads.get(lower..).unwrap_or_default();
        if rest.first() != Some(&head) {
            return lower;
        }
        let equal = rest.partition_point(|other| *other == head);
        let equal = self.items.get(lower..lower + equal).unwrap_or_default();
        lower + equal.partition_point(is_before)
    }

    pub(super) fn items(&self) -> &[T] {
        &self.items
    }

    pub(super) fn items_mut(&mut self) -> &mut [T] {
        &mut self.items
    }

    /// The items and their heads, from a place on.
    pub(super) fn from(&self, at: usize) -> impl Iterator<Item = (u64, &T)> {
        let heads = self.heads.get(at..).unwrap_or_default();
        heads.iter().copied().zip(self.items.get(at..).unwrap_or_default())
    }

    /// The item at a place, if it has that head.
    pub(super) fn at(&self, at: usize, head: u64) -> Option<&T> {
        self.items.get(at).filter(|_| self.heads.get(at) == Some(&head))
    }

    /// The same, to be changed.
    pub(super) fn at_mut(&mut self, at: usize, head: u64) -> Option<&mut T> {
        self.items.get_mut(at).filter(|_| self.heads.get(at) == Some(&head))
    }

    /// `at` must be where the item's name belongs.
    pub(super) fn insert(&mut self, at: usize, head: u64, item: T) {
        if self.items.len() == self.items.capacity() {
            let more = spare(self.items.len());
            self.heads.reserve_exact(more);
            self.items.reserve_exact(more);
        }
        self.heads.insert(at, head);
        self.items.insert(at, item);
    }

    /// Gives every item another head, by which they are in the same order.
    pub(super) fn tell_apart_by(&mut self, head: impl Fn(&T) -> u64) {
        self.heads.iter_mut().zip(&self.items).for_each(|(old, item)| *old = head(item));
    }

    /// Whatever comes before all items belongs to the first from now on.
    pub(super) fn begin_at(&mut self, head: u64) {
        if let Some(first) = self.heads.first_mut() {
            *first = head.min(*first);
        }
    }

    /// Takes off what lies from there on.
    pub(super) fn split(&mut self, at: usize) -> Self {
        let at = at.min(self.items.len());
        let upper = Self { heads: self.heads.split_off(at), items: self.items.split_off(at) };
        self.shrink();
        upper
    }

    /// Takes out those items of which that is true, until `removed` holds `limit`.
    pub(super) fn extract(&mut self, limit: usize, removed: &mut Vec<T>, is_meant: impl Fn(&T) -> bool) {
        let mut at = 0;
        while removed.len() < limit
            && let Some(item) = self.items.get(at)
        {
            if is_meant(item) {
                self.heads.remove(at);
                removed.push(self.items.remove(at));
            } else {
                at += 1;
            }
        }
        self.shrink();
    }

    fn shrink(&mut self) {
        let room = self.items.len() + spare(self.items.len());
        self.heads.shrink_to(room);
        self.items.shrink_to(room);
    }
}

/// For how many more there is room made, where there are so many. Doubling would leave a third of all room empty.
fn spare(items: usize) -> usize {
    8.max(items / 8)
}
