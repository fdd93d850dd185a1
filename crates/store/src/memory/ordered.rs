//! A list in the order of names, laid out for the search.

use grantor_core::record::RecordKey;

/// A key as it is compared: by kind, then byte by byte, which is the order of [`RecordKey`]s.
///
/// Names lie beside each other as far as nearly every comparison needs them. Only where that much is equal is an id looked up
/// in memory of its own, which costs as much as many of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name<'a> {
    pub(super) beginning: Beginning,
    pub(super) id: &'a [u8],
}

/// A kind and the first bytes of an id: all of a grant's id, and enough of a token's under it to tell it from most others.
pub(super) type Beginning = [u8; BEGINNING];

pub(super) const BEGINNING: usize = 32;

/// Eight bytes of a name, as a number.
pub(super) type Head = u64;

impl<'a> Name<'a> {
    pub(super) fn of(key: &'a RecordKey) -> Self {
        Self::new(key.kind() as u8, key.id().as_bytes())
    }

    pub(super) fn new(kind: u8, id: &'a [u8]) -> Self {
        let mut beginning = [0; BEGINNING];
        // No id has a byte of nought, so one that ends early sorts before those that go on.
        let [first, rest @ ..] = &mut beginning;
        *first = kind;
        fill(rest, id);
        Self { beginning, id }
    }

    pub(super) fn kind(&self) -> u8 {
        let [kind, ..] = self.beginning;
        kind
    }

    /// How many bytes it has, with that of its kind.
    pub(super) fn len(&self) -> usize {
        1 + self.id.len()
    }

    /// The head of what comes after so many bytes.
    pub(super) fn head_after(&self, bytes: usize) -> Head {
        let rest = match bytes.checked_sub(1) {
            Some(of_id) => self.id.get(of_id..).unwrap_or_default(),
            None => &self.beginning,
        };
        let mut head = [0; 8];
        fill(&mut head, rest);
        Head::from_be_bytes(head)
    }

    /// With how many bytes it begins as another does.
    pub(super) fn alike(&self, other: &Self) -> usize {
        if self.kind() != other.kind() {
            return 0;
        }
        1 + self.id.iter().zip(other.id).take_while(|(one, other)| one == other).count()
    }
}

/// As much of `bytes` as there is room for.
fn fill(room: &mut [u8], bytes: &[u8]) {
    let length = room.len().min(bytes.len());
    if let (Some(room), Some(bytes)) = (room.get_mut(..length), bytes.get(..length)) {
        room.copy_from_slice(bytes);
    }
}

/// Items in the order of their names. `heads` and `items` are as long and belong together, place by place: a search reads
/// the heads alone.
#[derive(Debug)]
pub(super) struct Ordered<H, T> {
    heads: Vec<H>,
    items: Vec<T>,
}

impl<H, T> Default for Ordered<H, T> {
    fn default() -> Self {
        Self { heads: Vec::new(), items: Vec::new() }
    }
}

impl<H: Copy + Ord, T> Ordered<H, T> {
    /// How many items come before a name with that head: those with lower ones, and of those with the same, as far as
    /// `is_before` says so.
    pub(super) fn before(&self, head: H, is_before: impl Fn(&T) -> bool) -> usize {
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
    pub(super) fn from(&self, at: usize) -> impl Iterator<Item = (H, &T)> {
        let heads = self.heads.get(at..).unwrap_or_default();
        heads.iter().copied().zip(self.items.get(at..).unwrap_or_default())
    }

    /// The item at a place, if it has that head.
    pub(super) fn at(&self, at: usize, head: H) -> Option<&T> {
        self.items.get(at).filter(|_| self.heads.get(at) == Some(&head))
    }

    /// The same, to be changed.
    pub(super) fn at_mut(&mut self, at: usize, head: H) -> Option<&mut T> {
        self.items.get_mut(at).filter(|_| self.heads.get(at) == Some(&head))
    }

    /// `at` must be where the item's name belongs.
    pub(super) fn insert(&mut self, at: usize, head: H, item: T) {
        if self.items.len() == self.items.capacity() {
            let more = spare(self.items.len());
            self.heads.reserve_exact(more);
            self.items.reserve_exact(more);
        }
        self.heads.insert(at, head);
        self.items.insert(at, item);
    }

    /// Gives every item another head, by which they are in the same order.
    pub(super) fn tell_apart_by(&mut self, head: impl Fn(H, &T) -> H) {
        self.heads.iter_mut().zip(&self.items).for_each(|(old, item)| *old = head(*old, item));
    }

    /// Whatever comes before all items belongs to the first from now on.
    pub(super) fn begin_at(&mut self, head: H) {
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
