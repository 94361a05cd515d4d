//! Several servers that know the same: who answers first is believed.

use std::time::Duration;

use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::time::sleep;

/// A server that has said nothing for so long is not waited for alone.
const ALONE: Duration = Duration::from_millis(500);

/// Asks one after another: the next when one has failed or says nothing, which goes on being waited for. Without an answer, all failures in their order.
pub async fn first_answer<T, E>(rivals: Vec<BoxFuture<'_, Result<T, E>>>) -> Result<T, Vec<E>> {
    let (mut rest, mut asked, mut failures) = (rivals.into_iter(), FuturesUnordered::new(), Vec::new());
    loop {
        let next = rest.next();
        let more = next.is_some();
        asked.extend(next);
        tokio::select! {
            answer = asked.next() => match answer {
                Some(Ok(answer)) => return Ok(answer),
                Some(Err(failure)) => failures.push(failure),
                None => return Err(failures),
            },
            () = sleep(ALONE), if more => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::{runtime::Builder, time::Instant};

    use super::*;

    fn run<T>(work: impl Future<Output = T>) -> T {
        Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
    }

    #[test]
    fn who_says_nothing_does_not_keep_others_from_it() {
        let rivals: Vec<BoxFuture<Result<u8, u8>>> =
            vec![Box::pin(ready(Err(1))), Box::pin(pending()), Box::pin(ready(Err(2))), Box::pin(ready(Ok(3)))];
        let start = Instant::now();
        assert_eq!(run(first_answer(rivals)), Ok(3));
        assert!(start.elapsed() < ALONE * 2);
    }

    #[test]
    fn without_an_answer_all_failures_are_told() {
        let rivals: Vec<BoxFuture<Result<u8, u8>>> = vec![Box::pin(ready(Err(1))), Box::pin(ready(Err(2)))];
        assert_eq!(run(first_answer(rivals)), Err(vec![1, 2]));
        assert_eq!(run(first_answer::<u8, u8>(Vec::new())), Err(Vec::new()));
    }
}
