//! Lists of which a filter leaves out some.

use std::future::Future;

use crate::problem::Problem;

/// The most that is read for one part of a list: a filter that little passes must not make a request last for ever.
const READ: usize = 2000;

/// Fills a part of a list: `read` gives what passes of the next so many that there are, and where to go on. The part can
/// be short, or empty, and not be the last.
pub(crate) async fn fill<T, C: Clone, F>(
    mut after: Option<C>,
    limit: usize,
    read: impl Fn(Option<C>, usize) -> F,
) -> Result<(Vec<T>, Option<C>), Problem>
where
    F: Future<Output = Result<(Vec<T>, Option<C>), Problem>>,
{
    let (mut found, mut seen) = (Vec::new(), 0);
    while found.len() < limit && seen < READ {
        // No more than are missing, or what is read too much would be lost.
        let missing = limit - found.len();
        let (passing, next) = read(after, missing).await?;
        found.extend(passing);
        after = next;
        seen += missing;
        if after.is_none() {
            break;
        }
    }
    Ok((found, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What passes of the numbers below `all` after `after`, which are those that are divisible by `by`.
    async fn part(all: usize, by: usize, after: Option<usize>, limit: usize) -> (Vec<usize>, Option<usize>) {
        let read = async |after: Option<usize>, limit: usize| {
            let first = after.map_or(0, |after| after + 1);
            let last = (first + limit).min(all);
            let next = Some(last - 1).filter(|_| last < all);
            Ok(((first..last).filter(|n| n % by == 0).collect(), next))
        };
        fill(after, limit, read).await.unwrap()
    }

    #[tokio::test]
    async fn a_part_is_filled_and_nothing_is_passed_over() {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let (found, next) = part(1000, 7, after, 10).await;
            assert!(found.len() == 10 || next.is_none());
            all.extend(found);
            after = next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(all, (0..1000).filter(|n| n % 7 == 0).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_part_ends_when_much_was_read_and_little_found() {
        let (found, next) = part(1_000_000, 999_999, Some(0), 100).await;
        assert!(found.is_empty() && next.is_some_and(|next| next < 2 * READ));
    }
}
