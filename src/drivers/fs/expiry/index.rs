//! The index's file, and what was read of it.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::atomic::Ordering,
    time::{Duration, Instant, SystemTime},
};

use rustix::fs::{Mode, OFlags, fstat};

use super::{
    super::{
        layout::{INDEX, unfinished_name},
        lock,
        root::found,
        stamp::Stamp,
        sync::{sync_file, sync_folder},
        write::keep_owner_and_mode,
    },
    Expiries, GRACE, milliseconds,
    record::{LONGEST_LINE, Record},
};
use crate::clock::wall::now;

/// The index is written anew when it is twice as long as then, but not below this.
const SHORTEST: u64 = 64 * 1024;

/// What was read.
#[derive(Default)]
pub struct Index {
    /// The last two of each key: between a record and the file's new name, the file that was there still counts.
    pub records: HashMap<Box<[u8]>, Vec<Record>>,
    pub inode: u64,
    /// When the file was made, as an inode can be another file's later.
    pub made: Option<SystemTime>,
    /// How much of the file was read.
    pub read: u64,
    /// At what length it is written anew.
    pub limit: u64,
    /// The first expiry that no sweep is planned for or has seen.
    pub next: Option<u64>,
    /// When the next sweep comes, and when the last one came.
    pub planned: Option<Instant>,
    pub swept: Option<Instant>,
}

impl Index {
    pub fn insert(&mut self, record: Record) {
        self.next = Some(self.next.map_or(record.expires, |next| next.min(record.expires)));
        let records = self.records.entry(record.key.clone()).or_default();
        records.retain(|known| known.stamp != record.stamp);
        if records.len() > 1 {
            records.remove(0);
        }
        records.push(record);
    }

    pub fn is_expired(&self, key: &[u8], stamp: Stamp) -> bool {
        let (records, now) = (self.records.get(key).map(Vec::as_slice).unwrap_or_default(), now());
        records.iter().any(|record| record.stamp == stamp && record.expires <= now)
    }

    pub fn forget(&mut self, record: &Record) {
        if let Some(records) = self.records.get_mut(&record.key) {
            records.retain(|known| known != record);
            if records.is_empty() {
                self.records.remove(&record.key);
            }
        }
    }

    /// What was read counts no longer.
    pub fn reset(&mut self) {
        self.records.clear();
        (self.inode, self.read) = (0, 0);
    }
}

impl Expiries {
    /// The index's length then.
    pub(super) fn append(&self, record: &Record, mode: Mode, durable: bool) -> io::Result<u64> {
        let mut file = self.open_for_adding(mode)?;
        let line = record.to_line();
        file.write_all(line.as_bytes())?;
        let metadata = file.metadata()?;
        if durable {
            sync_file(&file)?;
            // It is new, maybe with the number of an old one, or was written anew.
            if metadata.len() == line.len() as u64 || self.named.load(Ordering::Acquire) != metadata.ino() {
                sync_folder(&self.root, &self.root.base)?;
                self.named.store(metadata.ino(), Ordering::Release);
            }
        }
        Ok(metadata.len())
    }

    fn path(&self) -> PathBuf {
        self.root.base.join(INDEX)
    }

    /// The index, locked against being written anew.
    fn open_for_adding(&self, mode: Mode) -> io::Result<File> {
        let path = self.path();
        loop {
            let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE;
            let file = File::from(self.root.open(&path, flags, mode)?);
            lock::shared(&file, &path)?;
            if self.is_current(&file)? {
                return Ok(file);
            }
        }
    }

    /// The index may have been replaced between being opened and being locked.
    fn is_current(&self, file: &File) -> io::Result<bool> {
        let inode = file.metadata()?.ino();
        Ok(found(self.path().metadata())?.is_some_and(|metadata| metadata.ino() == inode))
    }

    pub(super) fn read(&self, state: &mut Index) {
        if self.try_read(state).is_err() {
            // What cannot be read expires nothing.
            state.reset();
        }
        self.publish(state);
        self.checked.store(milliseconds(), Ordering::Release);
    }

    fn try_read(&self, state: &mut Index) -> io::Result<()> {
        let metadata = self.path().metadata()?;
        let made = metadata.created().ok();
        if metadata.ino() != state.inode || made != state.made || metadata.len() < state.read {
            state.reset();
            (state.inode, state.made) = (metadata.ino(), made);
        }
        if metadata.len() == state.read {
            return Ok(());
        }
        let mut file = File::open(self.path())?;
        file.seek(SeekFrom::Start(state.read))?;
        let (mut file, mut line) = (BufReader::new(file), Vec::new());
        loop {
            line.clear();
            let length = (&mut file).take(LONGEST_LINE).read_until(b'\n', &mut line)? as u64;
            if line.pop_if(|last| *last == b'\n').is_none() && length < LONGEST_LINE {
                // It is still being written, and is read the next time.
                return Ok(());
            }
            if let Some(record) = Record::from_line(&line) {
                state.insert(record);
            }
            state.read += length;
        }
    }

    /// Writes an index of that length anew if much of it may no longer hold.
    pub(super) fn shorten(&self, state: &mut Index, length: u64) {
        if length > state.limit.max(SHORTEST) {
            self.rewrite(state);
        }
    }

    /// Writes the index without what no longer holds.
    pub(super) fn rewrite(&self, state: &mut Index) {
        // The next write comes round to it again.
        let Ok(file) = File::open(self.path()) else { return };
        if !lock::exclusive_within(&file, Duration::ZERO).unwrap_or(false) {
            return;
        }
        if !self.is_current(&file).unwrap_or(false) {
            return;
        }
        self.read(state);
        let now = now();
        for records in state.records.values_mut() {
            records.retain(|record| record.expires.saturating_add(GRACE) > now || self.holds(record));
        }
        state.records.retain(|_, records| !records.is_empty());
        let lines: String = state.records.values().flatten().map(Record::to_line).collect();
        let temporary = self.root.base.join(unfinished_name());
        let written = if lines.is_empty() {
            std::fs::remove_file(self.path())
        } else {
            self.replace(&file, &temporary, lines.as_bytes())
        };
        if written.is_err() {
            let _ = std::fs::remove_file(&temporary);
        }
        state.limit = 2 * lines.len() as u64;
        self.read(state);
    }

    fn replace(&self, old: &File, temporary: &Path, lines: &[u8]) -> io::Result<()> {
        let mut new = File::options().write(true).create_new(true).mode(0o600).open(temporary)?;
        let old = fstat(old)?;
        keep_owner_and_mode(&new, &old)?;
        let kept = fstat(&new)?;
        let shared = kept.st_gid == old.st_gid && Mode::from_raw_mode(old.st_mode).contains(Mode::WGRP);
        if kept.st_uid != old.st_uid && !shared {
            // Whose it is could not write to it any more.
            return Err(ErrorKind::PermissionDenied.into());
        }
        new.write_all(lines)?;
        if self.durable.load(Ordering::Relaxed) {
            // A name that is on the disk before what it stands for would lose what was there.
            sync_file(&new)?;
        }
        self.named.store(0, Ordering::Release);
        std::fs::rename(temporary, self.path())
    }
}
