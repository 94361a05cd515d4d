//! Whether a file and its file system bear a database that several processes map into memory.

#[cfg(unix)]
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::{
    fs::{Metadata, OpenOptions},
    io,
    path::Path,
};

use crate::error::Failure;

/// Refuses a folder on a network disk, whose locks and maps are not those of other machines.
#[cfg(target_os = "linux")]
pub fn check(folder: &Path) -> Result<(), Failure> {
    let system = rustix::fs::statfs(folder).map_err(|error| Failure::of_system("the folder", &error.into()))?;
    #[allow(clippy::cast_sign_loss, reason = "it is a number to compare")]
    match network_disk(system.f_type as u64) {
        Some(name) => Err(on_network(name)),
        None => Ok(()),
    }
}

#[cfg(target_os = "linux")]
fn network_disk(kind: u64) -> Option<&'static str> {
    // From statfs(2) and the kernel's linux/magic.h. The number may be negative where it has 32 bits.
    NETWORK_DISKS.iter().find(|(number, _)| *number == kind & 0xFFFF_FFFF).map(|(_, name)| *name)
}

#[cfg(target_os = "linux")]
const NETWORK_DISKS: [(u64, &str); 12] = [
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB 2"),
    (0x0102_1997, "9P"),
    (0x00C3_6400, "Ceph"),
    (0x5346_414F, "AFS"),
    (0x6B41_4653, "AFS"),
    (0x7375_7245, "Coda"),
    (0x564C, "NCP"),
    (0x0BD0_0BD0, "Lustre"),
    (0x0116_1970, "GFS2"),
];

/// Refuses a folder on a disk that is not the machine's own.
#[cfg(target_os = "macos")]
pub fn check(folder: &Path) -> Result<(), Failure> {
    let system = rustix::fs::statfs(folder).map_err(|error| Failure::of_system("the folder", &error.into()))?;
    // MNT_LOCAL
    if system.f_flags & 0x1000 == 0 { Err(on_network("the disk")) } else { Ok(()) }
}

/// Refuses a folder of another machine: a drive that stands for one shows where it leads.
#[cfg(windows)]
pub fn check(folder: &Path) -> Result<(), Failure> {
    use std::path::{Component, Prefix};
    let whole = folder.canonicalize().map_err(|error| Failure::of_system("the folder", &error))?;
    match whole.components().next() {
        Some(Component::Prefix(prefix)) if matches!(prefix.kind(), Prefix::UNC(..) | Prefix::VerbatimUNC(..)) => {
            Err(on_network("a share"))
        }
        _ => Ok(()),
    }
}

/// Whether the disk is mounted so that nothing on it changes.
#[cfg(unix)]
pub fn is_read_only(folder: &Path) -> bool {
    let flags = rustix::fs::statvfs(folder).map(|disk| disk.f_flag);
    flags.is_ok_and(|flags| flags.contains(rustix::fs::StatVfsMountFlags::RDONLY))
}

/// Windows does not tell without a handle of the disk.
#[cfg(windows)]
pub fn is_read_only(_: &Path) -> bool {
    false
}

/// What a new file may be used for, but for what the process's mask takes away. Windows asks the folder.
pub fn for_everyone(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    options.mode(0o666);
    options
}

/// Refuses what is no file, or several.
pub fn check_regular(metadata: &Metadata) -> Result<(), Failure> {
    if metadata.is_dir() {
        return Err(Failure::of_system("the database", &io::ErrorKind::IsADirectory.into()));
    }
    if !metadata.is_file() {
        return Err(Failure::new("EINVAL", "the database is no file, but a pipe, a socket or a device"));
    }
    check_links(metadata)
}

/// Refuses a file that has several names: locks lie beside each of them, and do not hold between those who use another.
#[cfg(unix)]
fn check_links(metadata: &Metadata) -> Result<(), Failure> {
    if metadata.nlink() > 1 {
        let message = "the file has several names (hard links), between which locks do not hold";
        return Err(Failure::new("EMLINK", message));
    }
    Ok(())
}

/// Windows tells how many names a file has only to who holds it open, which takes the locks away.
#[cfg(windows)]
#[allow(clippy::unnecessary_wraps, reason = "elsewhere it refuses")]
fn check_links(_: &Metadata) -> Result<(), Failure> {
    Ok(())
}

fn on_network(name: &str) -> Failure {
    let message = format!("a database cannot lie on a network disk ({name}), where its locks do not hold");
    Failure::new("EOPNOTSUPP", message)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn network_disks_are_refused() {
        assert_eq!(network_disk(0x6969), Some("NFS"));
        assert_eq!(network_disk(0xFFFF_FFFF_FF53_4D42), Some("CIFS"));
        for local in [0xEF53, 0x0102_1994, 0x5846_5342, 0x9123_683E, 0x794C_7630] {
            assert_eq!(network_disk(local), None);
        }
        check(&std::env::temp_dir()).unwrap();
        assert_eq!(check(Path::new("/nowhere")).unwrap_err().code, "ENOENT");
        let said = on_network("NFS").to_string();
        assert_eq!(said, "EOPNOTSUPP: a database cannot lie on a network disk (NFS), where its locks do not hold");
    }
}
