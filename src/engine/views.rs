//! What clients see of a task beyond its rows.
