//! Asking a chain of plugins, and recording what each said.
