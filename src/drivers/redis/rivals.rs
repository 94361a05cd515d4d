//! Several servers that know the same, or several ways to one: who answers first is believed.

use std::time::Duration;

use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::time::sleep;

/// A server that has said nothing for so long is not waited for alone.
const ALONE: Duration = Duration::from_millis(500);

/// Asks `count` rivals by `ask`, one after another: the next when one has failed or says nothing, which goes on being waited for. Meanwhile those that
/// failed are asked again, as they may be back first. When all have failed, the last failure of each, in their order.
pub async fn first_answer<'a, T, E>(
    count: usize,
    ask: impl Fn(usize) -> BoxFuture<'a, Result<T, E>>,
) -> Result<T, Vec<E>> {
    let asking = |index| {
        let answer = ask(index);
        async move { (index, answer.await) }
    };
    let mut failures: Vec<Option<E>> = (0..count).map(|_| None).collect();
    let (mut next, mut asked, mut failed) = (0..count, FuturesUnordered::new(), Vec::new());
    while failures.iter().any(Option::is_none) {
        asked.extend(next.next().map(asking));
        tokio::select! {
            Some((index, answer)) = asked.next() => match answer {
                Ok(answer) => return Ok(answer),
                Err(failure) => {
                    failures[index] = Some(failure);
                    failed.push(index);
                }
            },
            () = sleep(ALONE) => if next.is_empty() {
                asked.extend(failed.drain(..).map(asking));
            },
        }
    }
    Err(failures.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use std::{
        cell::Cell,
        future::{pending, ready},
    };

    use futures_util::FutureExt;
    use tokio::{runtime::Builder, time::Instant};

    use super::*;

    fn run<T>(work: impl Future<Output = T>) -> T {
        Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
    }

    #[test]
    fn who_says_nothing_does_not_keep_others_from_it() {
        let rivals = |index| -> BoxFuture<Result<u8, u8>> {
            match index {
                0 | 2 => ready(Err(1)).boxed(),
                1 => pending().boxed(),
                _ => ready(Ok(3)).boxed(),
            }
        };
        let start = Instant::now();
        assert_eq!(run(first_answer(4, rivals)), Ok(3));
        assert!(start.elapsed() < ALONE * 2);
    }

    #[test]
    fn who_failed_is_asked_again_while_another_says_nothing() {
        let asked = Cell::new(0);
        let rivals = |index| -> BoxFuture<Result<u8, u8>> {
            if index == 1 {
                return pending().boxed();
            }
            asked.set(asked.get() + 1);
            ready(if asked.get() == 3 { Ok(7) } else { Err(1) }).boxed()
        };
        let start = Instant::now();
        assert_eq!(run(first_answer(2, rivals)), Ok(7));
        assert!(start.elapsed() < ALONE * 4);
    }

    #[test]
    fn it_ends_when_the_last_has_failed() {
        let rivals = |index| -> BoxFuture<Result<u8, u8>> {
            match index {
                0 => ready(Err(0)).boxed(),
                _ => sleep(ALONE * 2).map(|()| Err(1)).boxed(),
            }
        };
        let start = Instant::now();
        assert_eq!(run(first_answer(2, rivals)), Err(vec![0, 1]));
        assert!(start.elapsed() < ALONE * 4);
    }

    #[test]
    fn without_an_answer_all_failures_are_told() {
        let rivals = |index: usize| -> BoxFuture<Result<u8, usize>> { ready(Err(index)).boxed() };
        assert_eq!(run(first_answer(2, rivals)), Err(vec![0, 1]));
        assert_eq!(run(first_answer(0, rivals)), Err(Vec::new()));
    }
}
