//! Making and removing the places in which a task works.
