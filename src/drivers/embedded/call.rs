//! Calls that wait for their turn in a transaction.

use foldhash::fast::FixedState;
use std::hash::BuildHasher;

use super::store::{Edit, View};
use crate::{
    driver::{Answer, Bells},
    error::Cause,
};

/// What a call changes, so that reads of it wait.
#[derive(Debug)]
pub enum Touches {
    Nothing,
    /// By the hashes of their keys. What shares a hash only waits needlessly.
    Keys(Box<[u64]>),
    Everything,
}

impl Touches {
    pub fn keys<'a>(keys: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self::Keys(keys.into_iter().map(hash).collect())
    }
}

pub fn hash(key: &[u8]) -> u64 {
    FixedState::default().hash_one(key)
}

/// A call in a transaction that it may share with others.
pub trait Call: Send {
    fn touches(&self) -> &Touches;
    /// How much the call writes, in bytes: a transaction takes no more calls when it is large.
    fn size(&self) -> usize;
    /// Does it, once more if the transaction failed.
    fn act(&mut self, edit: &mut dyn Edit) -> Result<(), Cause>;
    /// Does it without a transaction; None for what may change something.
    fn look(&mut self, view: &dyn View) -> Option<Result<(), Cause>>;
    /// The transaction has ended.
    fn answer(self: Box<Self>, ended: Result<(), Cause>, bells: &mut Bells);
}

/// A call that writes: what `act` gives is the answer.
pub struct Work<T, F> {
    touches: Touches,
    size: usize,
    act: F,
    result: Option<T>,
    answer: Answer<T>,
}

impl<T, F> Work<T, F>
where
    T: Send + 'static,
    F: FnMut(&mut dyn Edit) -> Result<T, Cause> + Send + 'static,
{
    pub fn boxed(touches: Touches, size: usize, answer: Answer<T>, act: F) -> Box<dyn Call> {
        Box::new(Self { touches, size, act, result: None, answer })
    }
}

impl<T, F> Call for Work<T, F>
where
    T: Send,
    F: FnMut(&mut dyn Edit) -> Result<T, Cause> + Send,
{
    fn touches(&self) -> &Touches {
        &self.touches
    }

    fn size(&self) -> usize {
        self.size
    }

    fn act(&mut self, edit: &mut dyn Edit) -> Result<(), Cause> {
        self.result = Some((self.act)(edit)?);
        Ok(())
    }

    fn look(&mut self, _: &dyn View) -> Option<Result<(), Cause>> {
        None
    }

    fn answer(self: Box<Self>, ended: Result<(), Cause>, bells: &mut Bells) {
        // Whatever ended well has acted.
        let Self { result, answer, .. } = *self;
        answer.send(ended.and_then(|()| result.ok_or(Cause::Abandoned)), bells);
    }
}

/// A call that reads after those before it.
pub struct Look<T, F> {
    read: F,
    result: Option<T>,
    answer: Answer<T>,
}

impl<T, F> Look<T, F>
where
    T: Send + 'static,
    F: Fn(&dyn View) -> Result<T, Cause> + Send + 'static,
{
    pub fn boxed(answer: Answer<T>, read: F) -> Box<dyn Call> {
        Box::new(Self { read, result: None, answer })
    }
}

impl<T, F> Call for Look<T, F>
where
    T: Send,
    F: Fn(&dyn View) -> Result<T, Cause> + Send,
{
    fn touches(&self) -> &Touches {
        &Touches::Nothing
    }

    fn size(&self) -> usize {
        0
    }

    fn act(&mut self, edit: &mut dyn Edit) -> Result<(), Cause> {
        self.result = Some((self.read)(edit)?);
        Ok(())
    }

    fn look(&mut self, view: &dyn View) -> Option<Result<(), Cause>> {
        Some((self.read)(view).map(|found| self.result = Some(found)))
    }

    fn answer(self: Box<Self>, ended: Result<(), Cause>, bells: &mut Bells) {
        let Self { result, answer, .. } = *self;
        answer.send(ended.and_then(|()| result.ok_or(Cause::Abandoned)), bells);
    }
}
