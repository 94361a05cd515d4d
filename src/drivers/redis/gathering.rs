//! One answer for many commands that were sent together.

use std::sync::{Arc, Mutex, PoisonError};

use super::{command::Done, resp::Reply};
use crate::{
    driver::{Answer, Bells},
    error::{Cause, Failure},
};

pub struct Gathering<T>(Mutex<State<T>>);

struct State<T> {
    replies: Vec<Reply>,
    open: usize,
    /// The first of them.
    failure: Option<Failure>,
    read: fn(Vec<Reply>) -> Result<T, Cause>,
    answer: Option<Answer<T>>,
}

impl<T: 'static> Gathering<T> {
    /// `read` makes the answer of all replies, in the order of their places.
    pub fn new(count: usize, read: fn(Vec<Reply>) -> Result<T, Cause>, answer: Answer<T>) -> Arc<Self> {
        let replies = vec![Reply::Bulk(None); count];
        Arc::new(Self(Mutex::new(State { replies, open: count, failure: None, read, answer: Some(answer) })))
    }

    /// What the reply at a place is given to.
    pub fn place(self: &Arc<Self>, index: usize) -> Done {
        let gathering = Arc::clone(self);
        Box::new(move |reply, bells| gathering.arrived(index, reply, bells))
    }

    fn arrived(&self, index: usize, reply: Result<Reply, Failure>, bells: &mut Bells) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.open -= 1;
        match reply {
            Ok(reply) => state.replies[index] = reply,
            Err(failure) => {
                state.failure.get_or_insert(failure);
            }
        }
        if state.open == 0
            && let Some(answer) = state.answer.take()
        {
            let result = match state.failure.take() {
                Some(failure) => Err(failure.into()),
                None => (state.read)(std::mem::take(&mut state.replies)),
            };
            answer.send(result, bells);
        }
    }
}
