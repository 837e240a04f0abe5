//! Copies files that git ignores, and a worktree needs, from the source checkout.

use super::{Step, Steps, repository::Found};
use git2::Repository;
use globset::{Glob, GlobSet, GlobSetBuilder};
use std::{
    ffi::OsStr,
    fs, io,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};
use walkdir::{DirEntry, WalkDir};

/// Files and folders that are looked at, before the search is given up.
const MAX_SEEN: usize = 200_000;

/// Files that are copied.
const MAX_FILES: usize = 20_000;

/// Bytes that are copied in all.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// What is said when there is more.
const TOO_MANY: &str = "there are too many files; the rest was not copied";

/// Names that are listed in the step.
const MAX_LISTED: usize = 20;

/// Copies the files that match and that git ignores. Nothing that is there is overwritten, no symlink followed. What
/// cannot be copied is told and is no failure of the whole.
pub(super) fn copy_files(found: &Found, worktree: &Path, globs: &[String], steps: Steps<'_>) {
    if globs.is_empty() || found.repo.is_bare() {
        return;
    }
    let about = globs.join(", ");
    let wanted = match Wanted::new(globs) {
        Ok(wanted) => wanted,
        Err(error) => {
            steps(Step { step: "copy", about, output: Some(error.to_string()), ok: false });
            return;
        }
    };
    let mut copying = Copying { found, worktree, wanted, copied: Vec::new(), bytes: 0, problem: None };
    copying.run();
    let mut said = match copying.copied.len() {
        0 => "no ignored file matches".to_owned(),
        count => format!("copied {count}: {}", copying.copied[..count.min(MAX_LISTED)].join(", ")),
    };
    if copying.copied.len() > MAX_LISTED {
        said.push_str(", …");
    }
    let ok = copying.problem.is_none();
    if let Some(problem) = copying.problem {
        said = format!("{problem}; {said}");
    }
    steps(Step { step: "copy", about, output: Some(said), ok });
}

/// What is to be copied.
struct Wanted {
    /// By a path, or in a folder that is wanted.
    paths: GlobSet,
    /// By a name, in every folder that git does not ignore.
    names: GlobSet,
    /// Folders that lead to such paths, though git ignores them.
    ways: GlobSet,
}

impl Wanted {
    /// A glob without a slash is a name; one that names a folder means all that is in it.
    fn new(globs: &[String]) -> Result<Self, globset::Error> {
        let (mut paths, mut names, mut ways) = (GlobSetBuilder::new(), GlobSetBuilder::new(), GlobSetBuilder::new());
        for glob in globs {
            let glob = glob.trim_start_matches('/').trim_end_matches('/');
            if glob.contains('/') {
                paths.add(literal_separator(glob)?).add(literal_separator(&format!("{glob}/**"))?);
            } else {
                names.add(literal_separator(&format!("**/{glob}"))?);
                paths.add(literal_separator(&format!("**/{glob}/**"))?);
            }
            for (end, _) in glob.match_indices('/') {
                ways.add(literal_separator(&glob[..end])?);
            }
        }
        Ok(Self { paths: paths.build()?, names: names.build()?, ways: ways.build()? })
    }

    fn is_file(&self, relative: &Path, repo: &Repository) -> bool {
        let is_seen = || {
            let folder = relative.parent().filter(|folder| !folder.as_os_str().is_empty());
            folder.is_none_or(|folder| !repo.is_path_ignored(folder).unwrap_or(true))
        };
        self.paths.is_match(relative) || (self.names.is_match(relative) && is_seen())
    }

    fn is_entered(&self, relative: &Path, repo: &Repository) -> bool {
        [&self.paths, &self.names, &self.ways].iter().any(|set| set.is_match(relative))
            || !repo.is_path_ignored(relative).unwrap_or(false)
    }
}

fn literal_separator(glob: &str) -> Result<Glob, globset::Error> {
    globset::GlobBuilder::new(glob).literal_separator(true).build()
}

struct Copying<'a> {
    found: &'a Found,
    worktree: &'a Path,
    wanted: Wanted,
    copied: Vec<String>,
    bytes: u64,
    problem: Option<String>,
}

impl Copying<'_> {
    fn run(&mut self) {
        let (found, wanted) = (self.found, &self.wanted);
        let root = &found.root;
        let is_entered = |entry: &DirEntry| {
            let Ok(relative) = entry.path().strip_prefix(root) else { return false };
            // A worktree root may be inside the repository; other repositories' files are not this one's.
            entry.depth() == 0
                || !entry.file_type().is_dir()
                || entry.file_name() != OsStr::new(".git")
                    && !entry.path().join(".git").exists()
                    && wanted.is_entered(relative, &found.repo)
        };
        let walk = WalkDir::new(root).follow_links(false).sort_by_file_name().into_iter().filter_entry(is_entered);
        let mut matching = Vec::new();
        for (seen, entry) in walk.enumerate() {
            let Ok(entry) = entry else { continue };
            let Ok(relative) = entry.path().strip_prefix(root) else { continue };
            if entry.file_type().is_file() && wanted.is_file(relative, &found.repo) {
                matching.push(relative.to_owned());
            }
            if seen >= MAX_SEEN || matching.len() >= MAX_FILES {
                self.problem = Some(TOO_MANY.to_owned());
                break;
            }
        }
        for relative in matching {
            if self.bytes >= MAX_BYTES {
                self.problem = Some(TOO_MANY.to_owned());
                break;
            }
            if self.found.repo.is_path_ignored(&relative).unwrap_or(false) {
                self.copy(&relative);
            }
        }
    }

    fn copy(&mut self, relative: &Path) {
        match self.try_copy(relative) {
            Ok(bytes) => {
                self.bytes += bytes;
                self.copied.push(relative.display().to_string());
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => self.problem = Some(format!("cannot copy {}: {error}", relative.display())),
        }
    }

    fn try_copy(&self, relative: &Path) -> io::Result<u64> {
        let target = self.worktree.join(relative);
        make_folders(self.worktree, relative.parent().unwrap_or(Path::new("")))?;
        let no_follow = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
        let mut from =
            fs::OpenOptions::new().read(true).custom_flags(no_follow).open(self.found.root.join(relative))?;
        let data = from.metadata()?;
        if !data.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        let mode = data.permissions().mode() & 0o777;
        let mut to = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&target)?;
        let bytes = io::copy(&mut from, &mut to)?;
        fs::set_permissions(&target, fs::Permissions::from_mode(mode))?;
        Ok(bytes)
    }
}

/// Makes the folders of a relative path. The commit may hold a symlink where the source has a folder: none is followed.
fn make_folders(root: &Path, relative: &Path) -> io::Result<()> {
    let mut folder = root.to_owned();
    for part in relative.components() {
        folder.push(part);
        match folder.symlink_metadata() {
            Ok(data) if data.is_dir() => {}
            Ok(_) => return Err(io::Error::other(format!("{} is no folder in the worktree", folder.display()))),
            Err(_) => fs::create_dir(&folder)?,
        }
    }
    Ok(())
}
