//! `workspace`: reading the worktree. What a path may look like is decided here; that it does not leave the worktree by
//! a symbolic link, only the surroundings can tell.

use super::{at_most, beginning};
use crate::plugin::{
    Capability, CapabilityError, ChangeKind, EntryKind,
    bindings::interface::{
        types::CapabilityError as Answered,
        workspace::{Change, ChangeKind as ChangeTold, DirEntry, EntryKind as EntryTold, Host},
    },
    limits::{LIST_ENTRIES, PATH_BYTES, READ_BYTES},
    sandbox::Call,
};

impl Host for Call {
    async fn list(&mut self, path: String) -> Result<Vec<DirEntry>, Answered> {
        self.admit(Capability::Workspace)?;
        let path = inside(&path)?;
        let mut entries = self.caller.around.workspace_list(&path).await?;
        entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        entries.truncate(LIST_ENTRIES);
        self.hand_over(entries.iter().map(|entry| entry.name.len() + size_of::<DirEntry>()).sum())?;
        Ok(entries.into_iter().map(told_entry).collect())
    }

    async fn read(&mut self, path: String, offset: u64, length: u32) -> Result<Vec<u8>, Answered> {
        self.admit(Capability::Workspace)?;
        let path = file_inside(&path)?;
        let length = length.min(u32::try_from(READ_BYTES).unwrap_or(u32::MAX));
        let mut bytes = self.caller.around.workspace_read(&path, offset, length).await?;
        bytes.truncate(length as usize);
        self.hand_over(bytes.len())?;
        Ok(bytes)
    }

    async fn changes(&mut self) -> Result<Vec<Change>, Answered> {
        self.admit(Capability::Workspace)?;
        let mut changes = self.caller.around.workspace_changes().await?;
        changes.truncate(LIST_ENTRIES);
        self.hand_over(changes.iter().map(|change| change.path.len() + size_of::<Change>()).sum())?;
        Ok(changes.into_iter().map(told_change).collect())
    }

    async fn diff(&mut self, path: Option<String>) -> Result<String, Answered> {
        self.admit(Capability::Workspace)?;
        let path = path.as_deref().map(file_inside).transpose()?;
        let diff = self.caller.around.workspace_diff(path.as_deref()).await?;
        let diff = cut_at_a_line(diff);
        self.hand_over(diff.len())?;
        Ok(diff)
    }
}

/// A path in the agent's folder as the surroundings take it: without `.`, empty parts and `..`.
fn inside(path: &str) -> Result<String, CapabilityError> {
    at_most("the path", path.len(), PATH_BYTES)?;
    if path.contains('\0') {
        return Err(CapabilityError::Invalid("a path has no NUL".into()));
    }
    if path.starts_with('/') {
        return Err(CapabilityError::Invalid(format!("`{path}` is not relative to the agent's folder")));
    }
    if path.split('/').any(|part| part == "..") {
        return Err(CapabilityError::Invalid(format!("`{path}` could lead outside the worktree")));
    }
    Ok(path.split('/').filter(|part| !part.is_empty() && *part != ".").collect::<Vec<_>>().join("/"))
}

fn file_inside(path: impl AsRef<str>) -> Result<String, CapabilityError> {
    let inside = inside(path.as_ref())?;
    if inside.is_empty() {
        return Err(CapabilityError::Invalid("the path of a file is missing".into()));
    }
    Ok(inside)
}

fn cut_at_a_line(diff: String) -> String {
    const MARK: &str = "... the rest of the difference is cut off\n";
    if diff.len() <= READ_BYTES {
        return diff;
    }
    let kept = beginning(&diff, READ_BYTES - MARK.len());
    let line_end = kept.rfind('\n').map_or(0, |newline| newline + 1);
    format!("{}{MARK}", &kept[..line_end])
}

fn told_entry(entry: crate::plugin::DirEntry) -> DirEntry {
    let kind = match entry.kind {
        EntryKind::File => EntryTold::File,
        EntryKind::Directory => EntryTold::Directory,
        EntryKind::Other => EntryTold::Other,
    };
    DirEntry { name: entry.name, kind, size: entry.size }
}

fn told_change(change: crate::plugin::Change) -> Change {
    let kind = match change.kind {
        ChangeKind::Added => ChangeTold::Added,
        ChangeKind::Modified => ChangeTold::Modified,
        ChangeKind::Deleted => ChangeTold::Deleted,
        ChangeKind::Renamed => ChangeTold::Renamed,
    };
    Change { path: change.path, kind, added: change.added, removed: change.removed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_could_climb_out_is_refused() {
        for path in ["/etc/passwd", "..", "a/../../b", "src/..", "a\0b", &"p".repeat(5_000)] {
            assert!(matches!(inside(path), Err(CapabilityError::Invalid(_))), "{path:?}");
        }
    }

    #[test]
    fn a_path_is_made_plain() {
        assert_eq!(inside("./src//main.rs").unwrap(), "src/main.rs");
        assert_eq!(inside("").unwrap(), "");
        assert_eq!(inside("..a/b..").unwrap(), "..a/b..");
        assert!(file_inside("./").is_err());
    }

    #[test]
    fn a_long_difference_is_cut_at_a_line_and_says_so() {
        let diff = "+ä line of it\n".repeat(READ_BYTES / 10);
        let cut = cut_at_a_line(diff);
        assert!(cut.len() <= READ_BYTES);
        assert!(cut.ends_with("+ä line of it\n... the rest of the difference is cut off\n"));
    }
}
