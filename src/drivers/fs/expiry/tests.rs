//! That an expiry holds, whatever else happens to the file and to the index.

use std::{
    fs::{self, File},
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    sync::Barrier,
    thread,
    time::{Duration, SystemTime},
};

use super::{
    super::{
        layout::INDEX,
        lock,
        sync::{Ways, observed},
        write::Writer,
    },
    record::LONGEST_LINE,
    sweep::REFUSED_WAIT,
    *,
};
use crate::{
    clock::wall::{AHEAD, after},
    driver::patiently,
};

/// An index that sweeps only when it is told to, as another process's would, and a writer over the same folder.
fn over(base: &Path, atomic: bool) -> (Arc<Expiries>, Writer) {
    let root = Root { base: base.to_path_buf(), follow: true };
    let mode = |mode| Mode::from_raw_mode(mode);
    let (mode, folder_mode) = (mode(0o666), mode(0o777));
    let ways = Ways::default();
    let writer = Writer { root: root.clone(), atomic, durable: false, ways, mode, folder_mode };
    (Expiries::of(&root, base, false, false), writer)
}

/// A file at `path` that holds the item of `key`, which has expired.
fn expired(path: &Path, key: &str) -> Record {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "old").unwrap();
    let stamp = Stamp::give(&File::options().write(true).open(path).unwrap()).unwrap();
    Record { key: key.as_bytes().into(), stamp, expires: 0 }
}

fn meets_a_write(atomic: bool) {
    let base = tempfile::tempdir().unwrap();
    let (expiries, writer) = over(base.path(), atomic);
    let path = base.path().join("dir/item");
    for round in 0..3000 {
        let record = expired(&path, "dir:item");
        let start = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                // So that it meets each step of the write.
                let (waited, wait) = (Instant::now(), Duration::from_micros(round % 150));
                while waited.elapsed() < wait {
                    std::hint::spin_loop();
                }
                expiries.expire(&record);
            });
            start.wait();
            patiently(|| writer.write(&path, b"new", None)).unwrap();
            assert_eq!(fs::read(&path).ok().as_deref(), Some(&b"new"[..]), "round {round}");
        });
        assert_eq!(fs::read(&path).unwrap(), b"new", "round {round}");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "round {round}");
    }
}

#[test]
fn a_sweep_takes_nothing_that_another_process_renames_into_place_meanwhile() {
    meets_a_write(true);
}

#[test]
fn a_sweep_takes_nothing_that_another_process_writes_in_place_meanwhile() {
    meets_a_write(false);
}

#[test]
fn a_sweep_comes_round_again_to_what_another_process_is_writing() {
    let base = tempfile::tempdir().unwrap();
    let (expiries, _) = over(base.path(), true);
    let path = base.path().join("dir/item");
    let record = expired(&path, "dir:item");
    let folder = File::open(path.parent().unwrap()).unwrap();
    let file = File::open(&path).unwrap();
    expiries.lock().insert(record.clone());
    for locked in [&folder, &file] {
        expiries.lock().next = None;
        assert!(lock::exclusive_within(locked, Duration::ZERO).unwrap());
        expiries.expire(&record);
        assert_eq!(expiries.lock().next, Some(record.expires));
        assert!(path.exists() && expiries.is_expired(&record.key, record.stamp));
        lock::release(locked);
    }
    expiries.expire(&record);
    assert!(!path.exists() && expiries.is_empty());
}

#[test]
fn a_sweep_lets_files_with_several_names_be() {
    let base = tempfile::tempdir().unwrap();
    let (expiries, _) = over(base.path(), true);
    let at = |name: &str| base.path().join(name);
    for other in ["soft", "hard"] {
        let record = expired(&at("item"), other);
        match other {
            "soft" => symlink(at("item"), at(other)).unwrap(),
            _ => fs::hard_link(at("item"), at(other)).unwrap(),
        }
        expiries.expire(&record);
        assert!(at(other).exists() && at("item").exists());
    }
}

