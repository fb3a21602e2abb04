//! Layers and nets.
