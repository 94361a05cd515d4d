//! Commands that calls give at the same time go out as one list: a request for each takes three times as long as all of them.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::oneshot;

use crate::{error::Failure, http::Reply};

/// What a list answers to one of its commands.
pub type Told = Result<(Value, Arc<Reply>), Failure>;

/// Of commands that wait to go out.
#[derive(Default)]
pub struct Together(Mutex<Waiting>);

type Waiting = Vec<(Vec<String>, oneshot::Sender<Told>)>;

/// The commands of a list, and who waits for the answer to each. Who gets none has to ask alone.
pub struct List {
    pub commands: Vec<Vec<String>>,
    askers: Vec<oneshot::Sender<Told>>,
}

impl Together {
    /// What becomes of the command, and whether it is the first of a list, which its caller has to `take` and send.
    pub fn add(&self, words: &[&str]) -> (oneshot::Receiver<Told>, bool) {
        let (asker, answer) = oneshot::channel();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push((words.iter().map(ToString::to_string).collect(), asker));
        (answer, waiting.len() == 1)
    }

    pub fn take(&self) -> List {
        let waiting = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let (commands, askers) = waiting.into_iter().unzip();
        List { commands, askers }
    }
}

impl List {
    pub fn answer(self, answers: Vec<Value>, reply: Reply) {
        let reply = Arc::new(reply);
        for (asker, answer) in self.askers.into_iter().zip(answers) {
            // Nobody may wait any more.
            let _ = asker.send(Ok((answer, Arc::clone(&reply))));
        }
    }

    pub fn fail(self, failure: &Failure) {
        for asker in self.askers {
            let _ = asker.send(Err(failure.clone()));
        }
    }
}
