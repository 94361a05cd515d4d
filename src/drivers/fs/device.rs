//! On which device a folder is, and whether that is a disk of this machine.

use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2, stat, statfs};

use super::seen::see;

/// The `f_type` of ext2 to ext4, XFS, Btrfs, F2FS, ZFS, overlayfs and tmpfs.
const LOCAL: [u32; 7] = [0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0x2FC1_2FC1, 0x794C_7630, 0x0102_1994];

/// The device at the path, if it is a disk of this machine.
pub fn local(path: &Path) -> Option<u64> {
    let kind = u32::try_from(statfs(path).ok()?.f_type).ok()?;
    LOCAL.contains(&kind).then(|| stat(path).ok().map(|stat| stat.st_dev)).flatten()
}

/// The device of the folder, if the kernel knows it without waiting, and no link leads there. Links on the way to the base are nobody's
/// concern.
pub fn of_folder(base: &Path, folder: &Path) -> Option<u64> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let plain = ResolveFlags::CACHED | ResolveFlags::NO_SYMLINKS;
    let opened = match folder.strip_prefix(base) {
        Err(_) => openat2(CWD, folder, flags, Mode::empty(), plain).ok()?,
        Ok(inner) => {
            let base = openat2(CWD, base, flags, Mode::empty(), ResolveFlags::CACHED).ok()?;
            let is_base = inner.as_os_str().is_empty();
            if is_base { base } else { openat2(base, inner, flags, Mode::empty(), plain).ok()? }
        }
    };
    Some(see(opened).ok()?.identity.device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::symlink};

    #[test]
    fn what_is_no_disk_of_this_machine_is_not_local() {
        assert_eq!(local(Path::new("/proc")), None);
    }

    #[test]
    fn a_folder_behind_a_link_below_the_base_is_on_no_known_device() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("real/folder")).unwrap();
        symlink("real", at("base")).unwrap();
        symlink("folder", at("real/link")).unwrap();
        let device = stat(root.path()).unwrap().st_dev;
        for (folder, expected) in
            [("base", Some(device)), ("base/folder", Some(device)), ("base/link", None), ("real/folder", Some(device))]
        {
            // Looked for once, it is in the kernel's memory.
            fs::read_dir(at(folder)).unwrap();
            assert_eq!(of_folder(&at("base"), &at(folder)), expected, "{folder}");
        }
    }
}
