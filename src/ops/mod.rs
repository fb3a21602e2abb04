//! The bridge to the tape of dfdx.
