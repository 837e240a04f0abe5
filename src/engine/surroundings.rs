//! What a plugin's call may touch beyond its arguments, for one task.
