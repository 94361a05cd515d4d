//! A look at a file before it is mapped: reading a map beyond the file's end would end the process.

use std::{fs::File, io};

const HEADER: usize = 16;
const META: usize = 136;
const MAGIC: u32 = 0xBEEF_C0DE;
const VERSION: u32 = 1;
const SMALLEST_PAGE: usize = 256;
const LARGEST_PAGE: usize = 0x8000;
const BRANCH: u16 = 1;
const LEAF: u16 = 2;
/// A node's data lies on pages of its own.
const FAR: u16 = 1;
const NODE: usize = 8;
const NONE: u64 = u64::MAX;
/// Trees are far less deep.
const DEEPEST: u16 = 32;

#[derive(Debug, PartialEq)]
pub enum Finding {
    /// Nothing yet.
    Empty,
    Whole,
    Foreign,
    OtherVersion,
    /// It ends before what it should hold.
    Truncated,
}

/// What a file of LMDB says about itself.
struct Meta {
    page: usize,
    /// Where the tree of free pages begins, and its depth.
    free: u64,
    depth: u16,
    last: u64,
    transaction: u64,
}

/// What is at `file`.
pub fn inspect(file: &File) -> io::Result<Finding> {
    loop {
        let newest = match newest(file)? {
            Ok(meta) => meta,
            Err(finding) => return Ok(finding),
        };
        let finding = look(file, &newest)?;
        // Other processes that commit meanwhile use pages again that were free.
        if finding == Finding::Whole || self::newest(file)?.is_ok_and(|now| now.transaction == newest.transaction) {
            return Ok(finding);
        }
    }
}

/// The newer of the two metas, which holds.
fn newest(file: &File) -> io::Result<Result<Meta, Finding>> {
    let length = file.metadata()?.len();
    if length == 0 {
        return Ok(Err(Finding::Empty));
    }
    let first = match meta(file, 0)? {
        Ok(meta) => meta,
        Err(finding) => return Ok(Err(finding)),
    };
    Ok(match meta(file, first.page as u64)? {
        Ok(second) if second.page == first.page && second.transaction > first.transaction => Ok(second),
        Ok(_) => Ok(first),
        Err(_) if length < 2 * first.page as u64 => Err(Finding::Truncated),
        Err(_) => Err(Finding::Foreign),
    })
}

fn look(file: &File, newest: &Meta) -> io::Result<Finding> {
    let length = file.metadata()?.len();
    let pages = length / newest.page as u64;
    if pages > newest.last {
        return Ok(Finding::Whole);
    }
    // The last pages may be missing if they are free.
    let mut missing = Missing { file, page: newest.page, pages, last: newest.last, free: 0 };
    let known = newest.free == NONE || missing.look(newest.free, newest.depth)?;
    let all = newest.last - pages + 1;
    Ok(if known && missing.free == all { Finding::Whole } else { Finding::Truncated })
}

fn meta(file: &File, at: u64) -> io::Result<Result<Meta, Finding>> {
    let mut bytes = [0; HEADER + META];
    let read = read_at(file, &mut bytes, at)?;
    let (magic, version) = (u32_at(&bytes, HEADER), u32_at(&bytes, HEADER + 4));
    if read < HEADER + 8 || magic != MAGIC {
        return Ok(Err(Finding::Foreign));
    }
    if version != VERSION {
        return Ok(Err(Finding::OtherVersion));
    }
    if read < bytes.len() {
        return Ok(Err(Finding::Truncated));
    }
    let page = usize::try_from(u32_at(&bytes, 40)).unwrap_or_default();
    if !page.is_power_of_two() || !(SMALLEST_PAGE..=LARGEST_PAGE).contains(&page) {
        return Ok(Err(Finding::Foreign));
    }
    Ok(Ok(Meta {
        page,
        depth: u16_at(&bytes, 46),
        free: u64_at(&bytes, 80),
        last: u64_at(&bytes, 136),
        transaction: u64_at(&bytes, 144),
    }))
}

/// Counts the free pages that are not in the file.
struct Missing<'a> {
    file: &'a File,
    page: usize,
    pages: u64,
    last: u64,
    free: u64,
}