#[test]
fn a_sweep_brings_no_older_value_to_light() {
    let base = tempfile::tempdir().unwrap();
    let (expiries, writer) = over(base.path(), true);
    let path = base.path().join("foo/bar");
    fs::write(base.path().join("foo"), "").unwrap();
    writer.write(&path, b"older", None).unwrap();
    fs::remove_file(base.path().join("foo")).unwrap();
    // As a process leaves it that is killed before it removes what it replaced.
    let record = expired(&path, "foo:bar");
    assert_eq!(expiries.locate(b"foo:bar").unwrap().map(|(path, _)| path).as_deref(), Some(&*path));
    expiries.expire(&record);
    assert_eq!(expiries.locate(b"foo:bar").unwrap(), None);
}

#[cfg(target_os = "linux")]
#[test]
fn what_the_system_refuses_to_remove_stays_expired_and_is_tried_again_later() {
    let base = tempfile::tempdir().unwrap();
    let (expiries, _) = over(base.path(), true);
    let (folder, path) = (base.path().join("dir"), base.path().join("dir/item"));
    let record = expired(&path, "dir:item");
    fs::set_permissions(base.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    expiries.lock().insert(record.clone());
    expiries.lock().next = None;
    let before = now();
    thread::scope(|scope| {
        scope.spawn(|| {
            // The superuser may do everything; another, whom this thread is from here on, may not.
            let _ = rustix::thread::set_thread_uid(rustix::fs::Uid::from_raw(65534));
            expiries.expire(&record);
        });
    });
    let next = expiries.lock().next.unwrap();
    assert!(next >= before + REFUSED_WAIT && next <= now() + REFUSED_WAIT);
    assert!(path.exists() && expiries.is_expired(&record.key, record.stamp));
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    expiries.expire(&record);
    assert!(!path.exists() && expiries.is_empty());
}

#[test]
fn an_index_that_takes_the_inode_of_the_old_one_is_read_anew() {
    let base = tempfile::tempdir().unwrap();
    let (expiries, _) = over(base.path(), true);
    let add = |name: &str| {
        let record = Record { expires: u64::MAX, ..expired(&base.path().join(name), name) };
        expiries.add(record.clone(), Mode::from_raw_mode(0o666), false).unwrap();
        record
    };
    let known = |record: &Record| {
        expiries.read(&mut expiries.lock());
        expiries.expires(&record.key, record.stamp).is_some()
    };
    let (first, second) = (add("first"), add("second"));
    assert!(known(&first) && known(&second));
    // As if the file that was read had been removed, and another one made with its number.
    expiries.lock().made = Some(SystemTime::UNIX_EPOCH);
    fs::write(base.path().join(INDEX), format!("{}{}", second.to_line(), "#".repeat(1000))).unwrap();
    assert!(!known(&first) && known(&second));
}

#[test]
fn a_durable_index_has_its_name_on_the_disk_and_is_there_before_it_takes_the_name_of_another() {
    let base = tempfile::tempdir().unwrap();
    let base = base.path().canonicalize().unwrap();
    let root = Root { base: base.clone(), follow: true };
    let expiries = Expiries::of(&root, &base, false, true);
    let index = base.join(INDEX);
    let add = |name: &str| {
        let record = Record { expires: u64::MAX, ..expired(&base.join(name), name) };
        expiries.add(record, Mode::from_raw_mode(0o666), true).unwrap();
        observed::take()
    };
    assert_eq!(add("first"), [index.clone(), base.clone()]);
    assert_eq!(add("second"), [index.as_path()]);
    expiries.rewrite(&mut expiries.lock());
    assert_eq!(observed::take().len(), 1);
    assert_eq!(add("third"), [index, base.clone()]);
}

#[test]
fn noise_without_an_end_of_line_is_read_once() {
    let base = tempfile::tempdir().unwrap();
    let (expiries, _) = over(base.path(), true);
    let record = Record { expires: u64::MAX, ..expired(&base.path().join("item"), "item") };
    let read = |text: &str| {
        fs::write(base.path().join(INDEX), text).unwrap();
        let mut state = expiries.lock();
        expiries.read(&mut state);
        (state.read, state.records.len())
    };
    let noise = "#".repeat(1_000_000);
    let (length, _) = read(&noise);
    assert!(noise.len() as u64 - length < LONGEST_LINE);
    // What comes after it counts; and a line that is still being written is read when it is whole.
    let whole = format!("{noise}{}", record.to_line());
    assert_eq!(read(&whole[..whole.len() - 1]).1, 0);
    assert_eq!(read(&whole), (whole.len() as u64, 1));
}

#[test]
fn an_index_that_is_written_anew_keeps_owner_and_mode() {
    let base = tempfile::tempdir().unwrap();
    let (expiries, _) = over(base.path(), true);
    let record = Record { expires: u64::MAX, ..expired(&base.path().join("item"), "item") };
    expiries.add(record, Mode::from_raw_mode(0o600), false).unwrap();
    let index = base.path().join(INDEX);
    assert_eq!(fs::metadata(&index).unwrap().mode() & 0o7777, 0o600);
    fs::set_permissions(&index, fs::Permissions::from_mode(0o640)).unwrap();
    // Only the superuser may.
    let _ = std::os::unix::fs::chown(&index, Some(65534), Some(65534));
    let whose = |metadata: &fs::Metadata| (metadata.uid(), metadata.gid(), metadata.mode());
    let before = fs::metadata(&index).unwrap();
    expiries.rewrite(&mut expiries.lock());
    let after = fs::metadata(&index).unwrap();
    assert_eq!((whose(&after), after.ino() == before.ino()), (whose(&before), false));
}

#[test]
fn a_clock_that_is_set_ahead_or_back_holds_up_no_sweep() {
    let base = tempfile::tempdir().unwrap();
    let (expiries, _) = over(base.path(), true);
    expiries.sweeps.store(true, Ordering::Relaxed);
    let add = |name: &str, life: f64| {
        let record = Record { expires: after(life), ..expired(&base.path().join(name), name) };
        expiries.add(record.clone(), Mode::from_raw_mode(0o666), false).unwrap();
        record
    };
    let hour = 3_600_000.0;
    let goes = |name: &str| {
        let started = Instant::now();
        while base.path().join(name).exists() {
            assert!(started.elapsed() < Duration::from_secs(30), "{name} stays");
            thread::sleep(Duration::from_millis(10));
        }
    };
    let long = add("long", hour);
    let longer = add("longer", 3.0 * hour);
    AHEAD.store(2 * 3600, Ordering::Relaxed);
    assert!(expiries.is_expired(&long.key, long.stamp) && !expiries.is_expired(&longer.key, longer.stamp));
    add("ahead", 5.0);
    goes("ahead");
    goes("long");
    AHEAD.store(0, Ordering::Relaxed);
    add("back", 5.0);
    goes("back");
    assert!(base.path().join("longer").exists() && !expiries.is_expired(&longer.key, longer.stamp));
}

#[test]
fn what_expired_before_its_file_got_its_name_is_expired_then() {
    let base = tempfile::tempdir().unwrap();
    let (expiries, _) = over(base.path(), true);
    let (unnamed, path) = (base.path().join("unnamed"), base.path().join("item"));
    let record = Record { expires: now(), ..expired(&unnamed, "item") };
    expiries.add(record.clone(), Mode::from_raw_mode(0o666), false).unwrap();
    expiries.expire(&record);
    expiries.rewrite(&mut expiries.lock());
    fs::rename(&unnamed, &path).unwrap();
    assert!(expiries.is_expired(&record.key, record.stamp));
    expiries.expire(&record);
    assert!(!path.exists() && expiries.is_empty());
}
