//! The `taskwright` program.

fn main() {}