impl Missing<'_> {
    /// Goes through the tree at page `number`. False for what is no tree in the file.
    fn look(&mut self, number: u64, depth: u16) -> io::Result<bool> {
        let mut page = vec![0; self.page];
        if number >= self.pages || depth == 0 || depth > DEEPEST {
            return Ok(false);
        }
        if read_at(self.file, &mut page, number * self.page as u64)? < page.len() {
            return Ok(false);
        }
        let kind = u16_at(&page, 10) & (BRANCH | LEAF);
        let nodes = usize::from(u16_at(&page, 12)).saturating_sub(HEADER) / 2;
        for index in 0..nodes {
            let at = HEADER + 2 * index;
            if at + 2 > page.len() {
                return Ok(false);
            }
            let node = usize::from(u16_at(&page, at));
            let Some(header) = page.get(node..node + NODE) else { return Ok(false) };
            let (low, high, flags) = (u16_at(header, 0), u16_at(header, 2), u16_at(header, 4));
            let size = u64::from(low) | u64::from(high) << 16;
            let data = node + NODE + usize::from(u16_at(header, 6));
            let whole = match kind {
                BRANCH => self.look(size | u64::from(flags) << 32, depth - 1)?,
                LEAF if flags & FAR == 0 => self.count(page.get(data..).unwrap_or_default()),
                LEAF => match page.get(data..data + 8) {
                    Some(far) => self.count_far(u64_at(far, 0), size)?,
                    None => false,
                },
                _ => false,
            };
            if !whole {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn count_far(&mut self, number: u64, size: u64) -> io::Result<bool> {
        let start = number.saturating_mul(self.page as u64);
        let end = start.saturating_add(HEADER as u64).saturating_add(size);
        if end > self.pages * self.page as u64 {
            return Ok(false);
        }
        let mut list = vec![0; usize::try_from(size).unwrap_or_default()];
        let read = read_at(self.file, &mut list, start + HEADER as u64)?;
        Ok(read == list.len() && self.count(&list))
    }

    /// A list of pages: how many, and their numbers.
    fn count(&mut self, list: &[u8]) -> bool {
        let (numbers, _) = list.as_chunks::<8>();
        let Some((count, numbers)) = numbers.split_first() else { return false };
        let count = usize::try_from(u64::from_le_bytes(*count)).unwrap_or(usize::MAX);
        let Some(numbers) = numbers.get(..count) else { return false };
        let missing = self.pages..=self.last;
        self.free += numbers.iter().filter(|number| missing.contains(&u64::from_le_bytes(**number))).count() as u64;
        true
    }
}

#[cfg(unix)]
fn read_some(file: &File, bytes: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, bytes, at)
}

#[cfg(windows)]
fn read_some(file: &File, bytes: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, bytes, at)
}

/// How much of `bytes` the file had.
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < bytes.len() {
        match read_some(file, &mut bytes[read..], at + read as u64)? {
            0 => break,
            more => read += more,
        }
    }
    Ok(read)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes[at..].first_chunk().map_or(0, |number| u16::from_le_bytes(*number))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |number| u32::from_le_bytes(*number))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |number| u64::from_le_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use heed::{EnvFlags, EnvOpenOptions, types::Bytes};
    use proptest::{collection::vec, prelude::*};
    use std::{fs, path::Path};

    /// A file that many transactions have written, removed from and written again.
    fn make(path: &Path, values: &[(u8, usize, bool)]) {
        // SAFETY: nobody else has the file.
        let env = unsafe { EnvOpenOptions::new().map_size(64 << 20).flags(EnvFlags::NO_SUB_DIR).open(path) }.unwrap();
        for chunk in values.chunks(4) {
            let mut txn = env.write_txn().unwrap();
            let items = env.create_database::<Bytes, Bytes>(&mut txn, None).unwrap();
            for &(key, size, stays) in chunk {
                items.put(&mut txn, &[key, 1], &vec![key; size]).unwrap();
                if !stays {
                    items.delete(&mut txn, &[key, 1]).unwrap();
                }
            }
            txn.commit().unwrap();
        }
        env.prepare_for_closing().wait();
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

        #[test]
        fn a_file_that_lmdb_wrote_is_whole_and_its_beginning_is_not(
            values in vec((0u8..20, prop_oneof![0usize..3000, 3000usize..200_000], any::<bool>()), 1..60),
            cut in 0u64..1000,
            noise in vec(any::<u8>(), 0..5000),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("data");
            make(&path, &values);
            let file = File::options().read(true).write(true).open(&path).unwrap();
            prop_assert_eq!(inspect(&file).unwrap(), Finding::Whole);
            // Pages that hold something are in the file's beginning: so a cut there loses some.
            let length = file.metadata().unwrap().len();
            let shorter = length * cut / 1000;
            file.set_len(shorter).unwrap();
            let found = inspect(&file).unwrap();
            prop_assert!(found != Finding::Empty || shorter == 0);
            if shorter < 4096 * 2 && shorter > 0 {
                prop_assert!(matches!(found, Finding::Truncated | Finding::Foreign));
            }
            // Whatever is there, it is looked at without harm.
            fs::write(&path, &noise).unwrap();
            prop_assert!(inspect(&File::open(&path).unwrap()).unwrap() != Finding::Whole);
            let mut mixed = vec![0; 8192];
            mixed[16..20].copy_from_slice(&MAGIC.to_le_bytes());
            mixed[20..24].copy_from_slice(&VERSION.to_le_bytes());
            for (place, byte) in mixed[24..].iter_mut().zip(&noise) {
                *place = *byte;
            }
            fs::write(&path, &mixed).unwrap();
            inspect(&File::open(&path).unwrap()).unwrap();
        }
    }

    #[test]
    fn a_file_that_lacks_a_page_in_use_is_truncated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        make(&path, &[(1, 100_000, true), (2, 100_000, true)]);
        let file = File::options().write(true).read(true).open(&path).unwrap();
        file.set_len(file.metadata().unwrap().len() - 1).unwrap();
        assert_eq!(inspect(&file).unwrap(), Finding::Truncated);
    }
}
