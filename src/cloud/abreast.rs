//! Many reads side by side, and never all of a long list at once.

use futures_util::stream::{self, Stream, StreamExt as _, TryStreamExt as _};

/// Things that are read at the same time. What waits for its turn at the network is no longer than a few seconds behind,
/// so that no call runs out of time before it is made.
const ABREAST: usize = 64;

/// The results of reads, in their order.
pub(crate) fn abreast<R: Future>(reads: impl IntoIterator<Item = R>) -> impl Stream<Item = R::Output> {
    stream::iter(reads).buffered(ABREAST)
}

/// What all reads give, in their order, or the first failure in it.
pub(crate) async fn all_abreast<T, E, R>(reads: impl IntoIterator<Item = R>) -> Result<Vec<T>, E>
where
    R: Future<Output = Result<T, E>>,
{
    abreast(reads).try_collect().await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn order_is_kept_and_the_number_bounded() {
        let (now, most) = (Cell::new(0), Cell::new(0));
        let reads = (0..1000u64).map(async |number| {
            now.set(now.get() + 1);
            most.set(most.get().max(now.get()));
            tokio::time::sleep(Duration::from_millis(1000 - number)).await;
            now.set(now.get() - 1);
            number
        });
        let found: Vec<u64> = abreast(reads).collect().await;
        assert!(found.into_iter().eq(0..1000));
        assert_eq!(most.get(), ABREAST);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_failure_counts_and_little_is_begun_after_it() {
        let begun = Cell::new(0);
        let reads = (0..1000u64).map(async |number| {
            begun.set(begun.get() + 1);
            tokio::time::sleep(Duration::from_millis(1000 - number)).await;
            if number == 70 || number == 100 { Err(number) } else { Ok(number) }
        });
        assert_eq!(all_abreast(reads).await, Err(70));
        assert!(begun.get() <= 71 + ABREAST, "{}", begun.get());
        assert_eq!(all_abreast((0..200).map(async |number| Ok::<u64, ()>(number))).await.unwrap().len(), 200);
    }
}
