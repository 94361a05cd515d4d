//! What a folder holds.

use std::{
    ffi::OsStr,
    io,
    os::{fd::BorrowedFd, unix::ffi::OsStrExt},
};

use rustix::fs::{AtFlags, FileType, statat};

/// One after another, in their order. Their names lie together: a folder may have a hundred thousand.
#[derive(Default)]
pub struct Entries {
    names: Vec<u8>,
    all: Vec<Known>,
    next: usize,
}

pub struct Entry<'a> {
    pub is_folder: bool,
    pub is_link: bool,
    pub name: &'a OsStr,
}

struct Known {
    is_folder: bool,
    is_link: bool,
    start: usize,
    end: usize,
}

impl Entries {
    /// What a folder that was just opened holds, as unstorage lists it: by name, files before folders.
    pub fn of(folder: BorrowedFd) -> io::Result<Self> {
        let mut entries = Self::default();
        read(folder, |name, kind| {
            let kind = match kind {
                FileType::Unknown => match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                    Err(_) => return,
                },
                kind => kind,
            };
            entries.push(name, kind);
        })?;
        let Self { names, all, .. } = &mut entries;
        all.sort_unstable_by_key(|known| (known.is_folder, &names[known.start..known.end]));
        Ok(entries)
    }

    /// The one of that name, which is no folder, if it is there.
    pub fn only(folder: BorrowedFd, name: &str) -> Self {
        let mut entries = Self::default();
        if statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
            entries.push(name.as_ref(), FileType::RegularFile);
        }
        entries
    }

    pub fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        self.all.iter().map(|known| self.entry(known))
    }

    pub fn next(&mut self) -> Option<Entry<'_>> {
        let known = self.all.get(self.next)?;
        self.next += 1;
        Some(self.entry(known))
    }

    fn entry(&self, known: &Known) -> Entry<'_> {
        let &Known { is_folder, is_link, start, end } = known;
        Entry { is_folder, is_link, name: OsStr::from_bytes(&self.names[start..end]) }
    }

    fn push(&mut self, name: &OsStr, kind: FileType) {
        let start = self.names.len();
        self.names.extend_from_slice(name.as_bytes());
        let (is_folder, is_link) = (kind == FileType::Directory, kind == FileType::Symlink);
        self.all.push(Known { is_folder, is_link, start, end: self.names.len() });
    }
}

/// Calls `each` with the names that the folder holds. One that was removed holds none.
#[cfg(target_os = "linux")]
fn read(folder: BorrowedFd, mut each: impl FnMut(&OsStr, FileType)) -> io::Result<()> {
    let mut buffer = [std::mem::MaybeUninit::uninit(); 16 * 1024];
    let mut entries = rustix::fs::RawDir::new(folder, &mut buffer);
    while let Some(entry) = entries.next() {
        match entry {
            Ok(entry) => named(entry.file_name(), entry.file_type(), &mut each),
            Err(rustix::io::Errno::NOENT) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn read(folder: BorrowedFd, mut each: impl FnMut(&OsStr, FileType)) -> io::Result<()> {
    for entry in rustix::fs::Dir::read_from(folder)? {
        let entry = entry?;
        named(entry.file_name(), entry.file_type(), &mut each);
    }
    Ok(())
}

fn named(name: &std::ffi::CStr, kind: FileType, each: &mut impl FnMut(&OsStr, FileType)) {
    let name = OsStr::from_bytes(name.to_bytes());
    if name != "." && name != ".." {
        each(name, kind);
    }
}
