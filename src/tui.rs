//! The terminal front end: the edge between terminal, clock and threads, and the pure core.
