//! The command line: `serve`, and client commands that speak REST to a running server.
