//! Rounds of tests.
