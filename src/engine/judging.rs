//! The end criteria.
