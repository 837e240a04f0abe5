//! What a plugin's call may touch.
